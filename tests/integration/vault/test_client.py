"""The Vault client on real servers: what it reads and writes, and what it refuses to be told."""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.canary import Canary
from tests.support.certificates import Authority
from tests.support.scripted import answer_slowly, scripted
from tests.testbed.vault import RefusedError, Vault
from wizard.clients.vault import protocol as backend
from wizard.clients.vault import transport
from wizard.clients.vault.address import (
    AppRole,
    Jwt,
    Token,
    VaultAddress,
    read_address,
    read_credentials,
)
from wizard.clients.vault.connect import open_vault as opened_vault
from wizard.clients.vault.transport import (
    VaultConflictError,
    VaultError,
    VaultHttp,
    VaultRefusedError,
)
from wizard.errors import ConflictError, UsageError, WizardError
from wizard.errors import RefusedError as Refused
from wizard.secrets.resolve import SecretError

pytestmark = pytest.mark.integration


def place(vault: Vault, **more: str) -> VaultAddress:
    return VaultAddress(vault.url, vault.ca.read_text(), **more)


def token(value: str) -> Token:
    return Token(SecretStr(value), "a test")


@contextmanager
def client(vault: Vault, value: str = "") -> Iterator[backend.Vault]:
    with opened_vault(place(vault), token(value or vault.token)) as opened:
        yield opened


def fault(call: Callable[[], object], canary: Canary) -> VaultError:
    """What a call ends with; no secret in it, nor in anything that hangs on it."""
    with pytest.raises(VaultError) as caught:
        call()
    error = caught.value
    canary.assert_absent(
        repr(error), str(error), error.hint, "".join(traceback.format_exception(error))
    )
    assert error.__context__ is None
    assert error.message
    return error


def test_a_document_is_written_by_check_and_set_and_read_back(vault: Vault) -> None:
    vault.mount("client-kv")
    with client(vault) as opened:
        assert opened.mount("client-kv") == backend.Mount("client-kv", "kv", 2)
        assert opened.read("client-kv", "airflow/config") is None
        assert opened.write("client-kv", "airflow/config", {"a": "1", "foreign": [1]}, 0) == 1
        found = opened.read("client-kv", "airflow/config")
        assert found is not None
        assert (found.data, found.version, found.deleted) == ({"a": "1", "foreign": [1]}, 1, False)
        assert opened.write("client-kv", "airflow/config", {"a": "2"}, 1) == 2


def test_another_writer_in_between_is_a_conflict(vault: Vault, canary: Canary) -> None:
    vault.mount("client-cas")
    with client(vault) as opened:
        opened.write("client-cas", "one", {"a": "1"}, 0)
        secret = {"a": canary.secret()}
        error = fault(lambda: opened.write("client-cas", "one", secret, 0), canary)
        assert isinstance(error, VaultConflictError)
        assert isinstance(error, ConflictError)
        assert error.exit_code == 5
        found = opened.read("client-cas", "one")
        assert found is not None
        assert found.data == {"a": "1"}


def test_a_deleted_version_still_counts_for_check_and_set(vault: Vault) -> None:
    vault.mount("client-gone")
    with client(vault) as opened:
        opened.write("client-gone", "one", {"a": "1"}, 0)
        vault.request("DELETE", "client-gone/data/one")
        found = opened.read("client-gone", "one")
        assert found == backend.StoredSecret({}, 1, deleted=True)
        assert opened.write("client-gone", "one", {"a": "2"}, found.version) == 2


def test_values_stay_out_of_representations(vault: Vault, canary: Canary) -> None:
    vault.mount("client-repr")
    with client(vault) as opened:
        opened.write("client-repr", "one", {"a": canary.secret()}, 0)
        canary.assert_absent(
            repr(opened.read("client-repr", "one")),
            repr(opened.call("GET", "client-repr/data/one")),
            repr(opened),
            opened.identity,
            repr(token(canary.secret())),
        )


