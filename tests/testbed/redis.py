"""A real Redis: own folder, own ports, loopback, in clear or over TLS, never on disk."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.certificates import Authority
from tests.testbed.databases import free_port, wait_until_open


@dataclass
class Redis:
    """A running server; `settings` are lines of redis.conf. `cli` works as its administrator.

    `port` is in clear; `tls` speaks TLS with a certificate for 127.0.0.1.
    """

    program: Path
    authority: Authority
    settings: tuple[str, ...] = ()
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="wizard-redis-")))
    port: int = field(default_factory=free_port)
    tls: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Serve; AssertionError with its log when it does not listen."""
        certificate, key = self.authority.issue("127.0.0.1")
        for name, text in (("server.crt", certificate), ("server.key", key)):
            (self.folder / name).write_text(text)
        lines = [
            "bind 127.0.0.1", f"port {self.port}", f"tls-port {self.tls}", "tls-auth-clients no",
            f"tls-cert-file {self.folder}/server.crt", f"tls-key-file {self.folder}/server.key",
            f"tls-ca-cert-file {self.authority.path}", f"dir {self.folder}", 'save ""',
            *self.settings,
        ]  # fmt: skip
        conf = self.folder / "redis.conf"
        conf.write_text("\n".join(lines) + "\n")
        log = self.folder / "log"
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [self.program, conf], stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )
        for port in (self.port, self.tls):
            wait_until_open("127.0.0.1", port, self._process, log)

    def stop(self) -> None:
        """End it and remove its folder."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
