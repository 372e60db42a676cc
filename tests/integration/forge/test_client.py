"""Registering the deploy key at each provider: read-only, once, and over proven TLS alone."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.canary import Canary
from tests.support.certificates import Authority
from wizard.clients.forge import ProviderRepository, RegistrationResult, register_deploy_key
from wizard.clients.forge_pages import find_api
from wizard.errors import ConflictError, RefusedError, WizardError
from wizard.secrets.deploy_key import generate_key_pair

pytestmark = pytest.mark.integration

KINDS = ["github", "gitlab", "bitbucket", "gitea"]
PATH = {kind: "acme/data/dags" if kind == "gitlab" else "acme/dags" for kind in KINDS}
KEYS = {
    "github": "/repos/acme/dags/keys",
    "gitlab": "/projects/acme%2Fdata%2Fdags/deploy_keys",
    "bitbucket": "/repositories/acme/dags/deploy-keys",
    "gitea": "/repos/acme/dags/keys",
}


@dataclass
class Provider:
    """A provider's API as its reference describes it, with what a test wants changed."""

    kind: str
    port: int = 0
    keys: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    status: dict[str, int] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> ProviderRepository:
        kind: Any = self.kind
        return ProviderRepository(kind, f"https://localhost:{self.port}", PATH[self.kind])

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if method in self.status:
            return self.status[method], {"message": f"quoted: {body}"}
        if method in self.answers:
            return 200, self.answers[method]
        if method == "POST":
            # Providers keep the key without its comment, or with one of their own.
            stored = {**body, "key": " ".join(body["key"].split()[:2]), "id": len(self.keys)}
            if self.kind == "gitea":
                stored.setdefault("read_only", False)
            self.keys.append(stored)
            return 201, stored
        page = int(path.rpartition("page=")[2])
        rows = self.keys[page - 1 : page]
        return 200, {"values": rows} if self.kind == "bitbucket" else rows


