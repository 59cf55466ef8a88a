"""Runs one implementation once and returns its record, or raises Failed."""

import functools
import json
import os
import select
import subprocess
import sys

from .build import Failed, find_binary

TIMEOUT_S = 180
DISTURBED = 75  # exit status: no result, and nobody's fault; bench/README.md
TRIES = 5
ECHO_WARM_UP_MS = 300


def tail(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"


def on_cpu(cpu):
    """For subprocess: binds the child to one CPU; None: leaves it alone."""
    return None if cpu is None else functools.partial(os.sched_setaffinity, 0, {cpu})


def run_for_json(command, cpu=None):
    try:
        for _ in range(TRIES):
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S,
                                  preexec_fn=on_cpu(cpu))
            if done.returncode != DISTURBED:
                break
    except subprocess.TimeoutExpired:
        raise Failed(f"no result after {TIMEOUT_S} s") from None
    except OSError as error:
        raise Failed(str(error)) from None
    if done.returncode != 0:
        raise Failed(f"exit status {done.returncode}: {tail(done.stderr)}")
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise Failed(f"printed {done.stdout!r} and not one line of JSON") from None


def available_gib():
    with open("/proc/meminfo") as meminfo:
        for line in meminfo:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) / 2**20
    raise Failed("/proc/meminfo does not tell the free memory")


WARM_MEMORY = """
import mmap, sys
mmap.mmap(-1, int(sys.argv[1]), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)
"""


def warm_memory(gib):
    """Makes the host of a virtual machine give this much memory, if it has to: or a
    run would measure what the run before it has left behind."""
    subprocess.run([sys.executable, "-c", WARM_MEMORY, str(int(gib * 2**30))], check=True)


def run_micro(implementation, scenario, workers, scale):
    needed = scenario.memory_gib * scale
    if needed > 0:
        if available_gib() < needed:
            raise Failed(f"needs {needed:.1f} GiB of free memory")
        warm_memory(needed)
    record = run_for_json([*implementation.scenario, scenario.name, str(workers), str(scale)])
    return {
        **record["extra"],
        "value": record["value"],
        "unit": record["unit"],
        "cpu_ns_per_op": record["cpu_ns_per_op"],
    }


def read_port(server):
    ready, _, _ = select.select([server.stdout], [], [], 10)
    line = server.stdout.readline().strip() if ready else ""
    if not line.isdigit():
        server.kill()
        raise Failed(f"the server does not listen: {tail(server.stderr.read())}")
    return line


def separate_cpus(workers):
    """With one worker the server gets a CPU of its own and the client another: else
    it is a matter of luck, run by run, whether the two wake each other across
    CPUs. With more there is no CPU to spare, and the kernel decides."""
    cpus = sorted(os.sched_getaffinity(0))
    return (cpus[0], cpus[-1]) if workers == 1 and len(cpus) > 1 else (None, None)


def run_echo(implementation, scenario, workers, scale, build_dir):
    load = find_binary(build_dir, "echo-load")
    command = [*implementation.echo_server, str(workers), *scenario.hogs]
    server_cpu, client_cpu = separate_cpus(workers)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, preexec_fn=on_cpu(server_cpu)) as server:
        try:
            port = read_port(server)
            record = run_for_json([
                load,
                port,
                str(scenario.connections),
                str(scenario.message_size),
                str(max(50, int(ECHO_WARM_UP_MS * scale))),
                str(max(50, int(scenario.measured_ms * scale))),
                str(server.pid),
            ], client_cpu)
        finally:
            server.kill()
    return {
        "requests_per_s": record["requests"] / record["wall_ns"] * 1e9,
        "requests_per_cpu_s": record["requests"] / record["server_cpu_ns"] * 1e9,
        "cpu_ns_per_op": record["server_cpu_ns"] / record["requests"],
        "load_cpu_share": record["load_cpu_ns"] / record["wall_ns"],
        "p50_us": record["p50_us"],
        "p99_us": record["p99_us"],
    }


def run_once(implementation, scenario, workers, scale, build_dir):
    if scenario.is_echo:
        return run_echo(implementation, scenario, workers, scale, build_dir)
    return run_micro(implementation, scenario, workers, scale)
