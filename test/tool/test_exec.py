#!/usr/bin/env python3
"""`weft exec`: what it refuses and how, --stats, --trace-calls, --check. Speaks TAP.

    test_exec.py WEFT PARKS SHADOWS TRACER CONSTRUCTORS
"""
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

WEFT, PARKS, SHADOWS, TRACER, CONSTRUCTORS = (os.path.abspath(word) for word in sys.argv[1:])
LIMIT = 60 * float(os.environ.get("WEFT_TEST_TIMEOUT_SCALE", "1"))
TRUE = shutil.which("true")
TESTS = []


class Skip(Exception):
    pass


def test(fn):
    TESTS.append(fn)
    return fn


def weft(*arguments, tool=WEFT, **variables):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("WEFT_", "LD_PRELOAD"))}
    done = subprocess.run([tool, "exec", *map(str, arguments)], capture_output=True, text=True,
                          errors="replace", timeout=LIMIT, stdin=subprocess.DEVNULL,
                          env={**environment, **variables})
    return done.returncode, done.stdout, done.stderr


def expect(result, status, *, out=r"\A", err=r"\A\Z"):
    """Status and both streams are as wanted, or the test fails with all of them."""
    if result[0] != status or not re.search(out, result[1], re.M) or \
            not re.search(err, result[2], re.M):
        raise AssertionError(f"want {status}, {out!r}, {err!r}; have {result}")


def refused(status, err, *arguments, **options):
    """One line, from us, that says why."""
    expect(weft(*arguments, **options), status, out=r"\A\Z", err=rf"\Aweft exec: .*{err}.*\n\Z")


def make_file(folder, name, content, mode=0o755):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def compile_static(folder):
    source = make_file(folder, "static.c", "int main(void) { return 0; }\n")
    program = folder / "static"
    command = [os.environ.get("CC", "cc"), "-static", source, "-o", program]
    if not shutil.which(command[0]) or subprocess.run(command, capture_output=True).returncode:
        raise Skip("no static libc")
    return program


# Options.

@test
def unknown_options_are_named(_):
    refused(125, "unknown option --wrokers", "--wrokers", "2", TRUE)
    refused(125, "unknown option -a;", "-ab", TRUE)
    refused(125, "unknown option --stats=2", "--stats=2", TRUE)


@test
def workers_is_a_number(_):
    for wrong in ("", "0", "-1", "1025", "2x", "99999999999999999999"):
        refused(125, f"--workers: '{wrong}' is not a number from 1 to 1024",
                f"--workers={wrong}", TRUE)
    refused(125, "WEFT_WORKERS: 'many' is not a number", TRUE, WEFT_WORKERS="many")
    refused(125, "--workers wants a value", "--workers")
    expect(weft("sh", "-c", "echo [$WEFT_WORKERS]", WEFT_WORKERS=""), 0, out=r"\A\[\]\n\Z")


@test
def a_program_is_wanted(_):
    refused(125, "no program given")


@test
def options_after_the_program_are_its_own(_):
    expect(weft("--workers", "1", "sh", "-c", "echo $0 $1 $WEFT_WORKERS", "--stats", "--check"), 0,
           out=r"\A--stats --check 1\n\Z")
    expect(weft("--", "sh", "-c", "exit 7"), 7)


@test
def the_environment_stays(_):
    expect(weft("sh", "-c", "echo $LD_PRELOAD", LD_PRELOAD="libm.so.6"), 0,
           out=r"libweft-hook\.so:libm\.so\.6$")


@test
def weft_under_weft_preloads_the_same_once(_):
    again = (WEFT, "exec", "sh", "-c", "echo $LD_PRELOAD")
    expect(weft(*again, LD_PRELOAD="libm.so.6 libm.so.6"), 0,
           out=r"\A[^:]*libweft-hook\.so:libm\.so\.6:libm\.so\.6\n\Z")
    expect(weft("--stats", *again), 0, err="",
           out=r"\A[^:]*libweft-meter\.so:[^:]*libweft-hook\.so\n\Z")


@test
def help_goes_to_standard_output(_):
    for option in ("--help", "-h"):
        expect(weft(option), 0, out=r"\Ausage: weft exec")


# What cannot run.