@pytest.fixture(params=KINDS)
def provider(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Provider]:
    authority = Authority.make(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    made = Provider(request.param)

    class Handler(http.server.BaseHTTPRequestHandler):
        def _serve(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            made.requests.append((self.command, self.path, dict(self.headers), body))
            status, found = made.answer(self.command, self.path, body)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"https://localhost:{made.port}/elsewhere")
            self.end_headers()
            self.wfile.write(found if isinstance(found, bytes) else json.dumps(found).encode())

        do_GET = do_POST = _serve  # noqa: N815 - names that http.server asks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    certificate, key = authority.issue("localhost")
    (tmp_path / "server.pem").write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


PUBLIC = generate_key_pair("ed25519", "airflow-wizard prod").public


def token(canary: Canary) -> SecretStr:
    return SecretStr(canary.secret("token"))


def test_a_key_is_registered_read_only_and_once(provider: Provider, canary: Canary) -> None:
    done = register_deploy_key(provider.place, token(canary), "airflow-wizard prod", PUBLIC)
    again = register_deploy_key(provider.place, token(canary), "airflow-wizard prod", PUBLIC)

    assert done.made
    assert again == RegistrationResult(made=False)
    assert ("deletes this key" in done.note) == (provider.kind == "github")
    posts = [one for one in provider.requests if one[0] == "POST"]
    ((_, path, headers, body),) = posts
    assert path == KEYS[provider.kind]
    assert body["key"] == PUBLIC
    right = {"github": "read_only", "gitea": "read_only", "gitlab": "can_push"}.get(provider.kind)
    assert right is None or body[right] is (right == "read_only")
    name = "PRIVATE-TOKEN" if provider.kind == "gitlab" else "Authorization"
    sent = {key.casefold(): value for key, value in headers.items()}[name.casefold()]
    assert sent.endswith(canary.secret("token"))


def test_a_key_on_a_later_page_is_found(provider: Provider, canary: Canary) -> None:
    for number in range(3):
        other = generate_key_pair("ed25519", "x").public
        provider.keys.append({"key": other, "id": number, "read_only": True})
    right = {"can_push": False} if provider.kind == "gitlab" else {"read_only": True}
    provider.keys.append({"key": PUBLIC, **right})

    assert not register_deploy_key(provider.place, token(canary), "t", PUBLIC).made


def test_a_key_that_may_push_is_refused(provider: Provider, canary: Canary) -> None:
    if provider.kind == "bitbucket":
        # Access keys are read-only by design there, so nothing is said about it.
        provider.keys.append({"key": PUBLIC})
        assert not register_deploy_key(provider.place, token(canary), "t", PUBLIC).made
        return
    for standing in ({"read_only": False, "can_push": True}, {}):
        provider.keys[:] = [{"key": PUBLIC, **standing}]
        with pytest.raises(RefusedError, match="write access"):
            register_deploy_key(provider.place, token(canary), "t", PUBLIC)
    provider.keys.clear()
    provider.answers["POST"] = {"key": PUBLIC, "read_only": False, "can_push": True}
    with pytest.raises(RefusedError, match="write access"):
        register_deploy_key(provider.place, token(canary), "t", PUBLIC)


def test_another_key_than_ours_in_the_answer_is_an_error(
    provider: Provider, canary: Canary
) -> None:
    provider.answers["POST"] = {"key": generate_key_pair("ed25519", "x").public, "read_only": True}
    with pytest.raises(WizardError, match="differs from the one that was sent"):
        register_deploy_key(provider.place, token(canary), "t", PUBLIC)


@pytest.mark.parametrize(
    ("method", "status", "kind", "said"),
    [
        ("GET", 401, WizardError, "does not let this token"),
        ("GET", 404, WizardError, "does not let this token"),
        ("POST", 403, WizardError, "does not let this token"),
        ("POST", 422, ConflictError, "does not accept the key"),
        ("GET", 302, RefusedError, "redirect"),
        ("POST", 307, RefusedError, "redirect"),
        ("GET", 500, WizardError, "answers with 500"),
    ],
)
def test_what_a_provider_may_say(
    provider: Provider, canary: Canary, method: str, status: int, kind: type, said: str
) -> None:
    provider.status[method] = status

    with pytest.raises(kind, match=said) as caught:
        register_deploy_key(provider.place, token(canary), "t", PUBLIC)

    assert isinstance(caught.value, WizardError)
    canary.assert_absent(caught.value.message, caught.value.hint)
    assert "quoted" not in caught.value.message
    assert all(path != "/elsewhere" for _, path, _, _ in provider.requests)


def test_what_is_no_api(provider: Provider, canary: Canary) -> None:
    for wrong in (b"<html>", {"a": 1}, "text", b""):
        provider.answers["GET"] = wrong
        with pytest.raises(WizardError, match="does not answer"):
            register_deploy_key(provider.place, token(canary), "t", PUBLIC)


def test_an_unproven_server_gets_no_token(
    provider: Provider, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")

    with pytest.raises(WizardError, match="not verified"):
        register_deploy_key(provider.place, token(canary), "t", PUBLIC)
    assert provider.requests == []


def test_a_server_of_another_name_gets_no_token(provider: Provider, canary: Canary) -> None:
    place = ProviderRepository(
        provider.place.kind, f"https://127.0.0.1:{provider.port}", provider.place.path
    )
    with pytest.raises(WizardError, match="not verified"):
        register_deploy_key(place, token(canary), "t", PUBLIC)
    assert provider.requests == []


def test_a_token_that_is_none_is_not_sent(provider: Provider, canary: Canary) -> None:
    with pytest.raises(WizardError) as caught:
        register_deploy_key(
            provider.place, SecretStr(canary.secret("token") + "\nX: y"), "t", PUBLIC
        )
    canary.assert_absent(caught.value.message)
    assert provider.requests == []


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("git@github.com:acme/dags.git", ("github", "https://api.github.com", "acme/dags")),
        (
            "ssh://git@ssh.github.com:443/acme/dags.git",
            ("github", "https://api.github.com", "acme/dags"),
        ),
        (
            "ssh://git@github.example.com/acme/dags.git",
            ("github", "https://github.example.com/api/v3", "acme/dags"),
        ),
        (
            "git@gitlab.com:acme/data/dags.git",
            ("gitlab", "https://gitlab.com/api/v4", "acme/data/dags"),
        ),
        (
            "git@bitbucket.org:acme/dags.git",
            ("bitbucket", "https://api.bitbucket.org/2.0", "acme/dags"),
        ),
        (
            "git@codeberg.org:acme/dags.git",
            ("gitea", "https://codeberg.org/api/v1", "acme/dags"),
        ),
        ("git@git.example.com:acme/dags.git", None),
        ("git@ssh.dev.azure.com:v3/acme/Data/dags", None),
    ],
)
def test_which_api_it_is(url: str, found: Any) -> None:
    assert find_api(url) == found
