#!/usr/bin/env python3
"""Drives the web example through raw sockets. Prints TAP.

Usage: test_web.py PATH_TO_WEB [SUBSTRING]   (only the tests whose name has it)
"""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

WEB = None
ROOT = None
TESTS = []
LARGE = 8 << 20


def test(function):
    TESTS.append(function)
    return function


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: got {got!r:.300}, want {want!r:.300}")


class Server:
    """A running service. Leaving the `with` stops it and checks its exit."""

    def __init__(self, **options):
        self.arguments = [WEB, "--address=127.0.0.1:0", "--root", ROOT, "--workers=2"]
        for name, value in options.items():
            self.arguments.append(f"--{name.replace('_', '-')}={value}")

    def __enter__(self):
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().strip()
        prefix = "listening on http://127.0.0.1:"
        if not line.startswith(prefix):
            raise AssertionError(f"first line: {line!r}")
        self.port = int(line[len(prefix):])
        return self

    def __exit__(self, kind, value, trace):
        try:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = "killed after 20 s"
        self.process.stdout.close()
        if kind is None:
            equal(status, 0, "exit status")

    def connect(self):
        return Connection(self.port)

    def get(self, path, method="GET", headers="", body=b""):
        with self.connect() as connection:
            return connection.ask(path, method, headers, body)

    def stats(self):
        return json.loads(self.get("/stats").body)


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=15)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def _fill(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return len(data) > 0

    def receive(self, head_only=False):
        """One response; None when the connection has ended."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._fill():
                equal(self.buffer, b"", "rest at the end")
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        version, status, _ = first.split(" ", 2)
        equal(version, "HTTP/1.1", "version")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        status = int(status)
        if status == 100:
            return Response(status, headers, b"")
        if "date" not in headers:
            raise AssertionError("no Date")
        length = int(headers.get("content-length", 0))
        if head_only:
            length = 0
        while len(self.buffer) < length:
            if not self._fill():
                raise AssertionError("body cut short")
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Response(status, headers, body)

    def ask(self, path, method="GET", headers="", body=b""):
        if body:
            headers += f"Content-Length: {len(body)}\r\n"
        self.send(f"{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n".encode() + body)
        return self.receive(head_only=method == "HEAD")

    def at_end(self):
        """The server has closed, orderly or not."""
        try:
            return not self.buffer and self.socket.recv(1) == b""
        except ConnectionError:
            return True


def refused(server, request, status, closes=None):
    """`request` is answered with `status`; the service lives on."""
    with server.connect() as connection:
        connection.send(request)
        response = connection.receive()
        equal(response and response.status, status, f"status of {request[:60]!r}")
        if closes is not None:
            equal(response.headers.get("connection") == "close", closes, "Connection: close")
        if closes:
            equal(connection.at_end(), True, "closed")


@test
def files_have_type_length_and_date():
    with Server() as server:
        response = server.get("/hello.txt")
        equal((response.status, response.body), (200, b"hello, world\n"))
        equal(response.headers["content-type"], "text/plain; charset=utf-8")
        equal(response.headers["content-length"], "13")
        when = time.strptime(response.headers["date"], "%a, %d %b %Y %H:%M:%S gmt")
        equal(abs(time.mktime(when) - time.mktime(time.gmtime())) < 60, True, "date is now")
        equal(server.get("/style.css").headers["content-type"], "text/css; charset=utf-8")
        equal(server.get("/noext").headers["content-type"], "application/octet-stream")
        equal(server.get("/hello.txt?query=1").status, 200)
        equal(server.get("http://test/hello.txt").status, 200)


@test
def folders_show_their_index():
    with Server() as server:
        equal(server.get("/").body, b"<h1>index</h1>")
        equal(server.get("/sub/").body, b"sub index")
        response = server.get("/sub")
        equal((response.status, response.headers["location"]), (301, "/sub/"))
        equal(server.get("/empty/").status, 404)


@test
def head_has_no_body():
    with Server() as server, server.connect() as connection:
        response = connection.ask("/hello.txt", "HEAD")
        equal((response.status, response.headers["content-length"]), (200, "13"))
        equal(connection.ask("/missing", "HEAD").status, 404)
        equal(connection.ask("/hello.txt").body, b"hello, world\n")


@test
def connections_are_kept():
    with Server() as server, server.connect() as connection:
        for _ in range(5):
            equal(connection.ask("/hello.txt").body, b"hello, world\n")
            time.sleep(0.02)
        equal(connection.ask("/missing").status, 404)
        equal(connection.ask("/hello.txt", "POST").status, 405)
        response = connection.ask("/hello.txt", headers="Connection: close\r\n")
        equal(response.headers["connection"], "close")
        equal(connection.at_end(), True, "closed")


@test
def old_clients_are_served():
    with Server() as server:
        with server.connect() as connection:
            connection.send("GET /hello.txt HTTP/1.0\r\n\r\n")
            response = connection.receive()
            equal((response.status, response.headers["connection"]), (200, "close"))
            equal(connection.at_end(), True, "closed")
        with server.connect() as connection:
            for _ in range(2):
                connection.send("GET /hello.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                equal(connection.receive().headers["connection"], "keep-alive")


@test
def pipelined_requests_are_answered_in_order():
    with Server() as server, server.connect() as connection:
        count = 500
        puts = [f"PUT /kv/p{i} HTTP/1.1\r\nHost: t\r\nContent-Length: {len(str(i))}\r\n\r\n{i}"
                for i in range(count)]
        gets = [f"GET /kv/p{i} HTTP/1.1\r\nHost: t\r\n\r\n" for i in range(count)]
        connection.send("".join(puts))
        for _ in range(count):
            equal(connection.receive().status, 201)
        connection.send("".join(gets))
        for i in range(count):
            equal(connection.receive().body, str(i).encode())


@test
def requests_may_come_in_any_pieces():
    request = ("\r\nPUT /kv/pieces HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello"
               "GET /kv/pieces HTTP/1.1\r\nHost: t\r\n\r\n").encode()
    with Server() as server, server.connect() as connection:
        for size in (1, 2, 7, 30, 61):
            for start in range(0, len(request), size):
                connection.send(request[start:start + size])
                time.sleep(0.001)
            equal(connection.receive().status in (201, 204), True, "PUT")
            equal(connection.receive().body, b"hello")


@test
def half_a_pipelined_request_does_not_hold_back_answers():
    with Server() as server, server.connect() as connection:
        connection.send("GET /hello.txt HTTP/1.1\r\nHost: t\r\n\r\nGET /hello.txt HT")
        equal(connection.receive().status, 200)
        connection.send("TP/1.1\r\nHost: t\r\n\r\n")
        equal(connection.receive().status, 200)


@test
def keys_are_put_got_listed_and_deleted():
    with Server() as server, server.connect() as connection:
        equal(connection.ask("/kv/a").status, 404)
        equal(connection.ask("/kv/a", "PUT", body=b"one").status, 201)
        equal(connection.ask("/kv/a").body, b"one")
        equal(connection.ask("/kv/a", "PUT", body=b"two").status, 204)
        response = connection.ask("/kv/a", "HEAD")
        equal((response.status, response.headers["content-length"]), (200, "3"))
        equal(connection.ask("/kv/b%2Fc%20d", "PUT", "Content-Length: 0\r\n").status, 201)
        response = connection.ask("/kv/b/c%20d")
        equal((response.status, response.body), (200, b""))
        equal(sorted(connection.ask("/kv").body.split()), [b"a", b"b/c%20d"])
        equal(connection.ask("/kv/a", "DELETE").status, 204)
        equal(connection.ask("/kv/a", "DELETE").status, 404)
        equal(connection.ask("/kv/").body, b"b/c%20d\n")
        equal(connection.ask("/kv/a", "POST", body=b"x").headers["allow"],
              "get, head, put, delete")
        equal(connection.ask("/kv", "DELETE").status, 405)
        equal(connection.ask("/kv/" + "k" * 251).status, 414)


@test
def values_are_bytes():
    value = os.urandom(900000)
    with Server() as server, server.connect() as connection:
        equal(connection.ask("/kv/big", "PUT", body=value).status, 201)
        equal(connection.ask("/kv/big").body, value)


@test
def a_full_store_refuses():
    with Server(max_store=1000) as server, server.connect() as connection:
        equal(connection.ask("/kv/a", "PUT", body=b"x" * 600).status, 201)
        equal(connection.ask("/kv/b", "PUT", body=b"x" * 600).status, 507)
        equal(connection.ask("/kv/a", "DELETE").status, 204)
        equal(connection.ask("/kv/b", "PUT", body=b"x" * 600).status, 201)


@test
def many_clients_see_their_own_keys():
    failures = []

    def client(server, number):
        try:
            with server.connect() as connection:
                for i in range(30):
                    value = f"{number}-{i}".encode() * 20
                    connection.ask(f"/kv/client{number}", "PUT", body=value)
                    equal(connection.ask(f"/kv/client{number}").body, value)
        except Exception as error:
            failures.append(f"client {number}: {error}")

    with Server() as server:
        threads = [threading.Thread(target=client, args=(server, n)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(failures, [], "failures")
        equal(len(server.get("/kv").body.split()), 20, "keys")


@test
def bodies_may_come_in_chunks():
    head = "PUT /kv/c HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
    with Server() as server, server.connect() as connection:
        connection.send(head + "5\r\nhello\r\n")
        time.sleep(0.05)
        connection.send("7;ext=1\r\n, world\r\n0\r\nTrailer: x\r\n\r\n")
        equal(connection.receive().status, 201)
        equal(connection.ask("/kv/c").body, b"hello, world")
        refused(server, head + "xyz\r\n", 400, closes=True)
        refused(server, head.replace("\r\n\r\n", "\r\nContent-Length: 3\r\n\r\n"), 400, closes=True)


@test
def bad_requests_get_clear_errors():
    get = "GET / HTTP/1.1\r\nHost: t\r\n"
    put = "PUT /kv/x HTTP/1.1\r\nHost: t\r\n"
    with Server(max_body=1000) as server:
        refused(server, b"\x16\x03\x01\x02\x00\x01\x00", 400, closes=True)
        refused(server, "GET / HTTP/1.1\r\n\r\n", 400, closes=True)
        refused(server, get + "Host: t\r\n\r\n", 400, closes=True)
        refused(server, get + "bad header\r\n\r\n", 400, closes=True)
        refused(server, get + "Content-Length: x\r\n\r\n", 400, closes=True)
        refused(server, get.replace("/ ", "/%zz ") + "\r\n", 400, closes=True)
        refused(server, get.replace("/ ", "/%00 ") + "\r\n", 400, closes=True)
        refused(server, get.replace("/ ", "/nothing ") + "\r\n", 404, closes=False)
        refused(server, get.replace("GET", "DELETE") + "\r\n", 405, closes=False)
        refused(server, get.replace("GET /", "OPTIONS *") + "\r\n", 405, closes=False)
        refused(server, put + "\r\n", 411, closes=False)
        refused(server, put + "Content-Length: 1001\r\n\r\n", 413, closes=True)
        refused(server, put + "Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + "x" * 2000, 413)
        refused(server, get.replace("/ ", "/" + "x" * 3000 + " ") + "\r\n", 414, closes=True)
        refused(server, get + "Expect: miracles\r\n\r\n", 417, closes=True)
        refused(server, get + "X: " + "x" * 9000 + "\r\n\r\n", 431, closes=True)
        refused(server, get + "A: b\r\n" * 2000, 431, closes=True)
        refused(server, "BREW / HTTP/1.1\r\nHost: t\r\n\r\n", 501, closes=True)
        refused(server, "CONNECT t:1 HTTP/1.1\r\nHost: t\r\n\r\n", 501, closes=True)
        refused(server, put + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, closes=True)
        refused(server, get.replace("1.1", "2.0") + "\r\n", 505, closes=True)
        equal(server.get("/hello.txt").status, 200)


@test
def nothing_outside_the_folder_is_served():
    with Server() as server:
        for path in ("/../secret.txt", "/sub/../../secret.txt", "/%2e%2e/secret.txt",
                     "/..%2fsecret.txt", "//etc/passwd", "/%2Fetc/passwd", "/link.txt",
                     "/sub/%2e%2e/%2E%2E/secret.txt"):
            response = server.get(path)
            equal(response.status, 403, path)
            equal(b"secret" in response.body, False, path)
        equal(server.get("/sub/../hello.txt").status, 200, "inside")
        equal(server.get("/fifo").status, 403, "a FIFO")
        equal(server.get("/hello.txt/x").status, 404)


@test
def names_are_percent_decoded():
    with Server() as server:
        equal(server.get("/with%20space%25.txt").body, b"spaced")


@test
def parts_of_files_are_served():
    with Server() as server, server.connect() as connection:
        for value, status, body in (("bytes=0-4", 206, b"hello"), ("bytes=7-", 206, b"world\n"),
                                    ("bytes=-6", 206, b"world\n"), ("bytes=7-999", 206, b"world\n"),
                                    ("bytes=13-", 416, b""), ("bytes=-0", 416, b""),
                                    ("bytes=4-1", 200, b"hello, world\n"),
                                    ("bytes=0-1,3-4", 200, b"hello, world\n"),
                                    ("lines=1-2", 200, b"hello, world\n")):
            response = connection.ask("/hello.txt", headers=f"Range: {value}\r\n")
            equal((response.status, response.body), (status, body), value)
        response = connection.ask("/hello.txt", headers="Range: bytes=0-4\r\n")
        equal(response.headers["content-range"], "bytes 0-4/13")
        response = connection.ask("/hello.txt", headers="Range: bytes=20-\r\n")
        equal(response.headers["content-range"], "bytes */13")


@test
def large_files_arrive_whole():
    with open(os.path.join(ROOT, "large.bin"), "rb") as file:
        content = file.read()
    with Server() as server:
        equal(server.get("/large.bin").body == content, True, "content")


@test
def clients_that_expect_it_are_told_to_continue():
    with Server() as server, server.connect() as connection:
        connection.send("PUT /kv/e HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n"
                        "Content-Length: 5\r\n\r\n")
        equal(connection.receive().status, 100)
        connection.send("hello")
        equal(connection.receive().status, 201)


@test
def a_slow_head_gets_408():
    with Server(header_ms=500) as server, server.connect() as connection:
        begin = time.monotonic()
        answered = False
        connection.socket.settimeout(0.05)
        for byte in "GET /hello.txt HTTP/1.1\r\nHost: t\r\nX-Padding: slow\r\n\r\n".encode():
            connection.send(bytes([byte]))
            try:
                answered = connection._fill()
                break
            except TimeoutError:
                pass
        connection.socket.settimeout(15)
        equal(answered, True, "answered before the head was complete")
        equal(connection.receive().status, 408)
        equal(0.4 < time.monotonic() - begin < 1.5, True, "after the deadline, and soon")
        equal(connection.at_end(), True, "closed")
        equal(server.stats()["header_timeouts"], 1)


@test
def a_slow_body_gets_408():
    with Server(body_ms=300) as server, server.connect() as connection:
        connection.send("PUT /kv/s HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhel")
        equal(connection.receive().status, 408)
        equal(connection.at_end(), True, "closed")
        equal(server.stats()["body_timeouts"], 1)
        equal(server.get("/kv/s").status, 404)


@test
def idle_connections_are_closed_in_time():
    with Server(idle_ms=300) as server:
        with server.connect() as fresh, server.connect() as used:
            begin = time.monotonic()
            equal(used.ask("/hello.txt").status, 200)
            equal(fresh.at_end(), True, "closed")
            equal(used.at_end(), True, "closed")
            equal(0.25 < time.monotonic() - begin < 1.5, True, "after the limit, and soon")
        equal(server.stats()["idle_timeouts"], 2)


@test
def slow_readers_are_cut_off():
    with Server(write_ms=300) as server, server.connect() as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.send("GET /large.bin HTTP/1.1\r\nHost: t\r\n\r\n" * 4)
        limit = time.monotonic() + 10
        while server.stats()["write_timeouts"] == 0 and time.monotonic() < limit:
            time.sleep(0.05)
        equal(server.stats()["write_timeouts"], 1)
        equal(server.get("/hello.txt").status, 200)


@test
def a_half_closed_connection_gets_its_answer():
    with Server() as server:
        with server.connect() as connection:
            connection.send("GET /hello.txt HTTP/1.1\r\nHost: t\r\n\r\n" * 2)
            connection.socket.shutdown(socket.SHUT_WR)
            equal(connection.receive().status, 200)
            equal(connection.receive().status, 200)
            equal(connection.at_end(), True, "closed")
        for half in ("GET /hel", "PUT /kv/h HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhel"):
            with server.connect() as connection:
                connection.send(half)
                connection.socket.shutdown(socket.SHUT_WR)
                equal(connection.receive().status, 400)
                equal(connection.at_end(), True, "closed")


@test
def resets_do_no_harm():
    requests = ("", "GET /hel", "GET /large.bin HTTP/1.1\r\nHost: t\r\n\r\n",
                "PUT /kv/r HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nhel",
                "GET /hello.txt HTTP/1.1\r\nHost: t\r\n\r\n" * 50)
    with Server() as server:
        for number in range(50):
            with server.connect() as connection:
                connection.send(requests[number % len(requests)])
                if number % 2:
                    time.sleep(0.005)
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                             struct.pack("ii", 1, 0))
        limit = time.monotonic() + 5
        while server.stats()["connections"] > 1 and time.monotonic() < limit:
            time.sleep(0.05)
        equal(server.stats()["connections"], 1, "connections left")


@test
def connections_above_the_limit_get_503():
    with Server(max_connections=3) as server:
        kept = [server.connect() for _ in range(3)]
        for connection in kept:
            equal(connection.ask("/hello.txt").status, 200)
        with server.connect() as extra:
            extra.send("GET /hello.txt HTTP/1.1\r\nHost: t\r\n\r\n")
            response = extra.receive()
            equal((response.status, response.headers["connection"]), (503, "close"))
            equal(extra.at_end(), True, "closed")
        equal(kept[0].ask("/hello.txt").status, 200)
        kept.pop().socket.close()
        limit = time.monotonic() + 5
        status = 503
        while status == 503 and time.monotonic() < limit:
            time.sleep(0.05)
            status = server.get("/hello.txt").status
        equal(status, 200, "status with a place free")
        for connection in kept:
            connection.socket.close()


@test
def stats_tell_what_happened():
    with Server() as server:
        server.get("/hello.txt")
        server.get("/missing")
        server.get("/kv/a", "PUT", body=b"12345")
        idle = [server.connect() for _ in range(200)]
        stats = server.stats()
        equal((stats["requests"], stats["client_errors"], stats["server_errors"]), (3, 1, 0))
        equal((stats["keys"], stats["key_value_bytes"]), (1, 6))
        equal(stats["connections_accepted"], 204)
        equal(stats["connections"] >= 201, True, "idle connections")
        equal(len(stats["workers"]), 2)
        equal({"tasks", "steals"} <= stats["workers"][0].keys(), True)
        equal("bytes_per_connection" in stats["memory"], True)
        for connection in idle:
            connection.socket.close()


@test
def stopping_lets_requests_finish():
    with Server(grace_ms=8000) as server:
        idle = server.connect()
        equal(idle.ask("/hello.txt").status, 200)
        active = server.connect()
        active.send("PUT /kv/late HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhello")
        time.sleep(0.2)
        server.process.send_signal(signal.SIGINT)
        equal(idle.at_end(), True, "the idle connection is closed")
        equal(server.process.poll(), None, "it still runs")
        try:
            server.connect()
            raise AssertionError("it still accepts")
        except ConnectionError:
            pass
        active.send("world")
        response = active.receive()
        equal((response.status, response.headers["connection"]), (201, "close"))
        active.socket.close()
        begin = time.monotonic()
        equal(server.process.wait(5), 0, "exit status")
        equal(time.monotonic() - begin < 2, True, "soon after the last request")


@test
def stopping_does_not_wait_for_ever():
    with Server(grace_ms=300) as server, server.connect() as stuck:
        stuck.send("PUT /kv/late HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhello")
        time.sleep(0.1)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        equal(server.process.wait(10), 0, "exit status")
        equal(0.2 < time.monotonic() - begin < 2.5, True, "after the grace period")


@test
def a_second_signal_stops_at_once():
    with Server(grace_ms=60000) as server, server.connect() as stuck:
        stuck.send("GET /hel")
        time.sleep(0.1)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        server.process.send_signal(signal.SIGINT)
        equal(server.process.wait(10), 0, "exit status")
        equal(time.monotonic() - begin < 3, True, "at once")


@test
def mistakes_on_the_command_line_are_explained():
    def run(*arguments):
        done = subprocess.run([WEB, *arguments], capture_output=True, text=True, timeout=10)
        return done.returncode, done.stderr

    with Server() as server:
        status, errors = run(f"--address=127.0.0.1:{server.port}")
        equal((status, "Address already in use" in errors), (1, True), "address in use")
    for arguments in (["--workers=none"], ["--unknown"], ["extra"]):
        status, errors = run(*arguments)
        equal((status, "web --help" in errors), (2, True), str(arguments))
    status, errors = run("--root=/does/not/exist")
    equal((status, "No such file" in errors), (1, True), "no folder")
    equal(run("--help")[0], 0, "help")


@test
def the_port_file_tells_the_address():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "port")
        with Server(port_file=path) as server, open(path, encoding="ascii") as file:
            equal(file.read(), f"127.0.0.1:{server.port}\n")


def make_content(folder):
    root = os.path.join(folder, "root")
    os.makedirs(os.path.join(root, "sub"))
    os.makedirs(os.path.join(root, "empty"))
    for name, content in (("hello.txt", b"hello, world\n"), ("index.html", b"<h1>index</h1>"),
                          ("style.css", b"body {}"), ("noext", b"?"), ("sub/index.html", b"sub index"),
                          ("with space%.txt", b"spaced"), ("large.bin", os.urandom(LARGE)),
                          ("../secret.txt", b"secret")):
        with open(os.path.join(root, name), "wb") as file:
            file.write(content)
    os.symlink("../secret.txt", os.path.join(root, "link.txt"))
    os.mkfifo(os.path.join(root, "fifo"))
    return root


def main():
    global WEB, ROOT
    WEB = os.path.abspath(sys.argv[1])
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    chosen = [each for each in TESTS if wanted in each.__name__]
    failed = 0
    print(f"1..{len(chosen)}")
    with tempfile.TemporaryDirectory() as folder:
        ROOT = make_content(folder)
        for number, function in enumerate(chosen, 1):
            name = function.__name__.replace("_", " ")
            try:
                function()
                print(f"ok {number} - {name}", flush=True)
            except Exception as error:  # a test may fail in any way; the others go on
                failed += 1
                print(f"not ok {number} - {name}\n# {type(error).__name__}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
