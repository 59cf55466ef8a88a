"""Many threads alive at once: what they cost. Run it natively, and under weft exec.

    python-threads.py [THREADS [SECONDS]]

They are all alive at the end of the start when a thread sleeps for longer than the
start takes.
"""
import sys
import threading
import time
from pathlib import Path


def status(name):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1
    before, slept = status("VmRSS"), []

    def sleep():
        time.sleep(seconds)
        slept.append(threading.get_ident())

    begin = time.monotonic()
    threads = []
    try:
        for _ in range(count):
            threads.append(threading.Thread(target=sleep))
            threads[-1].start()
    except RuntimeError as error:
        print(f"after {len(threads) - 1} threads: {error}")
        threads.pop()
    started = time.monotonic()
    memory, kernel = status("VmRSS") - before, status("Threads")
    for thread in threads:
        thread.join()
    print(f"{len(slept)} threads slept {seconds:g} s; {started - begin:.2f} s to start, "
          f"{time.monotonic() - begin:.2f} s in all; {time.process_time():.2f} s of CPU")
    print(f"{memory / 1024:.0f} MB, {kernel} kernel threads when all were started")


main()