def test_version_one_is_refused_and_nothing_is_written(vault: Vault, canary: Canary) -> None:
    vault.mount("client-v1", version=1)
    with client(vault) as opened:
        error = fault(lambda: opened.mount("client-v1"), canary)
        assert (error.kind, error.exit_code) == ("version", 4)
        assert "version 1" in error.message
        vault.request("POST", "client-v1/data/one", {"data": {"a": "clear"}})
        assert fault(lambda: opened.read("client-v1", "one"), canary).kind == "version"


def test_mounts_that_are_not_there_or_something_else(vault: Vault, canary: Canary) -> None:
    vault.mount("client-teams/data")
    vault.policy("client-nothing", {"sys/nothing": ["read"]})
    with client(vault) as opened:
        assert opened.mount("client-teams/data").path == "client-teams/data"
        assert fault(lambda: opened.mount("client-absent"), canary).kind == "missing"
        error = fault(lambda: opened.mount("client-teams/data/deeper"), canary)
        assert "is inside client-teams/data" in error.message
        assert fault(lambda: opened.mount("sys"), canary).kind == "version"
    with client(vault, vault.new_token("client-nothing")) as opened:
        error = fault(lambda: opened.mount("client-teams/data"), canary)
        assert error.kind == "missing"
        assert "has no rights in it" in error.message


def test_capabilities_of_exactly_the_paths_asked_for(vault: Vault, canary: Canary) -> None:
    vault.mount("client-rights")
    vault.policy("client-rights", {"client-rights/data/mine": ["create", "read", "update"]})
    with client(vault, vault.new_token("client-rights")) as opened:
        found = opened.capabilities(["client-rights/data/mine", "client-rights/data/other"])
        assert found == {
            "client-rights/data/mine": {"create", "read", "update"},
            "client-rights/data/other": frozenset(),
        }
        assert opened.write("client-rights", "mine", {"a": "1"}, 0) == 1
        error = fault(
            lambda: opened.write("client-rights", "other", {"a": canary.secret()}, 0), canary
        )
        assert error.kind == "forbidden"
        assert "POST client-rights/data/other" in error.message
        assert fault(lambda: opened.read("client-rights", "other"), canary).kind == "forbidden"


def test_what_a_token_is_and_that_it_ends(vault: Vault, canary: Canary) -> None:
    with client(vault) as opened:
        assert opened.token_lookup().policies == ("root",)
        assert opened.token_lookup().ttl == 0
    short = vault.new_token(ttl="2s")
    with client(vault, short) as opened:
        assert 0 < opened.token_lookup().ttl <= 2
        time.sleep(2.5)
        error = fault(opened.token_lookup, canary)
        assert (error.kind, error.exit_code) == ("login", 1)
        assert "a test" in error.message
        assert fault(lambda: opened.read("secret", "a"), canary).kind == "forbidden"


def test_a_token_of_nobody_and_a_token_that_is_wrong(vault: Vault, canary: Canary) -> None:
    with opened_vault(place(vault)) as nobody:
        assert nobody.health().state == "active"
        error = fault(nobody.token_lookup, canary)
        assert error.kind == "login"
    with client(vault, canary.secret()) as opened:
        assert fault(opened.token_lookup, canary).kind == "login"
        assert fault(lambda: opened.call("GET", "sys/mounts"), canary).kind == "forbidden"


def test_every_state_of_a_node(fresh_vault: Vault, canary: Canary) -> None:
    where = place(fresh_vault)
    with opened_vault(where, token(canary.secret())) as opened:
        assert opened.health().state == "uninitialised"
        error = fault(lambda: opened.read("secret", "a"), canary)
        assert error.kind in {"uninitialised", "sealed"}
    fresh_vault.initialise()
    with client(fresh_vault) as opened:
        health = opened.health()
        assert (health.state, abs(health.skew) < 5) == ("active", True)
        assert health.version
        assert health.cluster_id
        fresh_vault.seal()
        assert opened.health().state == "sealed"
        error = fault(lambda: opened.read("secret", "a"), canary)
        assert (error.kind, error.transient) == ("sealed", True)
        fresh_vault.unseal()
        assert opened.token_lookup().policies == ("root",)


