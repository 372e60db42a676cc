"""A stand-in for Azure: the REST APIs of a Key Vault (secrets, 7.4) and of Entra's token endpoint.

Azure itself cannot run here. The product is not told about the stand-in: the proxy of the
environment leads every https connection to it, and the environment names its authority. So the
SDK's own checks (certificate, host, resource of the challenge) all apply.
Source: Azure documentation, "Key Vault REST API reference" and "Authentication, requests and
responses"; OAuth 2.0 client credentials of the Microsoft identity platform.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.certificates import Authority

NAME, HOST = "kv-airflow", "kv-airflow.vault.azure.net"
URL = f"https://{HOST}"
LOGIN_HOST = "login.microsoftonline.com"
ELSEWHERE = "elsewhere.example.com"
TENANT = "11111111-2222-3333-4444-555555555555"
OTHER_TENANT = "99999999-2222-3333-4444-555555555555"
CLIENT = "bbbbbbbb-2222-3333-4444-555555555555"
# What the environment holds; a canary, too.
PASSWORD = "principal-Canary-4711"
Answer = tuple[int, Mapping[str, str], Any]
Fault = Callable[[str, str], Answer | None]


@dataclass
class Version:
    """One version of a secret."""

    id: str
    value: str
    tags: dict[str, str]
    created: int


@dataclass
class Request:
    """One request that arrived: which host was asked, and with which token."""

    host: str
    method: str
    path: str
    token: str


@dataclass
class KeyVaultStandIn:
    """The state of the Key Vault, what it was asked, and what goes wrong next.

    `fault` may answer a request of the Key Vault in its place; `race` is called with a name just
    before its first version is written.
    """

    proxy: str
    ca: Path
    secrets: dict[str, list[Version]] = field(default_factory=dict)
    deleted: dict[str, list[Version]] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)
    requests: list[Request] = field(default_factory=list)
    tenant: str = TENANT
    resource: str = "https://vault.azure.net"
    fault: Fault = lambda _method, _path: None
    race: Callable[[str], None] = lambda _name: None
    _clock: int = field(default_factory=lambda: int(time.time()))

    def reset(self) -> None:
        """Become a new Key Vault at the same address; the SDK forgets the challenge it has seen."""
        import_module("azure.keyvault.secrets._shared.http_challenge_cache").clear()
        self.__dict__.update(KeyVaultStandIn(self.proxy, self.ca).__dict__)

    def put(self, name: str, value: str, tags: Mapping[str, str] | None = None) -> str:
        """Add a version, as anybody with the right may."""
        self._clock += 1
        own = self.secrets.setdefault(name, [])
        own.append(Version(f"{self._clock:032x}", value, dict(tags or {}), self._clock))
        return own[-1].id

    def values(self) -> dict[str, str]:
        """The newest value of each secret."""
        return {name: versions[-1].value for name, versions in self.secrets.items()}

    def asked(self, method: str, prefix: str = "") -> list[str]:
        """The paths of the Key Vault that were asked with a token."""
        return [
            one.path
            for one in self.requests
            if one.host == HOST and one.method == method and one.token and prefix in one.path
        ]

    def log_in(self, patch: pytest.MonkeyPatch) -> None:
        """Set the environment of a service principal that reaches this stand-in only."""
        self.reach(patch)
        patch.setenv("AZURE_CLIENT_ID", CLIENT)
        patch.setenv("AZURE_TENANT_ID", TENANT)
        patch.setenv("AZURE_CLIENT_SECRET", PASSWORD)

    def reach(self, patch: pytest.MonkeyPatch) -> None:
        """Lead https to this stand-in, without a login."""
        patch.setenv("HTTPS_PROXY", self.proxy)
        patch.setenv("REQUESTS_CA_BUNDLE", str(self.ca))
        for name in ("NO_PROXY", "no_proxy", "https_proxy"):
            patch.delenv(name, raising=False)

    def answer(self, request: Request, body: bytes) -> Answer:
        """The answer of whichever host was asked."""
        self.requests.append(request)
        if request.host == LOGIN_HOST:
            return self._log_in(request, body)
        if request.host != HOST:
            return 200, {}, {"value": "from elsewhere"}
        if not request.token:
            authority = f"https://{LOGIN_HOST}/{self.tenant}"
            challenge = f'Bearer authorization="{authority}", resource="{self.resource}"'
            return 401, {"WWW-Authenticate": challenge}, _error("Unauthorized")
        return self.fault(request.method, request.path) or self._serve(request, body)

    def _log_in(self, request: Request, body: bytes) -> Answer:
        base = f"https://{LOGIN_HOST}/{TENANT}"
        if "/discovery/instance" in request.path:
            names = {"preferred_network": LOGIN_HOST, "preferred_cache": LOGIN_HOST}
            metadata = [{**names, "aliases": [LOGIN_HOST]}]
            return 200, {}, {"tenant_discovery_endpoint": f"{base}/v2.0/x", "metadata": metadata}
        if request.method == "GET":
            return 200, {}, {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
            }  # fmt: skip
        if PASSWORD not in body.decode():
            text = "AADSTS7000215: Invalid client secret provided."
            return 401, {}, {"error": "invalid_client", "error_description": text}
        token = {"token_type": "Bearer", "expires_in": 3600, "access_token": "token-Canary-4712"}
        return 200, {}, token

    def _serve(self, request: Request, body: bytes) -> Answer:
        kind, _, rest = request.path.lstrip("/").partition("/")
        name, _, version = rest.strip("/").partition("/")
        if kind == "deletedsecrets":
            found = self.deleted.get(name)
            return (200, {}, _bundle(name, found[-1])) if found else _missing(name)
        if not name:
            every = [_about(one, versions[-1]) for one, versions in self.secrets.items()]
            return 200, {}, {"value": every, "nextLink": None}
        if request.method == "PUT":
            return self._set(name, json.loads(body))
        versions = self.secrets.get(name)
        if not versions:
            return _missing(name)
        if request.method == "DELETE":
            self.deleted[name] = self.secrets.pop(name)
            return 200, {}, {**_bundle(name, versions[-1]), "recoveryId": f"{URL}/deletedsecrets/x"}
        if version == "versions":
            return 200, {}, {"value": [_about(name, one) for one in versions], "nextLink": None}
        if name in self.disabled:
            return 403, {}, _error("Forbidden", "SecretDisabled")
        return 200, {}, _bundle(name, versions[-1])

    def _set(self, name: str, data: Mapping[str, Any]) -> Answer:
        if name in self.deleted:
            return 409, {}, _error("Conflict", "ObjectIsDeletedButRecoverable")
        if name not in self.secrets:
            self.race(name)
        self.put(name, data["value"], data.get("tags"))
        return 200, {}, _bundle(name, self.secrets[name][-1])


def _bundle(name: str, one: Version) -> dict[str, Any]:
    return {**_about(name, one), "value": one.value, "id": f"{URL}/secrets/{name}/{one.id}"}


def _about(name: str, one: Version) -> dict[str, Any]:
    attributes = {"enabled": True, "created": one.created, "updated": one.created}
    return {"id": f"{URL}/secrets/{name}/{one.id}", "attributes": attributes, "tags": one.tags}


def _error(code: str, inner: str = "") -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": f"{code}: the value was a-Canary-4713"}
    return {"error": {**error, **({"innererror": {"code": inner}} if inner else {})}}


def _missing(name: str) -> Answer:
    return 404, {}, {"error": {"code": "SecretNotFound", "message": f"no {name} here"}}


def refuse(status: int, inner: str = "", **headers: str) -> Fault:
    """A fault: every request that carries a token is refused."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _method, _path: (status, named, _error("Forbidden", inner))


