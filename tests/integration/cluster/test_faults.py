"""What an API server, a kubeconfig or a plugin may do wrong: in words, in time, and no token lost.

The servers are scripted: a real API server cannot be made to do these.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.canary import Canary
from tests.support.certificates import Authority
from tests.support.cluster.kubeconfigs import written
from tests.support.scripted import answer_slowly, scripted
from tests.support.servers import Answer, Asked, Web, web
from tests.testbed.databases import free_port
from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, Ref
from wizard.clients.kube.request import Request
from wizard.systems.cluster.object_removal import read_object
from wizard.systems.release.delivered_objects import list_metadata

pytestmark = pytest.mark.integration

POD = Ref("v1", "ConfigMap", "one", "default")
KINDS = {"resources": [{"name": "configmaps", "kind": "ConfigMap", "namespaced": True}]}
MADE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "one", "namespace": "default", "resourceVersion": "5"},
}
Script = Callable[[Asked], Answer]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def client(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """client(url, user, patience, **cluster): one whose kubeconfig trusts the tests' authority."""

    def make(url: str, user: Any = None, patience: float = 5, **more: Any) -> Kube:
        data = base64.b64encode(authority.certificate.encode()).decode()
        words = {"server": url, "certificate-authority-data": data, **more}
        path = written(tmp_path / "config", words, user or {"token": "a-token"})
        monkeypatch.setenv("KUBECONFIG", str(path))
        return open_kube(patience=patience)

    return make


def said(data: object, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(data).encode(), headers)


def status(code: int, reason: str, message: str = "", **details: Any) -> Answer:
    words = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return said({**words, "details": details}, code)


def in_turn(*answers: Answer) -> Script:
    """Discovery as it is; each further request gets the next answer, the last for ever."""
    left = list(answers)

    def script(asked: Asked) -> Answer:
        if asked.path == "/api/v1":
            return said(KINDS)
        return left.pop(0) if len(left) > 1 else left[0]

    return script


def refused(call: Callable[[], object]) -> KubeError:
    with pytest.raises(KubeError) as caught:
        call()
    return caught.value


