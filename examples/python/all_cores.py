"""Threads that compute, on as many cores as the interpreter allows, and one that echoes.

    all_cores.py [THREADS [ROUNDS]]

With CPython's lock it is one core, and each echo waits for the lock; without (3.13t) it is
all of them. Which, and how long an echo took, goes to standard error.
"""
import os
import socket
import statistics
import sys
import threading
import time

PRIMES_BELOW = 3_000, 430  # so many primes


def primes_below(limit):
    count = 0
    for number in range(2, limit):
        divisor = 2
        while divisor * divisor <= number and number % divisor:
            divisor += 1
        count += divisor * divisor > number
    return count


def compute(rounds, results):
    for _ in range(rounds):
        results.append(primes_below(PRIMES_BELOW[0]))


def echo(connection):
    while data := connection.recv(100):
        connection.sendall(data)


def ask(connection, threads):
    """While they compute. How long each echo took, in milliseconds."""
    took = []
    while not took or any(thread.is_alive() for thread in threads):
        begin = time.perf_counter()
        connection.sendall(b"%d" % len(took))
        assert connection.recv(100) == b"%d" % len(took)
        took.append((time.perf_counter() - begin) * 1e3)
        time.sleep(0.005)
    return took


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    near, far = socket.socketpair()
    results = []
    echoing = threading.Thread(target=echo, args=(far,))
    threads = [threading.Thread(target=compute, args=(rounds, results)) for _ in range(count)]
    begin = time.monotonic(), time.process_time()
    for thread in [echoing, *threads]:
        thread.start()
    took = ask(near, threads)
    wall, cpu = time.monotonic() - begin[0], time.process_time() - begin[1]
    near.shutdown(socket.SHUT_WR)
    echoing.join()
    assert results == [PRIMES_BELOW[1]] * count * rounds
    print(f"{count} threads computed {rounds} rounds each, and the echo was right")
    print(f"{wall:.2f} s, {cpu / wall:.2f} of {os.cpu_count()} cores; {len(took)} echoes: median "
          f"{statistics.median(took):.2f} ms, worst {max(took):.2f} ms", file=sys.stderr)


main()
