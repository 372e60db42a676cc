"""PostgreSQL and PgBouncer, started for real: own folders, own ports, loopback, not as root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_SECONDS = 30
SUPERUSER = "postgres"


def free_port() -> int:
    """A loopback port that nobody listens on at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def unprivileged() -> dict[str, Any]:
    """Arguments for subprocess that drop root: both servers refuse to run as it."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def own_folder(prefix: str) -> Path:
    """A temporary folder that the unprivileged user owns; pytest's are closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return folder


def quoted(text: str, quote: str = "'") -> str:
    """An SQL literal, or with `"` an identifier."""
    return quote + text.replace(quote, quote * 2) + quote


@dataclass
class Postgres:
    """A running server with SCRAM logins over TCP; `sql` works as its superuser."""

    programs: Path
    folder: Path
    port: int = field(default_factory=free_port)
    host: str = "127.0.0.1"
    password: str = "only-for-this-test-run"
    settings: Mapping[str, object] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Create the cluster and serve it; AssertionError with the server's log when it fails."""
        secret = self.folder / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)
        self._run(
            "initdb", "--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256",
            f"--username={SUPERUSER}", f"--pwfile={secret}", f"--pgdata={self.folder / 'data'}",
        )  # fmt: skip
        settings = {
            "listen_addresses": self.host, "port": self.port, "unix_socket_directories": "",
            "fsync": "off", "full_page_writes": "off", "max_connections": 50,
            "password_encryption": "scram-sha-256", "log_min_messages": "fatal",
            **self.settings,
        }  # fmt: skip
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **unprivileged(),
            )  # fmt: skip
        wait_until_open(self.host, self.port, self._process, self.folder / "log")
        # It listens a moment before it lets anybody in.
        deadline = time.monotonic() + 30
        while "starting up" in self.psql(self.url).stderr and time.monotonic() < deadline:
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server at once and remove its data."""
        stop(self._process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def secure(self, certificate: str, key: str, hba: str = "") -> None:
        """Serve TLS too, and let in whom `hba` says (empty: as before)."""
        files = {
            "server.crt": certificate,
            "server.key": key,
            **({"pg_hba.conf": hba} if hba else {}),
        }
        for name, text in files.items():
            path = self.folder / "data" / name
            path.write_text(text)
            path.chmod(0o600)
            if os.geteuid() == 0:
                nobody = pwd.getpwnam("nobody")
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        self.sql("ALTER SYSTEM SET ssl = on")
        self.sql("SELECT pg_reload_conf()")
        deadline = time.monotonic() + 10
        while self.sql("SELECT current_setting('ssl')") != "on":
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    @property
    def log(self) -> str:
        """What it logged so far."""
        return (self.folder / "log").read_text("utf-8", "replace")

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        """The superuser's connection URL."""
        return f"postgresql://{SUPERUSER}:{self.password}@{self.host}:{self.port}/postgres"

    def sql(self, statement: str, url: str = "") -> str:
        """psql's unaligned answer to a statement; AssertionError with its message otherwise."""
        done = self.psql(url or self.url, statement)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def psql(self, url: str, statement: str = "SELECT 1") -> subprocess.CompletedProcess[str]:
        """Log in with exactly this URL, as any client would, and run one statement."""
        return subprocess.run(
            [self.programs / "psql", "-X", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", url, "-f-"],
            input=statement, capture_output=True, text=True, timeout=30, check=False,
            env={"PGCONNECT_TIMEOUT": "10", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    def create_role(self, name: str, password: str) -> None:
        """A role that may log in."""
        self.sql(f"CREATE ROLE {quoted(name, chr(34))} LOGIN PASSWORD {quoted(password)}")

    def create_database(self, name: str, owner: str) -> None:
        """An empty database of this role's."""
        self.sql(f"CREATE DATABASE {quoted(name, chr(34))} OWNER {quoted(owner, chr(34))}")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.programs / program, *arguments], capture_output=True, text=True, timeout=60,
            cwd=self.folder, check=False, **unprivileged(),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


@dataclass
class PgBouncer:
    """A running PgBouncer with a given pgbouncer.ini and users.txt, word for word.

    Only what must differ outside the cluster is added: where it listens, where users.txt lies, and
    which server a database name leads to. PgBouncer takes the last value it reads.
    """

    program: Path
    ini: str
    users: str
    databases: Mapping[str, str]
    folder: Path
    port: int = field(default_factory=free_port)
    host: str = "127.0.0.1"
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it in the foreground; AssertionError with its log when it does not listen."""
        users = self.folder / "users.txt"
        users.write_text(self.users, encoding="utf-8", newline="")
        text = inserted(self.ini, "databases", dict(self.databases))
        here = {
            "listen_addr": self.host, "listen_port": str(self.port), "auth_file": str(users),
            "unix_socket_dir": "", "logfile": "", "pidfile": "",
        }  # fmt: skip
        config = self.folder / "pgbouncer.ini"
        config.write_text(inserted(text, "pgbouncer", here), encoding="utf-8", newline="")
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [self.program, config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, env={"PATH": "/usr/bin:/bin"}, **unprivileged(),
            )  # fmt: skip
        wait_until_open(self.host, self.port, self._process, self.log)

    @property
    def log(self) -> Path:
        """What it said; a wrong line of its configuration stands here."""
        return self.folder / "log"

    def stop(self) -> None:
        """End it and remove its folder."""
        # A newer one waits for its clients after every signal but this.
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def inserted(ini: str, section: str, settings: Mapping[str, str]) -> str:
    """The text with more lines at the end of a section, which is made when it is not there.

    Never a second section of the same name: PgBouncer sets it back to the defaults first.
    """
    more = [f"{name} = {value}" for name, value in settings.items()]
    lines = ini.splitlines()
    headers = [number for number, line in enumerate(lines) if line.strip().startswith("[")]
    for header in headers:
        if lines[header].strip() == f"[{section}]":
            end = next((other for other in headers if other > header), len(lines))
            return "\n".join([*lines[:end], *more, *lines[end:]]) + "\n"
    return "\n".join([*lines, f"[{section}]", *more]) + "\n"


def stop(process: subprocess.Popen[bytes] | None) -> None:
    """End a server now: SIGINT is the fast shutdown of PostgreSQL and of PgBouncer 1.18."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until_open(host: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the port answers; AssertionError with the log when the server ends first."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    stop(process)
    raise AssertionError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')}")