def test_a_namespace_that_is_not_there(vault: Vault, canary: Canary) -> None:
    """Without the Enterprise edition Vault ignores the header; the lookup tells."""
    where = replace(place(vault), namespace="team-a")
    with opened_vault(where, token(vault.token)) as opened:
        assert opened.token_lookup().namespace == ""


# --- logins


def approle(vault: Vault, name: str, **options: Any) -> AppRole:
    vault.request("POST", f"sys/auth/{name}", {"type": "approle"})
    vault.request("POST", f"auth/{name}/role/wizard", {"token_policies": "default", **options})
    role = vault.request("GET", f"auth/{name}/role/wizard/role-id")["data"]["role_id"]
    made = vault.request("POST", f"auth/{name}/role/wizard/secret-id", {})["data"]["secret_id"]
    return AppRole(SecretStr(role), SecretStr(made), name)


def live_tokens(vault: Vault) -> int:
    return len(vault.request("LIST", "auth/token/accessors")["data"]["keys"])


def test_an_approle_logs_in_and_its_token_is_revoked(vault: Vault, canary: Canary) -> None:
    role = approle(vault, "client-approle", secret_id_num_uses=1)
    before = live_tokens(vault)
    with opened_vault(place(vault), role) as opened:
        assert opened.token_lookup().policies == ("default",)
        assert live_tokens(vault) == before + 1
        assert "VAULT_ROLE_ID" in opened.identity
    assert live_tokens(vault) == before
    error = fault(lambda: opened_once(vault, role), canary)
    assert error.kind == "login"
    assert "secret id" in error.hint


def test_the_token_of_a_login_is_revoked_when_the_work_fails(vault: Vault) -> None:
    role = approle(vault, "client-failing")
    before = live_tokens(vault)

    def work() -> None:
        with opened_vault(place(vault), role):
            assert live_tokens(vault) == before + 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert live_tokens(vault) == before


def opened_once(vault: Vault, credentials: AppRole | Jwt) -> None:
    with opened_vault(place(vault), credentials):
        pass


def test_a_role_or_a_mount_that_is_not_there(vault: Vault, canary: Canary) -> None:
    vault.request("POST", "sys/auth/client-kubernetes", {"type": "kubernetes"})
    vault.request(
        "POST",
        "auth/client-kubernetes/config",
        {"kubernetes_host": "https://127.0.0.1:1", "disable_local_ca_jwt": True},
    )
    jwt = Jwt("client-kubernetes", "nobody", SecretStr(canary.secret()))
    error = fault(lambda: opened_once(vault, jwt), canary)
    assert error.kind == "login"
    assert "role nobody" in error.hint
    error = fault(lambda: opened_once(vault, replace(jwt, mount="client-none")), canary)
    assert error.kind == "login"


def test_a_token_handed_in_is_not_revoked(vault: Vault) -> None:
    value = vault.new_token()
    with client(vault, value) as opened:
        opened.token_lookup()
    assert vault.request("GET", "auth/token/lookup-self", token=value)


# --- transport


