"""What examples/python/bare_server.py does, on one asyncio loop.

    asyncio_server.py streams PORT      code in the threads' order, with await
    asyncio_server.py callbacks PORT    a Protocol, asyncio's fastest way
"""
import asyncio
import sys

BODY = b"Hello, world!\n"
REPLY = (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
         % len(BODY) + BODY)


async def serve(reader, writer):
    pending = b""
    try:
        while data := await reader.read(4096):
            *requests, pending = (pending + data).split(b"\r\n\r\n")
            writer.write(REPLY * len(requests))
            await writer.drain()
    except ConnectionError:  # the client's affair
        pass
    finally:
        writer.close()


class Serve(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.pending = transport, b""

    def data_received(self, data):
        *requests, self.pending = (self.pending + data).split(b"\r\n\r\n")
        self.transport.write(REPLY * len(requests))


async def main():
    style, port = sys.argv[1], int(sys.argv[2])
    where = {"host": "127.0.0.1", "port": port, "backlog": 4096}
    if style == "streams":
        server = await asyncio.start_server(serve, **where)
    else:
        server = await asyncio.get_running_loop().create_server(Serve, **where)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
