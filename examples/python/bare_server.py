"""HTTP from bare sockets, a thread for each connection: what a server costs when
Python's library adds nothing.

    bare_server.py          serves a few clients of its own, and says how it went
    bare_server.py PORT     serves until it is killed; prints the port, 0 is any free one
"""
import socket
import sys
import threading

BODY = b"Hello, world!\n"
REPLY = (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
         % len(BODY) + BODY)
CLIENTS, REQUESTS = 50, 10


def serve(connection):
    pending = b""
    try:
        while data := connection.recv(4096):
            *requests, pending = (pending + data).split(b"\r\n\r\n")
            connection.sendall(REPLY * len(requests))
    except ConnectionError:  # the client's affair
        pass
    finally:
        connection.close()


def accept(listener):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # shut down
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def client(address, good):
    with socket.create_connection(address) as connection:
        for _ in range(REQUESTS):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            reply = b""
            while len(reply) < len(REPLY):
                reply += connection.recv(4096)
            assert reply == REPLY
            good.append(1)


def try_out(listener):
    good = []
    server = threading.Thread(target=accept, args=(listener,))
    clients = [threading.Thread(target=client, args=(listener.getsockname(), good))
               for _ in range(CLIENTS)]
    for thread in [server, *clients]:
        thread.start()
    for thread in clients:
        thread.join()
    listener.shutdown(socket.SHUT_RDWR)
    server.join()
    print(f"{CLIENTS} clients, {len(good)} good replies")


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with socket.create_server(("127.0.0.1", port), backlog=4096) as listener:
        if len(sys.argv) > 1:
            print(listener.getsockname()[1], flush=True)
            accept(listener)
        else:
            try_out(listener)


main()