def server_context(authority: Authority, folder: Path) -> ssl.SSLContext:
    """The TLS context of a server at 127.0.0.1 that the clients trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    file = folder / "server.pem"
    file.write_text("".join(authority.issue("127.0.0.1")))
    context.load_cert_chain(file)
    return context


def requests(server: Web) -> list[str]:
    return [asked.method for asked in server.asked if asked.path != "/api/v1"]


@pytest.mark.parametrize(
    "busy",
    [
        Answer(429, b"too many", {"Retry-After": "1"}),
        Answer(503, b"", {"Retry-After": "1"}),
        status(429, "TooManyRequests", "slow down", retryAfterSeconds=1),
    ],
)
def test_an_overloaded_server_is_waited_for_as_it_says(
    authority: Authority, client: Any, busy: Answer
) -> None:
    for call in ("get", "create"):
        with web(authority, in_turn(busy, said(MADE))) as server:
            kube = client(server.url)
            started = time.monotonic()
            found = kube.get(POD) if call == "get" else kube.create(MADE)
            assert 0.9 < time.monotonic() - started < 4
            assert found == MADE
            assert len(requests(server)) == 2


def test_patience_has_an_end(authority: Authority, client: Any) -> None:
    long = Answer(503, b"", {"Retry-After": "600"})
    with web(authority, in_turn(long)) as server:
        started = time.monotonic()
        assert refused(lambda: client(server.url).get(POD)).kind == "busy"
        assert time.monotonic() - started < 2
        assert len(requests(server)) == 1


def test_a_write_that_may_have_begun_is_not_sent_twice(authority: Authority, client: Any) -> None:
    for answer in (Answer(0), Answer(503)):
        with web(authority, in_turn(answer, said(MADE))) as server:
            assert refused(lambda: client(server.url).create(MADE)).kind in {"unreachable", "busy"}
            assert requests(server) == ["POST"]
    with web(authority, in_turn(Answer(0), said(MADE))) as server:
        assert client(server.url).apply(MADE) == MADE
        assert requests(server) == ["PATCH", "PATCH"]


def test_a_token_does_not_follow_a_redirect(authority: Authority, client: Any) -> None:
    with web(authority, lambda _: said(MADE)) as other:
        away = Answer(307, b"", {"Location": f"{other.url}/api/v1"})
        with web(authority, lambda _: away) as server:
            error = refused(lambda: client(server.url).get(POD))
            assert "307" in error.message
        assert other.asked == []


def ask_pod(kube: Kube, seconds: float = 5) -> KubeError:
    pod = Ref("v1", "Pod", "one", "default")
    return refused(lambda: kube.ask_pod(pod, 8080, "/", "flow.example.com", seconds=seconds))


def test_a_websocket_does_not_follow_a_redirect(authority: Authority, client: Any) -> None:
    with web(authority, lambda _: said(MADE)) as other:
        for code in (301, 302, 303, 307, 308):
            away = Answer(code, b"", {"Location": f"{other.url}/api/v1"})
            with web(authority, lambda _, away=away: away) as server:  # type: ignore[misc]
                error = ask_pod(client(server.url))
                assert server.asked[0].headers["Authorization"] == "Bearer a-token"
            assert (error.kind, error.status) == ("upgrade", code)
            assert f"no WebSocket: HTTP {code}" in error.message
        assert other.asked == []


def test_a_websocket_is_opened_to_a_proven_server_only(
    authority: Authority, client: Any, tmp_path: Path
) -> None:
    with web(Authority.make(tmp_path), lambda _: said(MADE)) as stranger:
        error = ask_pod(client(stranger.url))
        assert (error.kind, "not verified" in error.message) == ("tls", True)
        assert stranger.asked == []


def drip(connection: Any, text: bytes) -> None:
    for number in text:
        connection.sendall(bytes([number]))
        time.sleep(0.02)


HANDSHAKES: list[tuple[str, Callable[[Any], None], str]] = [
    # The first two take all of the time that they are given.
    ("silent", lambda _: time.sleep(3), "was not answered"),
    ("slow", lambda one: drip(one, b"HTTP/1.1 101 OK\r\nX: " + b"a" * 1000), "was not answered"),
    ("endless", lambda one: one.sendall(b"HTTP/1.1 101 OK\r\nX: " + b"a" * 500000), "answer is no"),
    ("long", lambda one: one.sendall(
        b"HTTP/1.1 500 no\r\nContent-Length: 999999999\r\n\r\n" + b"a" * 500000
    ), "answer is no"),
    ("foreign", lambda one: one.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "answer is no"),
    ("text", lambda one: one.sendall(b"HTTP/1.1 101 OK\r\n\xff\r\n\r\n"), "answer is no"),
    ("cookie", lambda one: one.sendall(b"HTTP/1.1 101 OK\r\nSet-Cookie: a@=b\r\n\r\n"), "is no"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "says"), [one[1:] for one in HANDSHAKES], ids=[one[0] for one in HANDSHAKES]
)
def test_a_handshake_has_an_end(
    authority: Authority, client: Any, tmp_path: Path, script: Callable[[Any], None], says: str
) -> None:
    context = server_context(authority, tmp_path)

    def serve(connection: Any) -> None:
        with context.wrap_socket(connection, server_side=True) as channel:
            channel.recv(4096)
            script(channel)

    with scripted(serve) as port:
        started = time.monotonic()
        seconds = 1 if says == "was not answered" else 10
        error = ask_pod(client(f"https://127.0.0.1:{port}"), seconds)
        assert time.monotonic() - started < seconds + 1.5
    assert (error.kind, says in error.message) == ("upgrade", True), error.message
    assert "aaaa" not in error.message


def test_a_server_that_is_not_proven_gets_nothing(
    authority: Authority, client: Any, tmp_path: Path, canary: Canary
) -> None:
    user = {"token": canary.secret()}
    with web(Authority.make(tmp_path), lambda _: said(MADE)) as stranger:
        error = refused(lambda: client(stranger.url, user).get(POD))
        assert (error.kind, "not verified" in error.message) == ("tls", True)
        assert "certificate" in error.message
        assert stranger.asked == []
    with web(authority, in_turn(said(MADE)), name="api.example.internal") as server:
        error = refused(lambda: client(server.url, user).get(POD))
        assert (error.kind, server.asked) == ("tls", [])
        named = {"tls-server-name": "api.example.internal"}
        assert client(server.url, user, **named).get(POD) == MADE


def test_peers_that_do_not_answer(client: Any) -> None:
    closed = refused(lambda: client(f"https://127.0.0.1:{free_port()}").get(POD))
    assert (closed.kind, "refuses" in closed.message) == ("unreachable", True)
    nowhere = refused(lambda: client("https://api.no-such-name.invalid:6443").get(POD))
    assert (nowhere.kind, "resolve" in nowhere.message) == ("unreachable", True)


def test_a_server_that_says_nothing(
    authority: Authority, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wizard.clients.kube.transport._READ", 0.5)
    monkeypatch.setattr("wizard.clients.kube.transport._CONNECT", 0.5)

    def slow(_: Asked) -> Answer:
        time.sleep(3)
        return Answer(0)

    with web(authority, slow) as server:
        started = time.monotonic()
        error = refused(lambda: client(server.url).get(POD))
        assert time.monotonic() - started < 2
    assert (error.kind, "in time" in error.message) == ("unreachable", True)
    with scripted(lambda _: time.sleep(3)) as port:
        error = refused(lambda: client(f"https://127.0.0.1:{port}").get(POD))
    assert (error.kind, "in time" in error.message) == ("unreachable", True)


def test_an_answer_that_drips_is_given_up_in_time(
    authority: Authority, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then exceeds no timeout of a read, neither of an answer nor of a watch."""
    monkeypatch.setattr("wizard.clients.kube.transport.REQUEST_SECONDS", 0.5)
    monkeypatch.setattr("wizard.clients.kube.transport._READ", 0.3)
    context = server_context(authority, tmp_path)

    def serve(connection: Any) -> None:
        with context.wrap_socket(connection, server_side=True) as channel:
            answer_slowly(channel)

    with scripted(serve) as port:
        kube = client(f"https://127.0.0.1:{port}")
        started = time.monotonic()
        error = refused(lambda: kube.get(POD))
        watch = kube._transport.stream(Request("GET", "/watched", "watch"), 0.2)
        assert list(watch) == []
        assert time.monotonic() - started < 8
    assert (error.kind, "in time" in error.message) == ("unreachable", True)


