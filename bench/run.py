#!/usr/bin/env python3
"""Runs weft and its peers side by side: bench/README.md says what and how."""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

from harness import chart, launch, report, results
from harness.build import BUILDERS, Failed, build_all
from harness.scenarios import LOOP, SCENARIOS


def parse_arguments():
    cpus = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build-dir", type=Path, required=True,
                        help="meson's build directory with -Dbench=true; results land there too")
    parser.add_argument("--scenario", action="append",
                        help="a scenario's name, or all (the default); may be repeated")
    parser.add_argument("--impl", action="append", choices=list(BUILDERS),
                        help="only this implementation; may be repeated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, action="append",
                        help=f"default: 1 and all, here {cpus}; may be repeated")
    parser.add_argument("--scale", type=float, default=1.0,
                        help="multiplies the iteration counts; 0.01 is a smoke test")
    parser.add_argument("--list", action="store_true", help="print the scenarios' names")
    arguments = parser.parse_args()
    known = [scenario.name for scenario in SCENARIOS]
    if arguments.list:
        print("\n".join(known))
        sys.exit(0)
    wanted = arguments.scenario or ["all"]
    unknown = set(wanted) - set(known) - {"all"}
    if unknown:
        parser.error(f"no scenario {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    if arguments.rounds < 1 or arguments.scale <= 0 or min(arguments.workers or [1]) < 1:
        parser.error("rounds, scale and workers must be positive")
    arguments.scenarios = [s for s in SCENARIOS if "all" in wanted or s.name in wanted]
    arguments.workers = sorted(set(arguments.workers or [1, cpus]))
    arguments.build_dir = arguments.build_dir.resolve()
    return arguments


def describe_machine(built, arguments):
    with open("/proc/cpuinfo") as cpuinfo:
        models = [l.split(":")[1].strip() for l in cpuinfo if l.startswith("model name")]
    return {
        "machine": f"{models[0] if models else platform.machine()}, "
                   f"{len(os.sched_getaffinity(0))} CPUs, Linux {platform.release()}",
        **{name: implementation.version for name, implementation in built.items()},
        "rounds": arguments.rounds,
        "scale": arguments.scale,
    }


def summarize(record):
    for key in ("requests_per_s", "value"):
        if key in record:
            unit = record.get("unit", "req/s")
            return f"{record[key]:.6g} {unit}, cpu {record['cpu_ns_per_op']:.6g} ns/op"
    raise KeyError("a record without a figure")


def run_scenario(scenario, built, failed, arguments):
    """All rounds of one scenario: {workers: {implementation: records or failure}}."""
    workers_list = [1] if scenario.one_worker_only else arguments.workers
    names = [n for n in scenario.implementations if n in built or n in failed]
    runs = {w: {n: failed.get(n, []) for n in names if w == 1 or n not in LOOP}
            for w in workers_list}
    for round_number in range(1, arguments.rounds + 1):
        for workers in workers_list:
            for name in runs[workers]:
                records = runs[workers][name]
                if isinstance(records, str):
                    continue
                try:
                    record = launch.run_once(built[name], scenario, workers, arguments.scale,
                                             arguments.build_dir)
                    records.append(record)
                    outcome = summarize(record)
                except Failed as error:
                    # One failure spoils the row: its median would be of lucky rounds.
                    runs[workers][name] = str(error)
                    outcome = f"FAILED: {error}"
                print(f"{scenario.name:24} round {round_number}  workers {workers}  "
                      f"{name:6} {outcome}", flush=True)
    return runs


def make_rows(scenario, runs, rounds):
    rows = []
    for figure in scenario.figures:
        by_workers = {w: results.make_row(figure, w, r, rounds) for w, r in runs.items()}
        for workers, row in by_workers.items():
            if workers > 1 and 1 in by_workers:
                results.compare_workers(by_workers[1], row, figure)
        rows.extend(by_workers.values())
    return rows


def write_results(arguments, rows, environment, skipped):
    out = arguments.build_dir
    (out / "results.json").write_text(json.dumps(rows, indent=1) + "\n")
    (out / "results.md").write_text(report.markdown(rows, environment, skipped))
    (out / "results.svg").write_text(chart.svg(rows))


def main():
    arguments = parse_arguments()
    arguments.build_dir.mkdir(parents=True, exist_ok=True)
    wanted = arguments.impl or list(BUILDERS)
    names = [n for n in wanted if any(n in s.implementations for s in arguments.scenarios)]
    built, skipped, failed = build_all(arguments.build_dir, names)
    for name, reason in {**skipped, **failed}.items():
        print(f"{name} {'skipped' if name in skipped else 'FAILED'}: {reason}", flush=True)
    rows = []
    environment = describe_machine(built, arguments)
    for scenario in arguments.scenarios:
        runs = run_scenario(scenario, built, failed, arguments)
        rows += make_rows(scenario, runs, arguments.rounds)
        # After every scenario, so that an interrupted run leaves what it has.
        write_results(arguments, rows, environment, skipped)
    print("\n" + report.table(rows))
    problems = report.failures(rows, skipped)
    if problems:
        print("\n" + problems)
    print(f"\nwrote results.json, results.md and results.svg to {arguments.build_dir}")
    return 1 if any(row["failed"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
