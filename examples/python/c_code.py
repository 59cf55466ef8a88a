"""C code that lets go of the interpreter's lock, and C code that does not.

What lets go (sleeping, compressing, hashing) runs beside other threads; what does
not (sorting, big numbers) stops them, but nothing is lost. Each thread checks its
own results, so that switching in the middle of any of it would show.
"""
import hashlib
import threading
import time
import zlib

THREADS = 8
ROUNDS = 20


def sleeping(seed):
    time.sleep(0.01)
    return seed


def compressing(seed):
    data = bytes([seed]) * 200_000
    assert zlib.decompress(zlib.compress(data)) == data
    return seed


def hashing(seed):
    data = bytes([seed]) * 200_000
    assert hashlib.sha256(data).digest() == hashlib.sha256(data).digest()
    return seed


def sorting(seed):
    numbers = [(seed * 7919 + n * 104729) % 10_007 for n in range(10_000)]
    assert sum(sorted(numbers)) == sum(numbers)
    return seed


def multiplying(seed):
    number = 3 ** (5_000 + seed)
    assert number * number // number == number
    return seed


def run(work):
    counts = [0] * THREADS

    def thread(seed):
        for _ in range(ROUNDS):
            assert work(seed) == seed
            counts[seed] += 1

    threads = [threading.Thread(target=thread, args=(seed,)) for seed in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return sum(counts)


def main():
    for work in sleeping, compressing, hashing, sorting, multiplying:
        print(f"{work.__name__}: {run(work)} of {THREADS * ROUNDS}")


main()