@contextmanager
def run_stand_in(folder: Path) -> Iterator[KeyVaultStandIn]:
    """The servers, on loopback: https for all names, and the proxy that leads there."""
    authority = Authority.make(folder)
    names = (HOST, LOGIN_HOST, ELSEWHERE)
    certificate, key = authority.issue(*names)
    (folder / "server.pem").write_text(certificate + key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    state = KeyVaultStandIn(f"http://127.0.0.1:{proxy.server_port}", authority.path)
    server.state = state  # type: ignore[attr-defined]
    proxy.target = server.server_port  # type: ignore[attr-defined]
    for one in (server, proxy):
        one.daemon_threads = True
        threading.Thread(target=one.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        for one in (proxy, server):
            one.shutdown()
            one.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        state: KeyVaultStandIn = self.server.state  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        host = (self.headers.get("Host") or "").partition(":")[0]
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        request = Request(host, self.command, urlsplit(self.path).path, token)
        status, headers, data = state.answer(request, body)
        text = json.dumps(data).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


class _Proxy(BaseHTTPRequestHandler):
    def do_CONNECT(self) -> None:
        """Lead every https connection to the stand-in, whichever host it is for."""
        with socket.create_connection(("127.0.0.1", self.server.target)) as there:  # type: ignore[attr-defined]
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            back = threading.Thread(target=_pump, args=(there, self.connection), daemon=True)
            back.start()
            _pump(self.connection, there)
            back.join(5)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
