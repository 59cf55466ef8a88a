"""From the records of all rounds to rows."""

from statistics import median

# A shared machine moves by more than this between two medians of the same code.
TOLERANCE = 0.05


def best_of(values, better):
    return min(values) if better == "lower" else max(values)


def is_met(target, better, weft, ratio):
    figure = ratio if target.kind == "ratio" else weft
    if figure is None:
        return None
    return figure <= target.limit if better == "lower" else figure >= target.limit


def make_row(figure, workers, runs, rounds):
    """`runs` maps an implementation to its records, or to the reason it failed."""
    values, spread, cpu, failed = {}, {}, {}, {}
    unit = figure.unit
    for name, records in runs.items():
        if isinstance(records, str):
            failed[name] = records
            continue
        numbers = [record[figure.key] for record in records]
        unit = unit or ("us" if figure.key.endswith("_us") else records[0]["unit"])
        values[name] = median(numbers)
        spread[name] = [min(numbers), max(numbers)]
        cpu[name] = median(record["cpu_ns_per_op"] for record in records)
    weft = values.get("weft")
    rivals = [values[name] for name in figure.against if values.get(name)]
    ratio = weft / best_of(rivals, figure.better) if weft is not None and rivals else None
    row = {
        "scenario": figure.row,
        "workers": workers,
        "unit": unit,
        "better": figure.better,
        "weft": weft,
        "peers": {name: value for name, value in values.items() if name != "weft"},
        "ratio_to_best": ratio,
        "against": list(figure.against),
        "rounds": rounds,
        "cpu": {
            "unit": "ns/op",
            "weft": cpu.get("weft"),
            "peers": {name: value for name, value in cpu.items() if name != "weft"},
        },
        "spread": spread,
        "failed": failed,
        "target": None,
        "target_kind": None,
        "met": None,
        "second_worker": None,
    }
    if figure.target:
        row["target"] = figure.target.limit
        row["target_kind"] = figure.target.kind
        row["met"] = is_met(figure.target, figure.better, weft, ratio)
    return row


def compare_workers(one, all_workers, figure):
    """Adds to the row of all workers how it compares with the row of one."""

    def ratio(a, b):
        return b / a if a and b is not None else None

    if not figure.workers_matter:
        return
    weft = ratio(one["weft"], all_workers["weft"])
    never_slower = None
    if weft is not None:
        slowdown = weft if figure.better == "lower" else 1 / weft
        never_slower = slowdown <= 1 + TOLERANCE
    all_workers["second_worker"] = {
        "ratio": weft,
        "never_slower": never_slower,
        "peers": {
            name: ratio(one["peers"].get(name), value)
            for name, value in all_workers["peers"].items()
        },
    }
