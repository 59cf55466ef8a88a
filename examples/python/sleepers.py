"""Ten workers sleep for a second each: one second in all."""
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
    print(f"{len(set(woken))} workers slept for a second each, {time.monotonic() - begin:.0f} s in all")


main()
