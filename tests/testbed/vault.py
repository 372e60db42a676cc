"""A real Vault over TLS with a certificate authority of its own, kept in memory."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.certificates import Authority
from tests.testbed.databases import free_port, wait_until_open
from tests.testbed.https import Connections


class RefusedError(Exception):
    """Vault answers a request with another status than 2xx."""

    def __init__(self, status: int, errors: Any) -> None:
        super().__init__(f"{status}: {errors}")
        self.status = status


@dataclass
class Vault:
    """A running server; `request` is made with the root token. Certificates name loopback."""

    program: Path
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="wizard-vault-")))
    port: int = field(default_factory=free_port)
    token: str = ""
    unseal_key: str = ""
    _process: subprocess.Popen[bytes] | None = None
    _connections: Connections | None = None

    @property
    def url(self) -> str:
        """Where it serves; its certificate is verified against `ca`."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        """The authority's certificate."""
        return self.folder / "ca.pem"

    def start(self) -> None:
        """Serve, uninitialised; AssertionError with the log when it does not."""
        certificate, key = Authority.make(self.folder).issue("localhost", "127.0.0.1", "::1")
        for name, text in (("server.pem", certificate), ("server.key", key)):
            (self.folder / name).write_text(text)
        log = self.folder / "log"
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [self.program, f"127.0.0.1:{self.port}", "server.pem", "server.key"],
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=self.folder,
            )  # fmt: skip
        wait_until_open("127.0.0.1", self.port, self._process, log)

    def initialise(self) -> None:
        """Make the one unseal key and the root token, and unseal."""
        made = self.request("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self.token, self.unseal_key = made["root_token"], made["keys_base64"][0]
        self.unseal()

    def seal(self) -> None:
        """Close it: from now on it serves nothing but its state."""
        self.request("PUT", "sys/seal")

    def unseal(self) -> None:
        """Open it again."""
        self.request("PUT", "sys/unseal", {"key": self.unseal_key})

    def mount(self, path: str, version: int = 2) -> None:
        """A KV secrets engine."""
        options = {"type": "kv", "options": {"version": str(version)}}
        self.request("POST", f"sys/mounts/{path}", options)

    def policy(self, name: str, rules: dict[str, list[str]]) -> None:
        """A policy of capabilities by path."""
        text = "\n".join(
            f'path "{path}" {{ capabilities = {json.dumps(capabilities)} }}'
            for path, capabilities in rules.items()
        )
        self.request("PUT", f"sys/policies/acl/{name}", {"policy": text})

    def new_token(self, *policies: str, ttl: str = "30m", **options: Any) -> str:
        """A token with these policies and `default`, without a parent."""
        body = {"policies": list(policies), "ttl": ttl, "no_parent": True, **options}
        token: str = self.request("POST", "auth/token/create", body)["auth"]["client_token"]
        return token

    def request(self, method: str, path: str, body: object = None, token: str = "") -> Any:
        """One request below /v1/; RefusedError for every other status than 2xx."""
        if self._connections is None:
            self._connections = Connections(self.port, self.ca)
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Vault-Token": token or self.token}
        status, text = self._connections.request(method, f"/v1/{path}", data, headers)
        if not 200 <= status < 300:
            raise RefusedError(status, text.decode(errors="replace"))
        return json.loads(text) if text else None

    def stop(self) -> None:
        """End it and remove its folder."""
        if self._connections is not None:
            self._connections.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
