"""Four threads, each with an asyncio loop of its own; the loops wait at once."""
import asyncio
import sys
import threading
import time


async def tick(name, log, turns):
    for turn in range(turns):
        await asyncio.sleep(0.05)
        log.append((name, turn))


async def talk(reader_of, writer_to):
    writer_to.write(b"hello\n")
    await writer_to.drain()
    return await reader_of.readline()


async def answer(reader, writer):
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def loop_main(number, results):
    log = []
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    reply, *_ = await asyncio.gather(
        talk(reader, writer), tick("a", log, 10), tick("b", log, 10), asyncio.sleep(1))
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    results[number] = reply.decode().strip(), len(log)


def main():
    results = {}
    begin = time.monotonic()
    threads = [threading.Thread(target=lambda n=n: asyncio.run(loop_main(n, results)))
               for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in sorted(results):
        print(f"loop {number}: the server said {results[number][0]}, {results[number][1]} ticks")
    seconds = time.monotonic() - begin
    print("a second in each,", "at once" if seconds < len(threads) else "one after the other")
    print(f"{seconds:.2f} s in all", file=sys.stderr)


main()