def test_peers_that_say_something_else(authority: Authority, client: Any) -> None:
    with scripted(lambda connection: connection.sendall(b"HTTP/1.1 400 no TLS\r\n\r\n")) as port:
        assert refused(lambda: client(f"https://127.0.0.1:{port}").get(POD)).kind == "tls"
    for wrong in (Answer(200, b"<html>"), Answer(200, b"[]"), Answer(500, b"<html>")):
        with web(authority, lambda _, wrong=wrong: wrong) as server:  # type: ignore[misc]
            error = refused(lambda: client(server.url).get(POD))
            assert error.kind == "server"
            assert "<html>" not in error.message


def test_no_error_carries_the_token(authority: Authority, client: Any, canary: Canary) -> None:
    user = {"token": canary.secret()}
    wrong = (
        status(401, "Unauthorized", "Unauthorized"), status(403, "Forbidden", "no"),
        status(500, "InternalError", "boom"), status(422, "Invalid", "x" * 5000), Answer(0),
    )  # fmt: skip
    for answer in wrong:
        with web(authority, lambda _, answer=answer: answer) as server:  # type: ignore[misc]
            kube = client(server.url, user)
            error = refused(partial(kube.get, POD))
            assert server.asked[0].headers["Authorization"] == f"Bearer {canary.secret()}"
        shown = "".join(traceback.format_exception(error))
        canary.assert_absent(shown, repr(error), error.hint, repr(kube), kube.identity)
        assert error.__context__ is None
        assert len(error.message) < 500


