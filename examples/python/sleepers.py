"""Ten workers sleep for a second each: one second in all."""
import sys
import threading
import time


def work(number, woken):
    time.sleep(1)
    woken.append(number)


def main():
    woken = []
    begin = time.monotonic()
    workers = [threading.Thread(target=work, args=(number, woken)) for number in range(10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.monotonic() - begin
    print(f"{len(set(woken))} workers slept for a second each,",
          "at once" if seconds < len(workers) else "one after the other")
    print(f"{seconds:.2f} s in all", file=sys.stderr)


main()
