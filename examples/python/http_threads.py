"""The standard library's HTTP server with a thread for each connection, and clients
in threads that keep their connections.

    http_threads.py          serves a few clients of its own, and says how it went
    http_threads.py PORT     serves until it is killed; prints the port, 0 is any free one
"""
import http.client
import http.server
import sys
import threading

CLIENTS, REQUESTS = 20, 10


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    disable_nagle_algorithm = True

    def do_GET(self):
        body = f"you asked for {self.path}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *unused):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 4096
    daemon_threads = True  # for others the server looks through all it has started

    def handle_error(self, request, address):
        if not isinstance(sys.exception(), ConnectionError):  # the client's affair
            super().handle_error(request, address)


def client(number, port, good):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for request in range(REQUESTS):
        connection.request("GET", f"/{number}/{request}")
        reply = connection.getresponse()
        assert reply.status == 200
        assert reply.read() == f"you asked for /{number}/{request}\n".encode()
        good.append(number)
    connection.close()


def try_out(server):
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    good = []
    clients = [threading.Thread(target=client, args=(number, server.server_port, good))
               for number in range(CLIENTS)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    server.shutdown()
    serving.join()
    print(f"{CLIENTS} clients, {len(good)} good replies")


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with Server(("127.0.0.1", port), Handler) as server:
        if len(sys.argv) > 1:
            print(server.server_port, flush=True)
            server.serve_forever()
        else:
            try_out(server)


main()
