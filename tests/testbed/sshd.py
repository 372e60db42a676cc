"""OpenSSH's sshd with a configuration, keys and ports of its own; never the system's service."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.testbed.databases import stop, wait_until_open
from wizard.hostkeys.keys import HostKey

KINDS: Mapping[str, Sequence[str]] = {
    "ssh-ed25519": ("-t", "ed25519"),
    "ecdsa-sha2-nistp256": ("-t", "ecdsa", "-b", "256"),
    "ecdsa-sha2-nistp384": ("-t", "ecdsa", "-b", "384"),
    "ecdsa-sha2-nistp521": ("-t", "ecdsa", "-b", "521"),
    "ssh-rsa": ("-t", "rsa", "-b", "3072"),
}


def keygen(*words: str | Path) -> str:
    """What ssh-keygen prints; AssertionError with its message when it fails."""
    done = subprocess.run(["ssh-keygen", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_port(host: str) -> int:
    """A port of this address that nobody listens on at the moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass(frozen=True)
class KeySet:
    """Host keys of every accepted type, each in a file of its own."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> KeySet:
        """Fresh keys; RSA takes a second, so make few sets."""
        folder.mkdir(parents=True, exist_ok=True)
        for kind, options in KINDS.items():
            keygen("-q", "-N", "", "-C", "", *options, "-f", folder / kind)
        return cls(folder)

    def file(self, kind: str) -> Path:
        """The private key's file."""
        return self.folder / kind

    def public(self, kind: str) -> HostKey:
        """The public key as the wizard knows it."""
        name, key, *_ = self.file(kind).with_suffix(".pub").read_text().split()
        return HostKey(name, key)

    def certificate(self, kind: str, host: str) -> Path:
        """A host certificate for the key, signed by an authority of this set's own."""
        authority = self.folder / "authority"
        if not authority.exists():
            keygen("-q", "-N", "", "-t", "ed25519", "-f", authority)
        keygen("-q", "-s", authority, "-I", host, "-h", "-n", host, self.file(kind))
        return self.folder / f"{kind}-cert.pub"


@dataclass
class Sshd:
    """A running server: where it is, and the key its one user logs in with."""

    program: Path
    keys: Sequence[Path]
    host: str = "127.0.0.1"
    options: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="wizard-sshd-")))
    _process: subprocess.Popen[bytes] | None = None

    @property
    def user(self) -> str:
        """Who may log in: whoever runs the tests, for sshd without root can serve nobody else."""
        return pwd.getpwuid(os.geteuid()).pw_name

    @property
    def identity(self) -> Path:
        """The private key of that user."""
        return self.folder / "user"

    @property
    def log(self) -> Path:
        """What the server said."""
        return self.folder / "log"

    @property
    def connections(self) -> int:
        """How many connections it has taken so far, other than the start's own."""
        return self.log.read_text(errors="replace").count("Connection from ") - 1

    def start(self, *, restrict: str = "") -> None:
        """Serve; `restrict` stands before the user's key (a forced command, say)."""
        self.port = self.port or free_port(self.host)
        keygen("-q", "-N", "", "-t", "ed25519", "-f", self.identity)
        public = self.identity.with_suffix(".pub").read_text()
        (self.folder / "authorized_keys").write_text(f"{restrict} {public}".lstrip())
        if os.geteuid() == 0:
            # Its unprivileged half is locked into this empty folder, which Debian makes at boot.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = self.folder / "sshd_config"
        config.write_text(self._config())
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [self.program, "-D", "-e", "-f", config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": os.defpath},
            )  # fmt: skip
        wait_until_open(self.host, self.port, self._process, self.log)

    def _config(self) -> str:
        settings = {
            "AddressFamily": "any", "ListenAddress": self.host, "Port": str(self.port),
            "PidFile": "none", "UsePAM": "no", "StrictModes": "no", "LogLevel": "VERBOSE",
            "PermitRootLogin": "prohibit-password", "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no", "MaxStartups": "100", "LoginGraceTime": "20",
            "AuthorizedKeysFile": str(self.folder / "authorized_keys"),
            **self.options,
        }  # fmt: skip
        lines = [f"{name} {value}" for name, value in settings.items()]
        return "\n".join([*lines, *(f"HostKey {path}" for path in self.keys)]) + "\n"

    def stop(self) -> None:
        """End it and remove its folder."""
        stop(self._process)
        shutil.rmtree(self.folder, ignore_errors=True)