def test_a_server_that_is_not_proven_gets_no_token(
    vault: Vault, tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Authority.make(tmp_path).certificate
    for wrong, says in (
        (replace(place(vault), ca=other), "from an authority that is not trusted"),
        (replace(place(vault), ca=""), "from an authority that is not trusted"),
        (replace(place(vault), server_name="vault.example.internal"), "a different name"),
    ):
        with opened_vault(wrong, token(canary.secret())) as opened:
            error = fault(opened.token_lookup, canary)
        assert (error.kind, error.exit_code) == ("tls", 4)
        assert isinstance(error, Refused)
        assert says in error.message, error.message
        assert error.hint
    # requests would take its authorities from here, and drop ours.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with client(vault) as opened:
        assert opened.token_lookup().policies == ("root",)
    named = replace(place(vault), server_name="localhost")
    with opened_vault(named, token(vault.token)) as opened:
        assert opened.token_lookup().policies == ("root",)


@contextmanager
def https(
    folder: Path, reply: Callable[[bytes], bytes], seen: list[bytes]
) -> Iterator[tuple[int, str]]:
    """A scripted server with a certificate of its own: its port, and its authority."""
    authority = Authority.make(folder)
    certificate, key = authority.issue("127.0.0.1", "localhost")
    (folder / "s.pem").write_text(certificate + key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "s.pem")

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            request = encrypted.recv(65536)
            length = re.search(rb"\r\ncontent-length: ([0-9]+)\r\n", request.lower())
            # A body that is left unread resets the connection before the answer is read.
            while length and len(request.partition(b"\r\n\r\n")[2]) < int(length[1]):
                request += encrypted.recv(65536)
            seen.append(request)
            encrypted.sendall(reply(request))

    with scripted(serve) as port:
        yield port, authority.certificate


@contextmanager
def misbehaving(
    folder: Path, reply: Callable[[bytes], bytes], value: str = "abc"
) -> Iterator[backend.Vault]:
    """A client of a scripted server, trusting it."""
    with https(folder, reply, []) as (port, ca):
        where = VaultAddress(f"https://127.0.0.1:{port}", ca)
        with opened_vault(where, token(value)) as opened:
            yield opened


def response(status: str, body: object = None, **headers: str) -> bytes:
    text = b"" if body is None else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(text)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + text


def answering(always: bytes, request: bytes) -> bytes:
    return always


def test_the_token_does_not_follow_a_redirect_to_another_origin(
    tmp_path: Path, canary: Canary
) -> None:
    elsewhere: list[bytes] = []

    def thief(connection: socket.socket) -> None:
        elsewhere.append(connection.recv(65536))
        connection.sendall(response("200 OK", {"data": {}}))

    seen: list[bytes] = []
    with scripted(thief) as other:
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent"):
            for target in (
                f"http://127.0.0.1:{other}/v1/auth/token/lookup-self",
                f"https://localhost:{other}/",
                f"//127.0.0.1:{other}/v1/x",
            ):
                moved = response(status, Location=target)
                with https(tmp_path, partial(answering, moved), seen) as (port, ca):
                    where = VaultAddress(f"https://127.0.0.1:{port}", ca)
                    with opened_vault(where, token(canary.secret())) as opened:
                        error = fault(opened.token_lookup, canary)
                assert (error.kind, error.exit_code) == ("redirect", 4)
                assert f"{other}" in error.message
        assert not elsewhere
    assert canary.traces(*seen), "the first server is meant to get the token"


def test_a_redirect_within_the_origin_is_followed_and_not_for_ever(
    tmp_path: Path, canary: Canary
) -> None:
    def reply(request: bytes) -> bytes:
        if request.startswith(b"GET /v1/auth/token/lookup-self "):
            return response("307 Temporary Redirect", Location="/v1/other")
        return response("200 OK", {"data": {"ttl": 60, "policies": ["a"]}})

    with misbehaving(tmp_path, reply) as opened:
        assert opened.token_lookup().ttl == 60
    moved = response("307 Temporary Redirect", Location="/v1/round")
    with misbehaving(tmp_path, lambda _: moved) as opened:
        assert "circles" in fault(opened.token_lookup, canary).message


def calls(opened: backend.Vault) -> list[Callable[[], object]]:
    """Every request of the client but the logins."""
    return [
        opened.health,
        opened.token_lookup,
        partial(opened.capabilities, ["a/b"]),
        partial(opened.mount, "secret"),
        partial(opened.read, "secret", "a"),
        partial(opened.write, "secret", "a", {"k": "v"}, 0),
        partial(opened.call, "DELETE", "a/b"),
    ]


def test_no_request_follows_a_redirect_to_another_origin(tmp_path: Path, canary: Canary) -> None:
    elsewhere: list[bytes] = []
    secret = SecretStr(canary.secret())
    with scripted(lambda other: elsewhere.append(other.recv(65536))) as other:
        moved = response("307 Temporary", Location=f"https://127.0.0.1:{other}/v1/x")
        with misbehaving(tmp_path, lambda _: moved, secret.get_secret_value()) as opened:
            for call in calls(opened):
                assert fault(call, canary).kind == "redirect"
            where = opened.address
            for login in (AppRole(secret, secret), Jwt("kubernetes", "reader", secret)):
                error = fault(opened_vault(where, login).__enter__, canary)
                assert error.kind == "redirect"
        assert not elsewhere


def test_no_request_takes_anything_from_the_environment(
    tmp_path: Path, clean_environment: Path, monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    """hvac reads VAULT_* and the token helper's file by itself, part of it when it is imported."""
    from hvac import v1 as hvac_client  # type: ignore[import-untyped]

    for name in ("VAULT_TOKEN", "VAULT_NAMESPACE"):
        monkeypatch.setenv(name, canary.secret())
    monkeypatch.setenv("VAULT_ADDR", "https://elsewhere.invalid")
    (clean_environment / ".vault-token").write_text(canary.secret())
    for name in ("VAULT_CLIENT_CERT", "VAULT_CLIENT_KEY", "VAULT_CACERT", "VAULT_CAPATH"):
        monkeypatch.setattr(hvac_client, name, "/no/such/file.pem")
    seen: list[bytes] = []
    with https(tmp_path, partial(answering, response("200 OK", {"data": {}})), seen) as (port, ca):
        where = VaultAddress(f"https://127.0.0.1:{port}", ca, "team-a")
        with opened_vault(where) as nobody:
            for call in calls(nobody):
                with suppress(VaultError):
                    call()
    assert len(seen) == len(calls(nobody))
    canary.assert_absent(*seen)
    seen = [request.lower() for request in seen]
    health, *others = seen
    assert b"x-vault-namespace" not in health
    assert all(b"x-vault-namespace: team-a\r\n" in request for request in others)
    assert all(b"x-vault-request: true\r\n" in request for request in seen)
    assert not any(b"x-vault-token" in request for request in seen)


def test_a_server_that_repeats_the_token_is_not_quoted(tmp_path: Path, canary: Canary) -> None:
    echo = {"errors": [f"bad token {canary.secret()}"], "data": canary.secret()}
    for status in ("400 Bad", "403 Forbidden", "404 Not Found", "500 Oops", "429 Slow", "418 Tea"):
        said = response(status, echo)
        with misbehaving(tmp_path, partial(answering, said), canary.secret()) as opened:
            fault(opened.token_lookup, canary)
            fault(partial(opened.mount, "secret"), canary)
            fault(opened.health, canary)
            fault(partial(opened.call, "PUT", "x", {}), canary)
            fault(partial(opened.write, "secret", "a", {}, 0), canary)
            fault(partial(opened.capabilities, ["a"]), canary)


def test_what_the_server_asks_to_wait(tmp_path: Path, canary: Canary) -> None:
    slow = response("429 Slow", {"errors": ["x"]}, **{"Retry-After": "7"})
    with misbehaving(tmp_path, lambda _: slow) as opened:
        error = fault(lambda: opened.call("GET", "sys/mounts"), canary)
    assert (error.kind, error.retry_after) == ("busy", 7.0)


def test_peers_that_are_no_vault(tmp_path: Path, canary: Canary) -> None:
    html = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"
    with misbehaving(tmp_path, lambda _: html) as opened:
        assert "not answer like Vault" in fault(opened.token_lookup, canary).message
        assert fault(opened.health, canary).kind == "foreign"

    def plain(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

    with scripted(plain) as port:
        with opened_vault(VaultAddress(f"https://127.0.0.1:{port}"), token("abc")) as opened:
            error = fault(opened.health, canary)
        assert error.kind in {"tls", "unreachable"}
        with opened_vault(VaultAddress(f"http://127.0.0.1:{port}"), token("abc")) as opened:
            assert fault(opened.health, canary).transient


def test_a_404_of_a_proxy_is_not_an_absence(tmp_path: Path, canary: Canary) -> None:
    """Nor is a read without data, or a list without keys: what is there would be gone."""
    no_route = response("404 Not Found", {"message": "no Route matched with those values"})
    empty = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    gateway = response("404 Not Found", {"errors": ["no service for this path"]})
    objects = response("404 Not Found", {"errors": [{"code": "NOT_FOUND"}]})
    absences = {no_route, empty, gateway, objects}
    for said in (*absences, response("200 OK", {}), response("200 OK", {"data": None})):
        with misbehaving(tmp_path, partial(answering, said)) as opened:
            for path in ("sys/mounts", "secret/metadata/?list=true"):
                assert fault(partial(opened.call, "GET", path), canary).kind == "foreign"
            if said in absences:
                assert fault(partial(opened.read, "secret", "a"), canary).kind == "foreign"
    absent = response("404 Not Found", {"errors": []})
    with misbehaving(tmp_path, partial(answering, absent)) as opened:
        assert fault(partial(opened.call, "GET", "sys/mounts"), canary).kind == "missing"
        assert opened.read("secret", "a") is None


def test_what_does_not_answer_is_unreachable_and_soon(canary: Canary) -> None:
    with scripted(lambda _: time.sleep(5)) as port:
        where = VaultAddress(f"https://127.0.0.1:{port}")
        started = time.monotonic()
        with opened_vault(where, token(canary.secret()), connect=0.5, read=0.5) as opened:
            assert fault(opened.health, canary).kind == "unreachable"
        assert time.monotonic() - started < 3
    for gone in (where, replace(where, url="https://no.invalid:8200")):
        with opened_vault(gone, token(canary.secret())) as opened:
            assert fault(opened.token_lookup, canary).kind == "unreachable"


def test_a_proxy_sees_no_plain_request(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    def proxy(connection: socket.socket) -> None:
        seen.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with scripted(proxy) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", "")
        http = VaultHttp(VaultAddress(f"http://127.0.0.1:{vault.port}"))
        with pytest.raises(VaultError):
            http.ask("GET", "sys/health", token="abc")
        http.close()
        assert not seen
        with client(vault) as opened, pytest.raises(VaultError) as caught:
            opened.token_lookup()
    assert "proxy" in caught.value.message
    assert seen[0].startswith(b"CONNECT 127.0.0.1:")
    assert b"Token" not in seen[0]


# --- this machine's settings


def test_variables_win_over_answers_one_by_one(vault: Vault) -> None:
    found = read_address("https://vault.example:8200/", ca="PEM", namespace="a", environ={})
    assert found == VaultAddress("https://vault.example:8200", "PEM", "a")
    assert found.endpoint == "vault.example:8200"
    variables = {
        "VAULT_ADDR": vault.url,
        "VAULT_CACERT": str(vault.ca),
        "VAULT_NAMESPACE": "team-a/",
        "VAULT_TLS_SERVER_NAME": "localhost",
    }
    found = read_address("https://vault.example:8200", ca="PEM", namespace="a", environ=variables)
    assert found == VaultAddress(
        vault.url, vault.ca.read_text(), "team-a", "localhost", "VAULT_ADDR", "VAULT_NAMESPACE"
    )


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"VAULT_ADDR": "http://vault.example:8200"}, "sent unencrypted"),
        ({"VAULT_ADDR": "vault.example:8200"}, "not an https address"),
        ({"VAULT_ADDR": "https://user:cAnArY7f3a9c@vault.example"}, "more than an address"),
        ({"VAULT_ADDR": "https://vault.example/v1"}, "more than an address"),
        ({"VAULT_ADDR": "https://vault.example:99999"}, "not an https address"),
        ({"VAULT_ADDR": "https://[::1"}, "not an https address"),
        ({}, "not known"),
        ({"VAULT_ADDR": "https://v", "VAULT_CACERT": "/nowhere/ca.pem"}, "cannot be read"),
        ({"VAULT_ADDR": "https://v", "VAULT_CACERT": __file__}, "no CERTIFICATE block"),
        ({"VAULT_ADDR": "https://v", "VAULT_NAMESPACE": "a\nb"}, "not a namespace"),
        ({"VAULT_ADDR": "https://v", "VAULT_TLS_SERVER_NAME": "a b"}, "not a host name"),
    ],
)
def test_addresses_that_cannot_be_used(
    variables: dict[str, str], says: str, canary: Canary
) -> None:
    with pytest.raises(UsageError) as caught:
        read_address("", environ=variables)
    assert says in caught.value.message
    assert caught.value.hint or "VAULT_CACERT" in caught.value.message
    canary.assert_absent(caught.value.message, caught.value.hint)


