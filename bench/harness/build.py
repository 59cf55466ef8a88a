"""Builds the implementations whose toolchains are there.

Each builder returns the commands to run a scenario and to serve echo, or raises
Skipped (there is no toolchain) or Failed (there is one, and it did not work)."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
GO_NEEDED = (1, 24)
CARGO_NEEDED = (1, 85)
PYTHON_NEEDED = (3, 11)


class Skipped(Exception):
    pass


class Failed(Exception):
    pass


@dataclass
class Implementation:
    version: str
    scenario: list[str] | None  # followed by NAME WORKERS SCALE
    echo_server: list[str] | None  # followed by WORKERS [spin|sleep HOGS]


def run_build(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        # Ninja reports on stdout, the others on stderr; the end says what went wrong.
        message = " ".join((done.stderr.strip() or done.stdout.strip()).split())
        raise Failed(f"{' '.join(command)}: {message[-500:]}")
    return done.stdout


def require_tool(command, needed):
    """Returns what `command` prints; skips if it is missing or too old."""
    if not shutil.which(command[0]):
        raise Skipped(f"{command[0]} is not installed")
    text = run_build(command).strip()
    found = re.search(r"(\d+)\.(\d+)", text)
    if not found or tuple(map(int, found.groups())) < needed:
        raise Skipped(f"{text} is too old: {'.'.join(map(str, needed))} is needed")
    return text


def find_binary(build_dir, name):
    for path in (build_dir / "bench" / name, build_dir / name):
        if path.is_file():
            return str(path)
    raise Failed(
        f"{name} is not in {build_dir}: "
        f"meson setup {build_dir} -Dbuildtype=release -Dbench=true && ninja -C {build_dir}"
    )


def build_c(build_dir):
    if (build_dir / "build.ninja").is_file():
        run_build(["ninja", "-C", str(build_dir)])


def build_weft(build_dir):
    return Implementation(
        "weft (this tree)",
        [find_binary(build_dir, "weft-bench")],
        [find_binary(build_dir, "weft-echo-server")],
    )


def build_epoll(build_dir):
    return Implementation("a bare epoll loop in C", None,
                          [find_binary(build_dir, "epoll-echo-server")])


def build_go(build_dir):
    # The toolchain that is here, never one that go would download.
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    version = require_tool(["go", "version"], GO_NEEDED)
    binary = str(build_dir / "go-bench")
    run_build(["go", "build", "-o", binary, "."], cwd=BENCH / "peers" / "go", env=env)
    return Implementation(version.removeprefix("go version "), [binary], [binary, "echo_server"])


def build_tokio(build_dir):
    version = require_tool(["cargo", "--version"], CARGO_NEEDED)
    source = BENCH / "peers" / "tokio"
    target = build_dir / "tokio"
    env = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    run_build(["cargo", "build", "--release", "--quiet"], cwd=source, env=env)
    lock = (source / "Cargo.lock").read_text()
    tokio = re.search(r'name = "tokio"\nversion = "([^"]+)"', lock).group(1)
    binary = str(target / "release" / "tokio-bench")
    return Implementation(f"tokio {tokio}, {version}", [binary], [binary, "echo_server"])


def build_asyncio(_build_dir):
    version = require_tool(["python3", "--version"], PYTHON_NEEDED)
    bench = BENCH / "peers" / "asyncio" / "bench.py"
    return Implementation(f"asyncio of {version}", ["python3", str(bench)], None)


BUILDERS = {"weft": build_weft, "go": build_go, "tokio": build_tokio, "epoll": build_epoll,
            "asyncio": build_asyncio}


def build_all(build_dir, names):
    """Returns the implementations, and why the others cannot be run: two
    dictionaries of messages, skipped and failed."""
    built, skipped, failed = {}, {}, {}
    c_error = None
    try:
        build_c(build_dir)
    except (Failed, OSError) as error:
        # Not whatever an earlier build left: that would be an old weft.
        c_error = error
    for name in names:
        try:
            if c_error and name in ("weft", "epoll"):
                raise Failed(c_error)
            built[name] = BUILDERS[name](build_dir)
        except Skipped as reason:
            skipped[name] = str(reason)
        except Failed as reason:
            failed[name] = str(reason)
    return built, skipped, failed