@test
def absent_programs(folder):
    refused(127, "/no/such/thing: no such program", "/no/such/thing")
    refused(127, "no-such-thing: no such program", "no-such-thing")
    refused(127, "no such program", "")
    refused(127, "true: no such program", "true", PATH=str(folder))


@test
def what_cannot_be_executed(folder):
    refused(126, "is not executable", make_file(folder, "file", "#!/bin/sh\n", 0o644))
    refused(126, "is not executable", "file", PATH=str(folder))
    refused(126, "is a folder", folder)
    os.mkfifo(folder / "fifo", 0o755)
    (folder / "fifo").chmod(0o755)
    refused(126, "is not executable", folder / "fifo")
    refused(126, "is not executable", "--check", folder / "fifo")


@test
def what_is_no_program(folder):
    refused(126, "neither an ELF program nor a script", make_file(folder, "text", "hello\n"))
    refused(126, "neither an ELF program nor a script", make_file(folder, "empty", ""))
    refused(126, "neither an ELF program nor a script", make_file(folder, "bare", "#!\n"))


@test
def scripts_run_by_their_interpreters(folder):
    expect(weft(make_file(folder, "sh", "#! /bin/sh\necho $WEFT_EXEC $1\n"), "x"), 0,
           out=r"\A1 x\n\Z")
    script = make_file(folder, "env", "#!/usr/bin/env -S python3 -I\nimport os\n"
                       "print(os.environ['WEFT_EXEC'])\n")
    expect(weft(script), 0, out=r"\A1\n\Z")


@test
def the_interpreter_behind_env_is_found(folder):
    for words in ("-S -u HOME sh", "-S -C / A=b sh", "-Ssh", "-S-u HOME sh", "-S --unset HOME sh",
                  "-S --chdir / sh", "-S -uu sh", "--split-string=-C / sh"):
        script = make_file(folder, "script", f"#!/usr/bin/env {words}\necho $WEFT_EXEC\n")
        expect(weft(script), 0, out=r"\A1\n\Z")
        expect(weft("--check", script), 0, out=r"/sh: works")
    for words in ("-S -iu HOME sh", "-S -iC / sh", "-iS-C / sh"):  # they do away with WEFT_EXEC
        script = make_file(folder, "script", f"#!/usr/bin/env {words}\necho it runs\n")
        expect(weft(script), 0, out=r"\Ait runs\n\Z")
        expect(weft("--check", script), 0, out=r"/sh: works")


@test
def what_env_would_unquote_is_left_to_it(folder):
    for words in ("-S 'sh'", '-S "sh" -e', "-S A='b c' sh", "-S ${SHELL_OF_MINE} -e"):
        script = make_file(folder, "script", f"#!/usr/bin/env {words}\necho $WEFT_EXEC\n")
        expect(weft(script, SHELL_OF_MINE="sh"), 0, out=r"\A1\n\Z")
        expect(weft("--check", script), 0, out=r"/env: works")


@test
def scripts_whose_interpreter_is_missing(folder):
    refused(127, "its interpreter /no/such/sh: no such program",
            make_file(folder, "sh", "#!/no/such/sh\n"))
    refused(127, "its interpreter no-such-python: no such program",
            make_file(folder, "env", "#!/usr/bin/env no-such-python\n"))
    path = folder / "self"
    refused(126, "too many interpreters", make_file(folder, "self", f"#!{path}\n"))


@test
def static_programs(folder):
    program = compile_static(folder)
    refused(126, "statically linked", program)
    expect(weft("--check", program), 2, out=r"does not work under weft exec\n +it is statically")


@test
def go_programs(folder):
    go = shutil.which("go")
    if not go:
        raise Skip("no go")
    source = make_file(folder, "main.go", "package main\n\nfunc main() {}\n")
    environment = {**os.environ, "GOCACHE": str(folder / "cache"), "GOTOOLCHAIN": "local"}
    subprocess.run([go, "build", "-o", folder / "gone", source], check=True, env=environment,
                   cwd=folder)
    refused(126, "Go program", folder / "gone")
    expect(weft("--check", folder / "gone"), 2, out="Go program")


@test
def other_architectures(folder):
    image = bytearray(pathlib.Path(TRUE).read_bytes())
    struct.pack_into("<H", image, 18, 243)
    refused(126, "built for riscv", make_file(folder, "riscv", bytes(image)))
    expect(weft("--check", folder / "riscv"), 2, out="built for riscv")


