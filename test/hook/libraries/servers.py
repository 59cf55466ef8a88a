"""Servers for tests and benchmarks: each in a folder of its own, on free ports of the
loopback, as an unprivileged user where it refuses root.

    with servers.Redis() as server:
        ... server.arguments: what a client program needs to find it ...

`Missing` says what is not installed."""
import http.server
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
START = 60 * float(os.environ.get("WEFT_TEST_TIMEOUT_SCALE", "1"))


class Missing(Exception):
    """A program that is not installed."""


def find(name, package, *folders):
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which(name, path=path)
    if not found:
        raise Missing(f"{name} is not installed (package {package}): scripts/deps libraries")
    return found


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A process that serves from the beginning of a `with` to its end."""

    user = None  # who runs it when we are root

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="weft-libraries-"))
        try:
            self.folder.chmod(0o755)
            self.home = self.folder / "home"
            self.home.mkdir()
            if self.other_user():
                os.chown(self.home, *self.other_user())
            self.log = (self.folder / "log").open("w+b")
            self.port = free_port()
            self.silent = socket.create_server(("127.0.0.1", 0), backlog=1000)
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        process = getattr(self, "process", None)
        if process and process.poll() is None:
            process.send_signal(self.stop_signal)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if hasattr(self, "silent"):
            self.silent.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    stop_signal = signal.SIGTERM

    def other_user(self):
        """User and group to become, or None."""
        if not self.user or os.geteuid() != 0:
            return None
        entry = pwd.getpwnam(self.user)
        return entry.pw_uid, entry.pw_gid

    def with_silence(self):
        """Arguments, and the port of a socket that takes connections and says nothing."""
        return [*self.arguments, str(self.silent_port())]

    def silent_port(self):
        return self.silent.getsockname()[1]

    def example(self):
        """An example's arguments, and names for those that are new each time."""
        return self.arguments, {}

    def options(self):
        other = self.other_user()
        identity = {"user": other[0], "group": other[1], "extra_groups": []} if other else {}
        return {"cwd": self.home, "stdin": subprocess.DEVNULL, "stdout": self.log,
                "stderr": self.log, **identity}

    def call(self, *command, **more):
        """Runs a command that prepares the server."""
        done = subprocess.run([str(word) for word in command], **{**self.options(), **more})
        if done.returncode:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{self.said()}")

    def launch(self, *command, ready=None):
        """Starts the server, and waits until it takes connections, or `ready` says yes."""
        self.process = subprocess.Popen([str(word) for word in command], **self.options())
        limit = time.monotonic() + START
        while not (ready or self.accepts)():
            if self.process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"{command[0]} did not start:\n{self.said()}")
            time.sleep(0.02)

    def accepts(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def said(self):
        return (self.folder / "log").read_text(errors="replace")[-2000:]


class Postgres(Server):
    user = "postgres"
    stop_signal = signal.SIGINT  # do not wait for clients

    TABLES = """
        create table counter (value bigint); insert into counter values (0);
        create table accounts (id int primary key, balance bigint);
        insert into accounts select number, 1000 from generate_series(0, 4) number"""

    def start(self):
        newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
        folders = newest[-1:]
        initdb = find("initdb", "postgresql", *folders)
        self.call(initdb, "-D", "data", "-A", "trust", "-U", "weft", "--no-sync", "--no-locale",
                  "-E", "UTF8")
        self.conninfo = f"host=127.0.0.1 port={self.port} user=weft dbname=postgres"
        ready = [find("pg_isready", "postgresql-client", *folders), "-q", "-d", self.conninfo]
        self.launch(find("postgres", "postgresql", *folders), "-D", "data", "-p", self.port,
                    "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
                    "-c", "max_connections=1100", "-c", "fsync=off", "-c", "autovacuum=off",
                    "-c", "deadlock_timeout=20",
                    ready=lambda: subprocess.run(ready).returncode == 0)
        self.call(find("psql", "postgresql-client", *folders), "-q", "-v", "ON_ERROR_STOP=1",
                  "-c", self.TABLES, self.conninfo)
        self.arguments = [self.conninfo]


class Redis(Server):
    def start(self):
        self.launch(find("redis-server", "redis-server"), "--port", self.port, "--bind",
                    "127.0.0.1", "--save", "", "--appendonly", "no", "--maxclients", 4000)
        self.arguments = [str(self.port)]


class Folder(Server):
    """No server: a place for files."""

    def start(self):
        self.arguments = [str(self.home)]


class Web(Server):
    """The example service, and a TLS server that answers with the path it is asked for."""

    CERTIFICATE = """
[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
commonName = localhost
[extensions]
subjectAltName = DNS:localhost, IP:127.0.0.1
basicConstraints = critical, CA:true
"""

    def start(self):
        web = os.environ.get("WEFT_WEB_EXAMPLE")
        if not web or not os.path.exists(web):
            raise Missing("the web example was not built (package libhttp-parser-dev)")
        self.make_certificate()
        self.serve_tls()
        (self.folder / "www").mkdir()
        (self.folder / "www" / "index.html").write_text("It weaves\n")
        self.launch(web, f"--address=127.0.0.1:{self.port}", f"--root={self.folder}/www",
                    "--max-connections=2500", "--quiet")
        self.arguments = [f"http://127.0.0.1:{self.port}",
                          f"https://localhost:{self.tls.server_address[1]}",
                          str(self.folder / "certificate"),
                          f"http://127.0.0.1:{self.silent_port()}"]

    def example(self):
        url, tls_url, _, silent_url = self.arguments
        urls = [f"{url}/", f"{url}/nothing", f"{tls_url}/", f"{silent_url}/"]
        return ["2", *urls], {"SILENT_URL": silent_url, "TLS_URL": tls_url, "URL": url}

    def make_certificate(self):
        (self.folder / "settings").write_text(self.CERTIFICATE)
        self.call(find("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                  "-days", "2", "-config", self.folder / "settings", "-keyout",
                  self.folder / "key", "-out", self.folder / "certificate")

    def serve_tls(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.path.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *unused):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            request_queue_size = 200

            def handle_error(self, *unused):
                pass  # a client that does not trust us

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "certificate", self.folder / "key")
        self.tls = Listener(("127.0.0.1", 0), Handler)
        # The handshake is the connection's thread's, not the listener's.
        self.tls.socket = context.wrap_socket(self.tls.socket, server_side=True,
                                              do_handshake_on_connect=False)
        threading.Thread(target=self.tls.serve_forever, daemon=True).start()

    def __exit__(self, *unused):
        if hasattr(self, "tls"):
            self.tls.shutdown()
            self.tls.socket.close()
        super().__exit__()


class MariaDB(Server):
    user = "mysql"

    TABLES = """
        create database weft; use weft;
        create table counter (value bigint) engine = innodb; insert into counter values (0);
        create table accounts (id int primary key, balance bigint) engine = innodb;
        insert into accounts values (0, 1000), (1, 1000), (2, 1000), (3, 1000), (4, 1000);"""

    def start(self):
        data = self.home / "data"
        self.call(find("mariadb-install-db", "mariadb-server"), "--no-defaults",
                  f"--datadir={data}", "--auth-root-authentication-method=normal",
                  "--skip-test-db")
        (self.home / "tables.sql").write_text(" ".join(self.TABLES.split()).replace(";", ";\n"))
        self.launch(find("mariadbd", "mariadb-server"), "--no-defaults", f"--datadir={data}",
                    f"--port={self.port}", "--bind-address=127.0.0.1",
                    f"--socket={self.home}/socket", "--max-connections=1100", "--back-log=500",
                    "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin",
                    f"--init-file={self.home}/tables.sql")
        self.arguments = [str(self.port)]


class Nats(Server):
    def start(self):
        self.launch(find("nats-server", "nats-server"), "-a", "127.0.0.1", "-p", self.port)
        self.arguments = [f"nats://127.0.0.1:{self.port}"]


class Ssh(Server):
    """Whoever runs the tests may log in with a key that is made for it."""

    def start(self):
        sshd, keygen = find("sshd", "openssh-server"), find("ssh-keygen", "openssh-client")
        for name in ("host", "key"):
            self.call(keygen, "-q", "-t", "rsa", "-m", "PEM", "-N", "", "-f", name)
        (self.home / "settings").write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {self.home}/host\n"
            f"AuthorizedKeysFile {self.home}/key.pub\nStrictModes no\nUsePAM no\n"
            f"PidFile none\nMaxStartups 1000\nPermitRootLogin yes\n"
            # all that libssh2 1.10 knows of RSA
            f"HostKeyAlgorithms +ssh-rsa\nPubkeyAcceptedAlgorithms +ssh-rsa\n")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # it insists
        self.launch(sshd, "-D", "-e", "-f", self.home / "settings")
        user = pwd.getpwuid(os.geteuid()).pw_name
        self.arguments = [str(self.port), user, str(self.home / "key")]