def test_http_only_on_this_machine() -> None:
    for host in ("127.0.0.1", "[::1]", "localhost"):
        assert read_address("", environ={"VAULT_ADDR": f"http://{host}:8200"}).url


def test_who_this_machine_is(tmp_path: Path, canary: Canary) -> None:
    secret = canary.secret()
    assert read_credentials({}) is None
    found = read_credentials({"VAULT_TOKEN": f"{secret}\n"})
    assert isinstance(found, Token)
    assert found.value.get_secret_value() == secret
    assert found.identity == "the token from VAULT_TOKEN"
    file = tmp_path / "token"
    file.write_text(secret + "\n")
    file.chmod(0o600)
    found = read_credentials({"VAULT_TOKEN_FILE": str(file)})
    assert isinstance(found, Token)
    assert found.value.get_secret_value() == secret
    assert str(file) in found.identity
    ids = {"VAULT_ROLE_ID": secret, "VAULT_SECRET_ID": secret, "VAULT_APPROLE_MOUNT": "teams/a"}
    role = read_credentials(ids)
    assert isinstance(role, AppRole)
    assert role.mount == "teams/a"
    canary.assert_absent(repr(found), repr(role), found.identity, role.identity)


def test_the_token_helpers_file_is_not_picked_up(
    clean_environment: Path, vault: Vault, canary: Canary
) -> None:
    (clean_environment / ".vault-token").write_text(vault.token)
    assert read_credentials({}) is None
    with opened_vault(place(vault)) as nobody:
        assert fault(nobody.token_lookup, canary).kind == "login"