def test_a_watch_that_breaks_is_taken_up_again(
    authority: Authority, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wizard.clients.kube.client._PAUSE", 0.05)
    listed = {"items": [MADE], "metadata": {"resourceVersion": "5"}}
    gone = json.dumps({"type": "ERROR", "object": {"kind": "Status", "code": 410}}) + "\n"
    turns = [
        said(listed), Answer(200, gone.encode()), said(listed), Answer(0), Answer(503),
        said(listed),
    ]  # fmt: skip
    with web(authority, in_turn(*turns)) as server:
        seen = 0
        for state in client(server.url, patience=0).follow(POD, 20):
            assert state == MADE
            seen += 1
            if seen == 3:
                break
        assert seen == 3


def test_a_list_whose_pages_expire_is_taken_anew_and_never_passes_for_empty(
    authority: Authority, client: Any
) -> None:
    page = said({"items": [MADE], "metadata": {"continue": "next"}})
    rest = said({"items": [MADE], "metadata": {"resourceVersion": "5"}})
    expired = status(410, "Expired", "the provided continue parameter is too old")
    with web(authority, in_turn(page, expired, page, rest)) as server:
        assert client(server.url).find("v1", "ConfigMap", "default") == [MADE, MADE]
    with web(authority, in_turn(page, expired, page, expired)) as server:
        kube = client(server.url)
        for look in (
            lambda: list_metadata(kube, "v1", "ConfigMap", "default"),
            lambda: read_object(kube, POD),
        ):
            assert refused(look).kind == "expired"


def test_a_404_of_others_is_not_an_absence(
    authority: Authority, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy on its way says it, or an API server behind the first; an object may be there."""
    monkeypatch.setattr("wizard.clients.kube.client._SETTLE_PAUSE", 0.01)
    groups = {"groups": [{"name": "x.io", "versions": [{"groupVersion": "x.io/v1"}]}]}
    foreign = (
        Answer(404, b"<html>"), Answer(404), Answer(404, b"404 page not found\n"), said({}),
        said({"message": "no route matched"}, 404),
    )  # fmt: skip
    for answer in foreign:
        with web(authority, in_turn(answer)) as server:
            kube = client(server.url)
            for look in (
                lambda kube=kube: read_object(kube, POD),
                lambda kube=kube: list_metadata(kube, "v1", "ConfigMap", "default"),
            ):
                assert "not an API server's" in refused(look).message

        def discover(asked: Asked, answer: Answer = answer) -> Answer:
            if asked.path == "/apis":
                return said(groups)
            return answer if asked.path == "/apis/x.io/v1" else said({"resources": []})

        with web(authority, discover) as server:
            kube = client(server.url)
            for look in (
                lambda kube=kube: read_object(kube, Ref("x.io/v1", "Thing", "one", "default")),
                lambda kube=kube: list_metadata(kube, "x.io/v1", "Thing", "default"),
                lambda kube=kube: kube.kinds("x.io/v1"),
                lambda kube=kube: kube.list_namespaced_kinds(),
            ):
                error = refused(look)
                # Also of a CRD that is never Established, the server lists what it does not find.
                unready = answer.status == 404
                assert ("does not find it" in error.message) is unready
                assert ("not an API server's" in error.message) is not unready
                assert ("kubectl get apiservice v1.x.io" in error.fix.text) is unready
    absent = status(404, "NotFound", "not found")
    with web(authority, in_turn(absent)) as server:
        assert read_object(client(server.url), POD) is None
    # The kind was removed in between.
    turns = [said(KINDS), Answer(404, b"404 page not found\n"), said({"resources": []})]
    with web(authority, lambda _: turns.pop(0)) as server:
        assert read_object(client(server.url), POD) is None


def test_what_is_broken_at_the_end_is_said(authority: Authority, client: Any) -> None:
    with web(authority, in_turn(Answer(500, b"no"))) as server:
        kube = client(server.url)
        assert refused(lambda: list(kube.follow(POD, 0.3))).kind == "server"


def test_client_certificates(authority: Authority, client: Any, tmp_path: Path) -> None:
    certificate, key = authority.issue("ada")
    files = {"client-certificate": tmp_path / "ada.crt", "client-key": tmp_path / "ada.key"}
    files["client-certificate"].write_text(certificate)
    files["client-key"].write_text(key)
    # Paths are relative to the kubeconfig.
    user = {name: path.name for name, path in files.items()}
    trusted = {"clients": authority.certificate}
    with web(authority, in_turn(said(MADE)), **trusted) as server:
        kube = client(server.url, user)
        assert "(client certificate)" in kube.identity
        assert kube.get(POD) == MADE
        assert refused(lambda: client(server.url).get(POD)).kind in {"tls", "unreachable"}
        files["client-key"].write_text(authority.issue("bob")[1])
        error = refused(lambda: client(server.url, user).get(POD))
        assert (error.kind, "do not match" in error.message) == ("login", True)


def plugin(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\necho run >>{path}.runs\n{body}\n")
    path.chmod(0o755)
    return path


def runs(path: Path) -> int:
    log = Path(f"{path}.runs")
    return len(log.read_text().splitlines()) if log.exists() else 0


V1 = "client.authentication.k8s.io/v1"


def exec_user(path: Path, *arguments: str, **more: Any) -> dict[str, Any]:
    words = {"apiVersion": V1, "command": str(path), "args": list(arguments), **more}
    return {"exec": words}


def credential(**token: str) -> str:
    words = {"apiVersion": V1, "kind": "ExecCredential", "status": token}
    return f"cat <<'END'\n{json.dumps(words)}\nEND"


def test_a_plugin_is_named_before_it_runs_and_runs_once(
    authority: Authority, client: Any, tmp_path: Path, canary: Canary
) -> None:
    program = plugin(tmp_path / "kubelogin", credential(token=canary.secret()))
    user = exec_user(program, "get-token", "--client-secret", canary.secret("hidden"))
    with web(authority, in_turn(said(MADE))) as server:
        kube = client(server.url, user)
        assert "runs `kubelogin get-token`" in kube.identity
        canary.assert_absent(kube.identity, repr(kube))
        assert runs(program) == 0
        threads = [threading.Thread(target=kube.get, args=(POD,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert runs(program) == 1
        assert {one.headers["Authorization"] for one in server.asked} == {
            f"Bearer {canary.secret()}"
        }


def test_a_plugin_runs_again_when_its_token_ends_or_is_refused(
    authority: Authority, client: Any, tmp_path: Path
) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5))
    program = plugin(tmp_path / "old", credential(token="a", expirationTimestamp=stamp))
    with web(authority, in_turn(said(MADE))) as server:
        client(server.url, exec_user(program)).get(POD)
    assert runs(program) == 2  # one for each request
    program = plugin(tmp_path / "refused", credential(token="b"))
    denied = status(401, "Unauthorized")
    with web(authority, in_turn(denied, said(MADE))) as server:
        assert client(server.url, exec_user(program)).get(POD) == MADE
    with web(authority, in_turn(denied)) as server:
        assert refused(lambda: client(server.url, exec_user(program)).get(POD)).kind == "login"
    assert runs(program) == 4


def test_a_token_file_is_read_again_when_it_was_renewed(
    authority: Authority, client: Any, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")

    def script(asked: Asked) -> Answer:
        if asked.headers["Authorization"] == "Bearer first":
            file.write_text("second\n")
            return status(401, "Unauthorized")
        return in_turn(said(MADE))(asked)

    with web(authority, script) as server:
        assert client(server.url, {"tokenFile": "token"}).get(POD) == MADE
        file.unlink()
        error = refused(lambda: client(server.url, {"tokenFile": "token"}).get(POD))
    assert (error.kind, str(file) in error.message) == ("login", True)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("echo 'Please run az login' >&2; exit 3", "exited with code 3: Please run az login"),
        ("echo not-json", "did not print an ExecCredential"),
        (credential(token=""), "did not print credentials"),
        ("exec sleep 60", "gave no answer in 1 s"),
    ],
)
def test_a_plugin_that_fails_says_how_to_log_in(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, says: str
) -> None:
    monkeypatch.setattr("wizard.clients.kube.login.PLUGIN_SECONDS", 1)
    program = plugin(tmp_path / "broken", body)
    error = refused(lambda: client("https://127.0.0.1:1", exec_user(program, "login")).get(POD))
    assert (error.kind, "`broken login`" in error.message) == ("login", True)
    assert says in error.message
    assert error.hint


def test_what_a_plugin_says_is_not_repeated_when_it_looks_like_a_token(
    client: Any, tmp_path: Path, canary: Canary
) -> None:
    token = "eyJ" + canary.secret().replace(" ", "") + "x" * 40
    program = plugin(tmp_path / "chatty", f"echo 'refused {token}' >&2; exit 1")
    error = refused(lambda: client("https://127.0.0.1:1", exec_user(program)).get(POD))
    assert "refused ..." in error.message
    canary.assert_absent(error.message, error.hint)


def test_a_plugin_that_is_not_there_says_how_to_get_it(client: Any, tmp_path: Path) -> None:
    user = exec_user(tmp_path / "absent", installHint="install it with apt\nmore text")
    error = refused(lambda: client("https://127.0.0.1:1", user).get(POD))
    assert "cannot be run" in error.message
    assert error.hint == "install it with apt"
    user = exec_user(tmp_path / "absent", apiVersion="client.authentication.k8s.io/v1alpha1")
    error = refused(lambda: client("https://127.0.0.1:1", user).get(POD))
    assert "v1alpha1" in error.message


def test_a_proxy_is_used_where_it_is_named(
    authority: Authority, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[bytes] = []

    def proxy(connection: Any) -> None:
        met.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 403 no\r\n\r\n")

    with scripted(proxy) as port:
        address = f"http://127.0.0.1:{port}"
        error = refused(
            lambda: client("https://api.example.internal:6443", **{"proxy-url": address}).get(POD)
        )
        assert (error.kind, "proxy" in error.message) == ("unreachable", True)
        assert met[0].startswith(b"CONNECT api.example.internal:6443")
        assert b"a-token" not in met[0]
        monkeypatch.setenv("HTTPS_PROXY", address)
        refused(lambda: client("https://api.example.internal:6443").get(POD))
        assert len(met) == 2
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with web(authority, in_turn(said(MADE))) as server:
            assert client(server.url).get(POD) == MADE
        assert len(met) == 2


def test_nothing_is_left_in_the_shared_temporary_folder(
    authority: Authority, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's discovery would keep a cache there under a name that anybody can guess."""
    import tempfile

    shared = tmp_path / "shared"
    shared.mkdir()
    certificate, key = authority.issue("ada")
    encoded = [base64.b64encode(text.encode()).decode() for text in (certificate, key)]
    user = dict(zip(("client-certificate-data", "client-key-data"), encoded, strict=True))
    with web(authority, in_turn(said(MADE))) as server:
        monkeypatch.setattr(tempfile, "tempdir", str(shared))
        assert client(server.url, user).get(POD) == MADE
    if hasattr(os, "memfd_create"):
        assert list(shared.iterdir()) == []
