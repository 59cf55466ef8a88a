"""The standard library's HTTP server with a thread for each connection, and clients
in threads that keep their connections."""
import http.client
import http.server
import threading

CLIENTS, REQUESTS = 20, 10


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"you asked for {self.path}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *unused):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = CLIENTS


def client(number, port, good):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for request in range(REQUESTS):
        connection.request("GET", f"/{number}/{request}")
        reply = connection.getresponse()
        assert reply.status == 200
        assert reply.read() == f"you asked for /{number}/{request}\n".encode()
        good.append(number)
    connection.close()


def main():
    server = Server(("127.0.0.1", 0), Handler)
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
    server.server_close()
    print(f"{CLIENTS} clients, {len(good)} good replies")


main()
