"""The table."""


def number(value):
    if value is None:
        return "-"
    if value >= 10000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def cell(row, name):
    if name in row["failed"]:
        return "failed"
    return number(row["weft"] if name == "weft" else row["peers"].get(name))


def target(row):
    if row["target"] is None:
        return "-"
    sign = "<=" if row["better"] == "lower" else ">="
    what = " x" if row["target_kind"] == "ratio" else ""
    return f"{sign} {row['target']:g}{what}"


def verdict(value, yes, no):
    return "-" if value is None else yes if value else no


def second_worker(row):
    second = row["second_worker"]
    if not second or second["ratio"] is None:
        return "-"
    return f"{second['ratio']:.2f}" + ("" if second["never_slower"] else " SLOWER")


def table(rows):
    """A Markdown table that is also aligned for a terminal."""
    names = ["weft", "go", "tokio", "asyncio", "epoll"]
    names = [n for n in names if any(n in r["peers"] or n in r["failed"] or
                                     (n == "weft" and r["weft"] is not None) for r in rows)]
    lines = [["scenario", "workers", "unit", *names, "weft / best", "target", "met",
              "weft all / 1", *(f"cpu {n}" for n in names)]]
    for row in rows:
        ratio = row["ratio_to_best"]
        cpu = {"weft": row["cpu"]["weft"], **row["cpu"]["peers"]}
        lines.append([
            row["scenario"],
            str(row["workers"]),
            row["unit"] + (" (more is better)" if row["better"] == "higher" else ""),
            *(cell(row, name) for name in names),
            "-" if ratio is None else f"{ratio:.2f}",
            target(row),
            verdict(row["met"], "yes", "NO"),
            second_worker(row),
            *(number(cpu.get(name)) for name in names),
        ])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths)) + " |"
        for line in lines
    )


def failures(rows, skipped):
    """Everything that has no figure, with the reason."""
    lines = [f"- {name} was skipped: {reason}" for name, reason in skipped.items()]
    places = {}
    for row in rows:
        for name, reason in row["failed"].items():
            places.setdefault((name, reason), []).append(f"{row['scenario']} ({row['workers']})")
    for (name, reason), where in places.items():
        lines.append(f"- {name} failed: {reason}. Rows (workers): {', '.join(where)}")
    return "\n".join(lines)


def markdown(rows, environment, skipped):
    facts = "\n".join(f"- {name}: {value}" for name, value in environment.items())
    parts = [
        "# Benchmark results",
        facts,
        "Medians of interleaved rounds; only ratios within one run count. "
        "The columns `cpu` are CPU nanoseconds per operation. bench/README.md explains the rest.",
        table(rows),
    ]
    problems = failures(rows, skipped)
    if problems:
        parts += ["## Without a figure", problems]
    return "\n\n".join(parts) + "\n"