@test
def other_c_libraries(folder):
    image = pathlib.Path(TRUE).read_bytes()
    loader = re.search(rb"/lib[0-9]*/ld-linux[-a-z0-9_]*\.so\.[0-9]", image)[0]
    musl = b"/lib/ld-musl".ljust(len(loader), b"x")
    refused(126, "another C library", make_file(folder, "musl", image.replace(loader, musl)))
    gone = b"/lib/ld-gone".ljust(len(loader), b"x")
    refused(126, f"loader {gone.decode()} is not there",
            make_file(folder, "gone", image.replace(loader, gone)))


@test
def programs_that_trace_run_without_weft(_):
    native = subprocess.run([TRACER], capture_output=True, text=True, timeout=LIMIT)
    if not native.stdout.startswith("traced 1"):
        raise Skip("nothing may be traced here")
    for shell in [], ["/bin/sh", "-c", "\"$0\"; exit"]:
        expect(weft("--workers", "4", "--stats", *shell, TRACER), 0,
               out=r"\Atraced 1, WEFT_EXEC=0\n\Z", err=r"\A(?!(.*\n)*weft: tool_tracer)")
    expect(weft("--check", TRACER), 1, out=r"\A.*tool_tracer: runs without weft, .*\n  .*ptrace.*\n\Z")