def test_quotes_and_white_space_around_a_token_are_named(tmp_path: Path, canary: Canary) -> None:
    secret, file = canary.secret(), tmp_path / "token"
    file.write_text(f"'{secret}'\n")
    file.chmod(0o600)
    for variables, says in (
        ({"VAULT_TOKEN": f'"{secret}"'}, "VAULT_TOKEN is not a valid token or id: it has quotes"),
        ({"VAULT_TOKEN": f' "{secret}" \n'}, "has quotes around it"),
        ({"VAULT_TOKEN": f"\u201c{secret}\u201d"}, "has quotes around it"),
        ({"VAULT_TOKEN": f"{secret}'"}, "has quotes around it"),
        ({"VAULT_TOKEN_FILE": str(file)}, "VAULT_TOKEN_FILE is not a valid token or id: it has q"),
        ({"VAULT_ROLE_ID": secret, "VAULT_SECRET_ID": f"'{secret}'"}, "VAULT_SECRET_ID is not"),
        ({"VAULT_TOKEN": f"{secret}\n{secret}"}, "has spaces or line breaks in it"),
    ):
        with pytest.raises(UsageError) as caught:
            read_credentials(variables)
        assert says in caught.value.message
        canary.assert_absent(caught.value.message, caught.value.hint)


@pytest.mark.parametrize(
    "variables",
    [
        {"VAULT_TOKEN": "cAnArY7f3a9c-1", "VAULT_TOKEN_FILE": "/tmp/x"},
        {"VAULT_TOKEN": "cAnArY7f3a9c-1", "VAULT_ROLE_ID": "cAnArY7f3a9c-2"},
        {"VAULT_ROLE_ID": "cAnArY7f3a9c-2"},
        {"VAULT_TOKEN": "cAnArY7f3a9c two"},
        {"VAULT_TOKEN": "cAnArY7f3a9c\r\nX-Evil: 1"},
        {"VAULT_TOKEN": "cAnArY7f3a9c-é"},
        {"VAULT_TOKEN_FILE": "/nowhere/token"},
        {"VAULT_ROLE_ID": "a", "VAULT_SECRET_ID": "cAnArY7f3a9c b"},
        {"VAULT_ROLE_ID": "a", "VAULT_SECRET_ID": "b", "VAULT_APPROLE_MOUNT": "a b"},
    ],
)
def test_identities_that_cannot_be_used(variables: dict[str, str], canary: Canary) -> None:
    with pytest.raises((UsageError, SecretError)) as caught:
        read_credentials(variables)
    assert isinstance(caught.value, WizardError)
    canary.assert_absent(caught.value.message, caught.value.hint)


