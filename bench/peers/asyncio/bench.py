#!/usr/bin/env python3
"""bench.py SCENARIO WORKERS [SCALE]: one warm-up, one measured pass, one line of JSON.

An event loop has one thread: WORKERS is 1."""

import asyncio
import json
import resource
import sys
import time

BATCH = 100
SENDERS = 16
CAPACITY = 128


def cpu_ns():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e9


class Meter:
    """Runs from its making until it is asked."""

    def __init__(self):
        self.cpu = cpu_ns()
        self.wall = time.monotonic_ns()

    def ns_per_op(self, ops):
        return (time.monotonic_ns() - self.wall) / ops, (cpu_ns() - self.cpu) / ops


class Counter:
    """Counts calls, and gives a permit at the last one of each batch."""

    def __init__(self, loop):
        self.loop = loop
        self.count = 0
        self.done = None

    def call(self):
        self.count += 1
        if self.count % BATCH == 0:
            self.done.set_result(None)

    async def post_batch(self):
        self.done = self.loop.create_future()
        for _ in range(BATCH):
            self.loop.call_soon(self.call)
        await self.done


async def strand_post(count):
    rounds = count(10_000)
    counter = Counter(asyncio.get_running_loop())
    meter = Meter()
    for _ in range(rounds):
        await counter.post_batch()
    assert counter.count == BATCH * rounds
    return meter.ns_per_op(BATCH * rounds)


async def strand_fan_in(count):
    rounds = count(1000)
    counters = [Counter(asyncio.get_running_loop()) for _ in range(SENDERS)]

    async def post(counter):
        for _ in range(rounds):
            await counter.post_batch()

    meter = Meter()
    await asyncio.gather(*map(post, counters))
    assert sum(counter.count for counter in counters) == SENDERS * BATCH * rounds
    return meter.ns_per_op(SENDERS * BATCH * rounds)


async def strand_chain(count):
    calls = left = count(1_000_000)
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def call():
        nonlocal left
        left -= 1
        if left == 0:
            done.set_result(None)
        else:
            loop.call_soon(call)

    meter = Meter()
    loop.call_soon(call)
    await done
    return meter.ns_per_op(calls)


async def future_one_shot(count):
    rounds = count(1_000_000)
    loop = asyncio.get_running_loop()

    async def give(future, value):
        future.set_result(value)

    meter = Meter()
    for i in range(rounds):
        future = loop.create_future()
        _task = loop.create_task(give(future, i))
        assert await future == i
    return meter.ns_per_op(rounds)


async def pass_on(senders, receivers, items):
    """`items` are sent, in equal shares, and received."""
    queue = asyncio.Queue(CAPACITY)
    received = 0

    async def send(share):
        for i in range(share):
            await queue.put(i)

    async def receive(share):
        nonlocal received
        for _ in range(share):
            await queue.get()
            received += 1

    meter = Meter()
    await asyncio.gather(*(send(items // senders) for _ in range(senders)),
                         *(receive(items // receivers) for _ in range(receivers)))
    assert received == items
    return meter.ns_per_op(items)


async def chan_fan_in(count):
    return await pass_on(SENDERS, 1, SENDERS * count(150_000))


async def chan_fan_out(count):
    return await pass_on(1, SENDERS, SENDERS * count(150_000))


SCENARIOS = {run.__name__: run for run in (
    strand_post, strand_fan_in, strand_chain, future_one_shot, chan_fan_in, chan_fan_out)}


async def run_passes(run, scale):
    def count(full):
        return max(1, int(full * scale))

    await run(count)
    return await run(count)


def main():
    try:
        name, workers, *rest = sys.argv[1:]
        run, scale = SCENARIOS[name], float(rest[0]) if rest else 1.0
        if int(workers) != 1:
            raise ValueError(workers)
    except (KeyError, ValueError):
        sys.exit(f"usage: bench.py SCENARIO 1 [SCALE], SCENARIO one of {' '.join(SCENARIOS)}")
    value, cpu = asyncio.run(run_passes(run, scale))
    print(json.dumps({"scenario": name, "impl": "asyncio", "workers": 1, "unit": "ns/op",
                      "better": "lower", "value": value, "cpu_ns_per_op": cpu, "extra": {}}))


main()