@test
def damaged_programs(folder):
    image = pathlib.Path(TRUE).read_bytes()
    refused(126, "", make_file(folder, "short", image[:64]))
    for size in (65, 200, 1000, len(image) // 2, len(image) - 100):
        # It may be refused or fail as it would natively; the tool itself must stand.
        status = weft("--check", make_file(folder, "cut", image[:size]))[0]
        assert status in (0, 1, 2), f"cut to {size}: {status}"


@test
def programs_that_gain_privileges(folder):
    program = make_file(folder, "privileged", pathlib.Path(TRUE).read_bytes())
    if os.getuid() != 0:
        raise Skip("not root")
    os.chown(program, 65534, 65534)
    program.chmod(0o4755)
    refused(126, "set-user-ID", program)
    expect(weft("--check", program), 2, out="set-user-ID")
    program.chmod(0o2755)
    refused(126, "set-group-ID", program)


@test
def a_missing_hook(folder):
    alone = folder / "bin" / "weft"
    alone.parent.mkdir()
    shutil.copy(WEFT, alone)
    refused(125, "libweft-hook.so is not where it belongs", TRUE, tool=alone)


# --stats and --trace-calls.

STATS = (r"\Aweft: tool_parks, process \d+: 2 workers, [\d.]+ m?s\n"
         r"weft: threads +1 created beside the first, at most 2 alive\n"
         r"weft: carriers +\d+, hand-offs \d+\n"
         r"weft: switches +\d+, steals \d+, waits [2-9]\d*\n"
         r"(?=(?:weft: .*\n)*weft: thread +2 calls: pthread_create 1 pthread_join 1\n)"
         r"(?=(?:weft: .*\n)*weft: mutex +4 calls: pthread_mutex_lock 2 pthread_mutex_unlock 2\n)"
         r"(?=(?:weft: .*\n)*weft: cond +2 calls: pthread_cond_wait 1 pthread_cond_signal 1\n)"
         r"(?=(?:weft: .*\n)*weft: sleep +2 calls: sched_yield 1 nanosleep 1\n)"
         r"(weft: .*\n)+\Z")


@test
def stats_come_at_the_end_by_exit(_):
    expect(weft("--workers", "2", "--stats", PARKS), 3, err=STATS)


@test
def stats_come_at_the_end_by__exit(_):
    expect(weft("--workers", "2", "--stats", PARKS, "_exit"), 3, err=STATS)


@test
def stats_come_of_programs_that_run_weft(_):
    expect(weft("--stats", WEFT, "exec", "--workers", "2", PARKS), 3, err=STATS)


@test
def stats_come_of_programs_that_close_standard_error(_):
    for way in ("2>&-", ""):
        expect(weft("--stats", "sh", "-c", f"exec {way}; exit 3"), 3,
               err=r"\Aweft: sh, process \d+: ")
    expect(weft("--stats", "sh", "-c", "exec 2>&1; exit 3"), 3, out=r"\Aweft: sh, process \d+: ")


@test
def a_forked_child_has_none(_):
    result = weft("--workers", "2", "--stats", PARKS, "fork")
    assert result[0] == 3 and result[2].count(", process ") == 1, result


@test
def there_are_workers_for_the_process_and_not_for_where_a_constructor_has_bound_main(_):
    workers = [re.search(rf"{os.path.basename(program)}, process \d+: (\d+) workers?, ",
                         weft("--stats", program)[2])[1] for program in (PARKS, CONSTRUCTORS)]
    assert workers[0] == workers[1], workers


def traced_calls(*how):
    status, _, text = weft("--trace-calls", PARKS, *how)
    line = re.compile(r"weft: thread (\d+) '(.*)': (\w+)\((.*)\) parked ([\d.]+) (us|ms|s)")
    calls = {}
    for each in text.splitlines():
        found = line.fullmatch(each)
        assert found, each
        calls[found[3]] = found
    assert status == 3, status
    return calls, text


@test
def traced_calls_have_name_object_thread_and_time(_):
    calls, text = traced_calls()
    assert calls["nanosleep"][4] == "", text
    assert re.fullmatch(r"0x[0-9a-f]+", calls["pthread_cond_wait"][4]), text
    for name in ("nanosleep", "pthread_cond_wait"):
        assert calls[name][6] == "ms" and float(calls[name][5]) >= 15, text
    assert "sched_yield" not in calls, text
    assert calls["nanosleep"][1] != calls["pthread_cond_wait"][1], text


@test
def traced_joins_say_whose_end_it_was(_):
    calls, text = traced_calls("join")
    assert calls["pthread_join"][4] == f"thread {calls['nanosleep'][1]}", text


@test
def nothing_is_said_unasked(_):
    expect(weft(PARKS), 3, out=r"\A\Z")


# --check.

@test
def check_names_what_is_live(_):
    result = weft("--check", TRUE)
    expect(result, 0, out=r"true: works under weft exec$")
    calls = subprocess.run([sys.executable, pathlib.Path(__file__).resolve().parents[2] /
                            "scripts/hook-calls"], capture_output=True, text=True, check=True)
    missing = set(calls.stdout.split()) - set(result[1].split())
    assert not missing, f"not named: {missing}"
    assert "shadowed" not in result[1] and "missing" not in result[1], result[1]


@test
def check_does_not_look_at_what_counts(_):
    want = weft("--check", PARKS)
    assert want[0] == 0, want
    for option in ("--stats", "--trace-calls"):
        have = weft(option, "--check", PARKS)
        assert have == want, have
    have = weft(WEFT, "exec", "--check", PARKS, LD_PRELOAD="", WEFT_STATS="1")
    assert have[:2] == want[:2], have


@test
def check_does_not_run_the_program(folder):
    expect(weft("--check", PARKS), 0, out=r"used by it or its libraries.*\n(.*\n)* .*nanosleep")
    script = make_file(folder, "script", "#!/bin/sh\ntouch trace\n")
    assert weft("--check", script)[0] == 0 and not (folder / "trace").exists()


@test
def check_names_what_is_shadowed(_):
    expect(weft("--check", SHADOWS), 1,
           out=rf"limit: sem_post is not weft's but that of {re.escape(SHADOWS)}$")


@test
def check_counts_direct_system_calls(_):
    expect(weft("--check", SHADOWS), 1, out=r"tool_shadows makes system calls without libc \(1 ")


@test
def check_of_nothing(_):
    refused(127, "no such program", "--check", "/no/such/thing")


def main():
    print(f"1..{len(TESTS)}", flush=True)
    failed = False
    for number, each in enumerate(TESTS, 1):
        name = each.__name__.replace("_", " ")
        try:
            with tempfile.TemporaryDirectory(prefix="weft-tool-") as folder:
                each(pathlib.Path(folder))
            print(f"ok {number} - {name}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception as error:
            failed = True
            print(f"not ok {number} - {name}")
            for line in f"{type(error).__name__}: {error}".splitlines():
                print(f"#   {line}", flush=True)
    return failed


sys.exit(main())
