"""AWS Secrets Manager for tests: moto's server, behind a recorder that can refuse in its place.

moto answers as AWS does for one account. The recorder keeps which actions were asked, and gives the
answers that moto cannot give (labelled so in the tests): throttling, missing rights, a login that
has expired, a redirect. The product is told of it only by AWS's own variables.
Source: AWS documentation, "AWS Secrets Manager API Reference" and "Common error types".
"""

from __future__ import annotations

import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.testbed.object_storage import ObjectStorage

ACCOUNT, REGION = "123456789012", "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/airflow-secrets"
# What the environment holds; a canary, too.
ACCESS_KEY, PASSWORD = "AKIAIOSFODNN7EXAMPLE", "access-Canary-4711"
Answer = tuple[int, Mapping[str, str], str]
# Gets the action and its request; may answer in moto's place, or change moto first.
Fault = Callable[[str, Mapping[str, Any]], Answer | None]
_KEPT = ("content-type", "x-amz-target", "authorization", "x-amz-date")


@dataclass
class SecretsManagerStandIn:
    """moto's server as the product sees it, what it was asked, and what goes wrong next."""

    url: str
    moto: str
    ca: Path
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    fault: Fault = lambda _action, _request: None

    def reset(self) -> None:
        """Become a new account."""
        self._send("/moto-api/reset", b"", {})
        self.asked.clear()
        self.headers.clear()
        self.fault = lambda _action, _request: None

    def log_in(self, patch: pytest.MonkeyPatch) -> None:
        """Set the environment of an access key that reaches this server only."""
        patch.setenv("AWS_ENDPOINT_URL", self.url)
        patch.setenv("AWS_CA_BUNDLE", str(self.ca))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", PASSWORD)

    def call(self, action: str, **request: Any) -> dict[str, Any]:
        """Do something as anybody with the right may; not recorded."""
        scope = f"{ACCESS_KEY}/20261130/{REGION}/secretsmanager/aws4_request"
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"secretsmanager.{action}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=a, Signature=0",
        }
        status, _, text = self._send("/", json.dumps(request).encode(), headers)
        assert status == 200, text
        found: dict[str, Any] = json.loads(text)
        return found

    def put(self, name: str, value: str, tags: Mapping[str, str] | None = None) -> None:
        """Create a secret, as anybody with the right may."""
        marks = [{"Key": key, "Value": text} for key, text in (tags or {}).items()]
        self.call("CreateSecret", Name=name, SecretString=value, Tags=marks)

    def remove(self, name: str) -> None:
        """Remove a secret at once, so that its name is free."""
        self.call("DeleteSecret", SecretId=name, ForceDeleteWithoutRecovery=True)

    def secrets(self) -> dict[str, dict[str, Any]]:
        """Every secret without its value, by name; also those whose deletion is scheduled."""
        listed = self.call("ListSecrets", IncludePlannedDeletion=True, MaxResults=100)
        return {one["Name"]: one for one in listed["SecretList"]}

    def values(self) -> dict[str, str]:
        """The current value of each secret that is not being deleted."""
        return {
            name: self.call("GetSecretValue", SecretId=name)["SecretString"]
            for name, one in self.secrets().items()
            if not one.get("DeletedDate")
        }

    def count(self, action: str) -> int:
        """How often the product asked for an action."""
        return sum(one == action for one, _ in self.asked)

    def _send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        request = urllib.request.Request(f"{self.moto}{path}", body, dict(headers), method="POST")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as found:
                return found.status, {}, found.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, {}, error.read().decode()

    def answer(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to a request of the product."""
        action = headers.get("x-amz-target", "").partition(".")[2] or "GetCallerIdentity"
        asked = json.loads(body) if body.startswith(b"{") else {}
        self.asked.append((action, asked))
        self.headers.append(dict(headers))
        kept = {name: headers[name] for name in _KEPT if name in headers}
        return self.fault(action, asked) or self._send("/", body, kept)


def refuse(code: str, status: int = 400, *, on: str = "", text: str = "") -> Fault:
    """A fault: these actions (all of Secrets Manager without `on`) are refused with this code."""
    said = text or "the value was a-Canary-4713"

    def fault(action: str, _request: Mapping[str, Any]) -> Answer | None:
        if action == on or (not on and action != "GetCallerIdentity"):
            return status, {}, json.dumps({"__type": code, "Message": said})
        return None

    return fault


@contextmanager
def run_moto(folder: Path) -> Iterator[SecretsManagerStandIn]:
    """moto's server on loopback, and the recorder in front of it, over TLS."""
    authority = Authority.make(folder)
    certificate, key = authority.issue("localhost", "127.0.0.1")
    (folder / "server.pem").write_text(certificate + key)
    moto = ObjectStorage.moto()
    moto.start()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    url = f"https://localhost:{server.server_port}"
    state = SecretsManagerStandIn(url, moto.url, authority.path)
    server.state = state  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        moto.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer as the state says."""
        state: SecretsManagerStandIn = self.server.state  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, more, text = state.answer(headers, body)
        data = text.encode()
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""
