"""Many threads alive at once; each has something of its own and waits.

    many_threads.py [COUNT]

What they cost goes to standard error. The kernel refuses more threads than
/proc/sys/kernel/pid_max and the memory's maps allow; then fewer are alive.
"""
import sys
import threading
import time
from pathlib import Path

mine = threading.local()
gate = threading.Event()
wrong = []


def live(number):
    mine.number = number
    gate.wait()
    if mine.number != number:
        wrong.append(number)


def start(count):
    threads = []
    try:
        for number in range(count):
            # For threads that are no daemons the interpreter looks at all others each time.
            thread = threading.Thread(target=live, args=(number,), daemon=True)
            thread.start()
            threads.append(thread)
    except RuntimeError as error:
        print(error, file=sys.stderr)
    return threads


def status(name):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    before = status("VmRSS")
    begin = time.monotonic(), time.process_time()
    threads = start(count)
    started = time.monotonic(), time.process_time()
    memory, kernel = status("VmRSS") - before, status("Threads")
    alive = sum(thread.is_alive() for thread in threads)
    gate.set()
    for thread in threads:
        thread.join()
    ended = time.monotonic(), time.process_time()
    print(f"{alive} of {count} threads alive at once, {len(wrong)} lost what was theirs")
    for what, now, then in ("start", started, begin), ("wake and join", ended, started):
        print(f"{what}: {now[0] - then[0]:.2f} s, {now[1] - then[1]:.2f} s of CPU", file=sys.stderr)
    print(f"{memory / 1024:.0f} MB, {kernel} kernel threads", file=sys.stderr)


main()
