#!/usr/bin/env python3
"""A thread per connection, with blocking sockets; it knows nothing of weft.

    threads_server.py PORT              kernel threads
    weft exec threads_server.py PORT    the same, on virtual threads

Port 0 is any free one; the first line it prints is the port. It answers every
request without a body on a connection that stays: enough HTTP for a load test.
"""
import socket
import sys
import threading

BODY = b"It weaves too\n"
ANSWER = (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"
          % (len(BODY), BODY))


def serve(connection):
    rest = b""
    with connection:
        while data := connection.recv(4096):
            *whole, rest = (rest + data).split(b"\r\n\r\n")
            for _ in whole:
                connection.sendall(ANSWER)


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with socket.create_server(("127.0.0.1", port), backlog=4096) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=[connection], daemon=True).start()


main()