def test_an_answer_without_an_end_is_given_up_at_once(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER", 200_000)
    sent: list[int] = []

    def endless(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{")
        while len(sent) < 500:
            connection.sendall(b" " * 65536)
            sent.append(1)

    with scripted(endless) as port:
        where = VaultAddress(f"http://127.0.0.1:{port}")
        with opened_vault(where, token(canary.secret())) as opened:
            error = fault(lambda: opened.call("GET", "secret/data/a"), canary)
    assert "an answer of more than 200000 bytes" in error.message
    assert len(sent) < 500


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX:"])
def test_an_answer_that_drips_is_given_up_in_time(
    canary: Canary, monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    """A byte a second exceeds no timeout of a read: body and headers have one limit in all."""
    monkeypatch.setattr(transport, "REQUEST_SECONDS", 0.5)
    with scripted(partial(answer_slowly, head=head)) as port:
        where = VaultAddress(f"http://127.0.0.1:{port}")
        started = time.monotonic()
        with opened_vault(where, token(canary.secret()), read=0.3) as opened:
            error = fault(lambda: opened.call("GET", "secret/data/a"), canary)
        assert time.monotonic() - started < 3
    assert (error.kind, error.transient) == ("unreachable", True)
    assert "no complete answer in 0.5 s" in error.message


def test_a_token_file_that_others_may_read(tmp_path: Path, canary: Canary) -> None:
    file = tmp_path / "token"
    file.write_text(canary.secret())
    file.chmod(0o644)
    with pytest.raises(SecretError) as caught:
        read_credentials({"VAULT_TOKEN_FILE": str(file)})
    assert "0644" in caught.value.message
    canary.assert_absent(caught.value.message, caught.value.hint)


def test_a_mount_is_usable_right_after_it_was_made(vault: Vault) -> None:
    for number in range(3):
        vault.mount(f"client-new-{number}")
        with client(vault) as opened:
            assert opened.write(f"client-new-{number}", "a", {"k": "v"}, 0) == 1


def test_the_testbed_refuses_as_vault_does(vault: Vault) -> None:
    with pytest.raises(RefusedError):
        vault.request("GET", "sys/mounts", token="wrong")


def test_refused_classes_end_commands_as_the_design_says() -> None:
    assert issubclass(VaultRefusedError, Refused)
    assert VaultError("server", "x").exit_code == 1
