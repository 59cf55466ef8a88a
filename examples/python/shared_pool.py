"""A thousand asyncio loops in as many threads share one pool of connections.

    shared_pool.py [LOOPS]

A connection belongs to no loop: whoever has taken it talks over it in his own. The
pool is the one thing that all share, so whoever waits for a connection holds a future of
concurrent.futures, which every loop understands.
"""
import asyncio
import collections
import concurrent.futures
import resource
import socket
import sys
import threading
import time

CONNECTIONS, REQUESTS = 50, 5


class Pool:
    def __init__(self, connections):
        self.lock = threading.Lock()
        self.free = list(connections)
        self.waiting = collections.deque()

    def take(self):
        """A future: a connection."""
        taken = concurrent.futures.Future()
        with self.lock:
            if not self.free:
                self.waiting.append(taken)
                return taken
            connection = self.free.pop()
        taken.set_result(connection)
        return taken

    def give(self, connection):
        with self.lock:
            if not self.waiting:
                self.free.append(connection)
                return
            taken = self.waiting.popleft()
        taken.set_result(connection)


def answer(connection):
    while data := connection.recv(100):
        connection.sendall(data.upper())


async def ask(connection, text):
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, text)
    return await loop.sock_recv(connection, 100)


async def work(number, pool, everyone, good):
    everyone.wait()  # all loops run before the first one ends
    for request in range(REQUESTS):
        connection = await asyncio.wrap_future(pool.take())
        reply = await ask(connection, b"from %d, %d" % (number, request))
        pool.give(connection)
        assert reply == b"FROM %d, %d" % (number, request)
        good.append(number)


def start(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def main():
    loops = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # three for each loop
    pairs = [socket.socketpair() for _ in range(CONNECTIONS)]
    servers = [start(answer, far) for _, far in pairs]
    for near, _ in pairs:
        near.setblocking(False)
    pool, everyone, good = Pool(near for near, _ in pairs), threading.Barrier(loops), []
    begin = time.monotonic(), time.process_time()
    threads = [start(lambda n=number: asyncio.run(work(n, pool, everyone, good)))
               for number in range(loops)]
    for thread in threads:
        thread.join()
    print(f"{time.monotonic() - begin[0]:.2f} s, {time.process_time() - begin[1]:.2f} s of CPU",
          file=sys.stderr)
    assert len(pool.free) == CONNECTIONS and not pool.waiting
    for near, _ in pairs:
        near.close()
    for server in servers:
        server.join()
    print(f"{loops} loops, {len(good)} good replies over {CONNECTIONS} connections")


main()
