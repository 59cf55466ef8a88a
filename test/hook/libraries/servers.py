"""Servers for tests and benchmarks: each in a folder of its own, on free ports of the
loopback, as an unprivileged user where it refuses root.

    with servers.Redis() as server:
        ... server.arguments: what a client program needs to find it ...

`Missing` says what is not installed."""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
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
        shutil.rmtree(self.folder, ignore_errors=True)

    stop_signal = signal.SIGTERM

    def other_user(self):
        """User and group to become, or None."""
        if not self.user or os.geteuid() != 0:
            return None
        entry = pwd.getpwnam(self.user)
        return entry.pw_uid, entry.pw_gid

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
