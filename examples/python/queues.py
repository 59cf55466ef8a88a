"""Producers and consumers share a bounded queue; at the end each consumer finds a
sentinel (newer versions of Python have Queue.shutdown() for it)."""
import queue
import threading

PRODUCERS, CONSUMERS, ITEMS = 3, 5, 2_000
END = object()


def produce(number, out):
    for item in range(ITEMS):
        out.put((number, item))


def consume(items, totals, number):
    last = {}
    while (item := items.get()) is not END:
        producer, value = item
        assert last.get(producer, -1) < value  # first in, first out
        last[producer] = value
        totals[number][0] += 1
        totals[number][1] += value
        items.task_done()
    items.task_done()


def main():
    items = queue.Queue(maxsize=16)
    totals = [[0, 0] for _ in range(CONSUMERS)]
    producers = [threading.Thread(target=produce, args=(n, items)) for n in range(PRODUCERS)]
    consumers = [threading.Thread(target=consume, args=(items, totals, n))
                 for n in range(CONSUMERS)]
    for thread in producers + consumers:
        thread.start()
    for thread in producers:
        thread.join()
    for _ in consumers:
        items.put(END)
    items.join()
    for thread in consumers:
        thread.join()
    print(f"{sum(count for count, _ in totals)} items, sum {sum(sum_ for _, sum_ in totals)}")
    try:
        items.get(timeout=0.1)
    except queue.Empty:
        print("the queue is empty")


main()
