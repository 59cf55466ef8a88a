#!/usr/bin/env python3
"""Runs a program that uses a library in many threads: natively, under `weft exec`, and
linked with weft, in light tasks and in virtual threads, with 1 and 4 workers. What it
prints must be the same each time, and few kernel threads must be enough. Speaks TAP.

    check_library.py SERVER WEFT PROGRAM PROGRAM_OF_TASKS
    check_library.py --scopes SERVER PROGRAM_OF_TASKS       only in tasks
    check_library.py --example SERVER PROGRAM EXPECTED      what an example prints
    check_library.py --missing LIBRARY                      says so

SERVER is a class of servers.py. PROGRAM and PROGRAM_OF_TASKS are the same but for
crowd_threads.c or crowd_tasks.c.
"""
import os
import re
import resource
import signal
import subprocess
import sys

import servers

LIMIT = 120 * float(os.environ.get("WEFT_TEST_TIMEOUT_SCALE", "1"))
COUNT = re.compile(r"^kernel threads: (\d+) while (\d+) wait$", re.M)


def run(command, workers="1", crowd="light"):
    """Its exit status, its output, and what it said besides."""
    environment = {**os.environ, "CROWD": crowd, "WEFT_WORKERS": workers}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT,
                              errors="replace", env=environment)
        return done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        out, err = ((text or b"").decode(errors="replace") for text in (late.stdout, late.stderr))
        return "timeout", out, err


def wrong(result, expected):
    """What is wrong, line by line."""
    status, output, said = result
    if status != 0:
        yield f"status {status}"
    for number, (want, have) in enumerate(zip(expected.splitlines(), output.splitlines()), 1):
        if want != have:
            yield f"line {number}: expected {want!r}, here {have!r}"
    if expected.count("\n") != output.count("\n"):
        yield f"{expected.count(chr(10))} lines expected, {output.count(chr(10))} here"
    for threads, waiting in COUNT.findall(said):
        if 2 * int(threads) > int(waiting):
            yield f"{threads} kernel threads while {waiting} wait"


def report(number, name, problems, said):
    print(f"{'not ok' if problems else 'ok'} {number} - {name}", flush=True)
    for line in problems[:10] + said.splitlines()[-10:]:
        print("#", line)


def check(server, weft, program, of_tasks):
    arguments = server.arguments
    name = os.path.basename(program)
    print("TAP version 13\n1..7")
    status, native, said = run([program, *arguments])
    problems = [] if status == 0 and native else [f"status {status}, {len(native)} characters"]
    problems += [f"{threads} kernel threads while {waiting} wait"
                 for threads, waiting in COUNT.findall(said) if int(threads) < int(waiting)]
    report(1, f"{name}: natively", problems, said)
    ways = [("under weft exec", [weft, "exec", program], "light"), *in_tasks(of_tasks)]
    compare(name, ways, arguments, native, 1)


def in_tasks(program):
    return [("in light tasks", [program], "light"), ("in virtual threads", [program], "virtual")]


def compare(name, ways, arguments, expected, number):
    for way, command, crowd in ways:
        for workers in (1, 4):
            number += 1
            result = run([*command, *arguments], str(workers), crowd)
            expected = expected or result[1] or "an output\n"
            report(number, f"{name}: {way}, {workers} workers",
                   list(wrong(result, expected)), result[2])


def check_scopes(server, program):
    """It checks itself, and says the same each time."""
    print("TAP version 13\n1..4")
    compare(os.path.basename(program), in_tasks(program), server.with_silence(), "", 0)


def check_example(server, program, expected):
    """The server says with what arguments, and what in the output is not its own."""
    print("TAP version 13\n1..1")
    arguments, names = server.example()
    status, output, said = run([program, *arguments])
    for name, value in names.items():
        output = output.replace(value, name)
    with open(expected) as file:
        report(1, os.path.basename(program), list(wrong((status, output, said), file.read())), said)


def serve(kind, check_with):
    try:
        with getattr(servers, kind)() as server:
            check_with(server)
    except servers.Missing as missing:
        print(f"1..0 # SKIP {missing}")


def main():
    kind, *programs = sys.argv[1:]
    if kind == "--missing":
        print(f"1..0 # SKIP {programs[0]} is not installed: scripts/deps libraries")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers are stopped on the way
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    check_with = check
    if kind.startswith("--"):
        check_with = {"--example": check_example, "--scopes": check_scopes}[kind]
        kind, *programs = programs
    serve(kind, lambda server: check_with(server, *programs))


main()
