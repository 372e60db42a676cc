"""The clone proof over HTTPS on git's own http-backend: green, and red for every cause."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.canary import Canary
from tests.support.certificates import Authority
from tests.support.rendered import answers
from tests.testbed.fixtures import found, running
from tests.testbed.git_https import GitHttps, http_backend
from tests.testbed.peers import connect_proxy, peer, saying
from wizard.answers.sections.dag_bundles import DagBundle
from wizard.clients.https_clone import HttpsClient, HttpsTarget
from wizard.clients.ssh.clone import CloneResult
from wizard.clients.ssh.session import CloneError
from wizard.engine.probes import Probe, ProbeResult, run_probes
from wizard.plan.derive import derive_release
from wizard.probes.catalogue import probe_dag_bundles, probe_dag_repository
from wizard.systems.git.bundle_probes import check_of_bundle
from wizard.systems.git.https_probes import certificate_probe, https_clone_probes, https_target
from wizard.systems.situation import Situation

pytestmark = pytest.mark.integration

READER, WRITER = "reader", "robot"
TOKEN = Canary().hostile("git-token")
FILES = {"dags/etl/load.py": "dag = 1\n", "dags/report.py": "dag = 2\n", "docs/a.txt": "x\n"}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GitHttps, str]]:
    """A Git host with one repository, and the PEM of its CA."""
    found(http_backend)
    root = tmp_path_factory.mktemp("git-https")
    work = root / "work"
    for name, text in FILES.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    for words in (
        ["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "first"],
        ["tag", "-a", "v1", "-m", "v1"], ["clone", "-q", "--bare", ".", str(root / "dags.git")],
    ):  # fmt: skip
        subprocess.run(["git", *words], cwd=work, check=True)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", root / "empty.git"], check=True)
    authority = Authority.make(root)
    certificate, key = authority.issue("127.0.0.1")
    (root / "server.pem").write_text(certificate + key)
    logins = {READER: TOKEN, WRITER: TOKEN}
    with running(GitHttps(root, root / "server.pem", logins, {WRITER})) as server:
        yield server, authority.certificate


@pytest.fixture
def forge(host: tuple[GitHttps, str]) -> Iterator[GitHttps]:
    server, _ = host
    logins = dict(server.logins)
    server.seen.clear()
    yield server
    server.logins, server.redirects, server.status = logins, {}, 0


@pytest.fixture
def target(host: tuple[GitHttps, str], forge: GitHttps) -> HttpsTarget:
    return HttpsTarget(forge.url(), "main", "dags", READER, host[1])


def look(target: HttpsTarget, token: str | None = TOKEN, **changes: Any) -> CloneResult:
    held = None if token is None else SecretStr(token)
    return HttpsClient(replace(target, **changes), held, seconds=20).look()


def refusal(target: HttpsTarget, token: str | None = TOKEN, **changes: Any) -> CloneError:
    with pytest.raises(CloneError) as caught:
        look(target, token, **changes)
    Canary().assert_absent(caught.value.message)
    return caught.value


def results(probes: Iterator[Probe] | list[Probe]) -> dict[str, ProbeResult]:
    async def run() -> dict[str, ProbeResult]:
        return {probe.id: result async for probe, result in run_probes(probes)}

    return asyncio.run(run())


# --- green


def test_a_read_only_token_clones_and_cannot_push(target: HttpsTarget, forge: GitHttps) -> None:
    found = results([certificate_probe(target), *https_clone_probes(target, SecretStr(TOKEN))])

    commit = subprocess.run(
        ["git", "rev-parse", "main"], cwd=forge.root / "dags.git", capture_output=True, check=True
    ).stdout.decode()
    assert found["dags.host"].detail == "the certificate is valid; the host asks for a login"
    assert found["dags.clone"] == ProbeResult("pass", f"main at {commit[:12]}: 2 DAG files")
    assert found["dags.read-only"] == ProbeResult("pass", "the host refuses a push")
    assert {user for _, _, user in forge.seen} == {"", READER}
    # Nothing is ever sent to the part of the server that writes.
    assert not [one for one in forge.seen if one[0] == "POST" and "receive-pack" in one[1]]


def test_a_public_repository_needs_no_login(target: HttpsTarget, forge: GitHttps) -> None:
    forge.logins = {}

    found = results([certificate_probe(target), *https_clone_probes(target, None)])

    assert found["dags.host"].detail == "the certificate is valid"
    assert found["dags.clone"].status == "pass"
    assert set(found) == {"dags.host", "dags.clone"}


def test_a_token_that_may_push_is_a_warning_and_writes_nothing(
    target: HttpsTarget, forge: GitHttps
) -> None:
    before = sorted((forge.root / "dags.git").rglob("*"))

    found = results(https_clone_probes(replace(target, username=WRITER), SecretStr(TOKEN)))

    assert found["dags.read-only"].status == "warn"
    assert "could change the DAGs" in found["dags.read-only"].detail
    assert sorted((forge.root / "dags.git").rglob("*")) == before


def test_what_a_ref_and_a_folder_may_be(target: HttpsTarget, forge: GitHttps) -> None:
    commit = look(target).commit

    assert look(target, ref="v1").ref == "refs/tags/v1"
    assert look(target, ref=commit, subpath="").files == 2
    assert refusal(target, ref="a" * 40).kind == "ref"
    assert "default branch is main" in refusal(target, ref="master").message
    assert refusal(target, subpath="docs").kind == "no-dags"
    assert refusal(target, subpath="none").message.endswith("existing folders: dags, docs")
    assert "empty" in refusal(target, url=forge.url("empty.git")).message


def test_a_proxy_of_this_machine_is_used(
    target: HttpsTarget, forge: GitHttps, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect_proxy(greeted=False) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        assert look(target).files == 2
        assert set(proxy.asked) == {f"127.0.0.1:{forge.port}"}
    with connect_proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        assert refusal(target).kind == "unreachable"


def test_own_configuration_and_helpers_are_not_used(
    target: HttpsTarget, clean_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A helper of the operator's that knows the login, and switches that trust any host."""
    helper = f'!f() {{ printf "username={READER}\\npassword=%s\\n" "$PW"; }}; f'
    (clean_environment / ".gitconfig").write_text(
        f'[credential]\n helper = "{helper}"\n[http]\n sslVerify = false\n'.replace('"username', "")
    )
    monkeypatch.setenv("PW", TOKEN)
    monkeypatch.setenv("GIT_SSL_NO_VERIFY", "1")

    assert refusal(target, None).kind == "login"
    assert refusal(target, ca="").kind == "certificate"


def test_the_token_is_in_no_command_line_and_no_file(
    target: HttpsTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, lines = tmp_path / "tmp", set()
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    lines.add(path.read_bytes())
                    Canary().assert_absent(*temporary.rglob(".*"))
                except OSError:
                    continue

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    look(target)
    done.set()
    watcher.join()

    assert any(b"ls-remote" in line or b"remote-https" in line for line in lines)
    Canary().assert_absent(*lines)
    assert list(temporary.iterdir()) == []


# --- red


def test_each_fault_is_named_with_its_question(target: HttpsTarget, forge: GitHttps) -> None:
    def fault(token: str | None = TOKEN, **changes: Any) -> tuple[str, str, str]:
        held = None if token is None else SecretStr(token)
        one = results(https_clone_probes(replace(target, **changes), held))["dags.clone"]
        return one.status, one.detail, one.fix.question

    status, detail, question = fault("other")
    assert (status, question) == ("fail", "dags.credentials.password")
    assert detail.endswith(f"does not accept the token for {READER}")
    assert fault(None)[2] == "dags.credentials.needed"
    assert fault(ca="")[2] == "dags.ca.file"
    assert fault(url=forge.url("none.git"))[::2] == ("fail", "dags.repo")
    forge.status = 503
    assert fault()[0] == "unknown"


def test_a_token_cannot_write_lines_of_git_s_protocol(target: HttpsTarget, forge: GitHttps) -> None:
    error = refusal(target, f"{TOKEN}\nusername={WRITER}")

    assert (error.kind, forge.seen) == ("refused-login", [])


def test_a_redirect_elsewhere_gets_no_login(target: HttpsTarget, forge: GitHttps) -> None:
    heard: list[bytes] = []

    def hear(connection: socket.socket) -> None:
        heard.append(connection.recv(4096))

    with peer(hear) as other:
        forge.redirects = {"/git/dags.git": f"https://127.0.0.1:{other.port}"}
        assert refusal(target).kind in {"peer", "unfinished", "redirect", "certificate"}
        forge.redirects = {"/git/dags.git": f"http://127.0.0.1:{other.port}"}
        assert refusal(target).kind == "redirect"
    assert len(heard) == 1
    Canary().assert_absent(*heard)


def test_a_redirect_to_another_host_is_refused(
    target: HttpsTarget, host: tuple[GitHttps, str], forge: GitHttps
) -> None:
    """The other host has a valid certificate and would read the login."""
    with running(GitHttps(forge.root, forge.certificate, dict(forge.logins))) as other:
        forge.redirects = {"/git/moved.git": f"https://127.0.0.1:{other.port}"}
        other.redirects = {"/git/moved.git": ""}
        (forge.root / "moved.git").symlink_to("dags.git")
        error = refusal(target, url=forge.url("moved.git"))
        assert error.kind in {"redirect", "login"}
        assert {user for _, _, user in other.seen} == {""}
        other.logins = {}
        assert refusal(target, url=forge.url("moved.git")).kind == "redirect"
    (forge.root / "moved.git").unlink()


def test_what_is_no_git_host(target: HttpsTarget) -> None:
    with peer(saying(b"SSH-2.0-OpenSSH_9.2\r\n")) as other:
        url = f"https://127.0.0.1:{other.port}/git/dags.git"
        assert refusal(target, url=url).kind == "peer"
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert refusal(target, url=f"https://127.0.0.1:{port}/git/dags.git").kind == "unreachable"


def test_a_host_that_never_answers_ends_in_time(target: HttpsTarget) -> None:
    def silent(connection: socket.socket) -> None:
        connection.recv(65536)
        threading.Event().wait(5)

    with peer(silent) as other:
        url = f"https://127.0.0.1:{other.port}/git/dags.git"
        with pytest.raises(CloneError) as caught:
            HttpsClient(replace(target, url=url), SecretStr(TOKEN), seconds=1).look()
    assert caught.value.kind == "unfinished"


def test_a_bundle_s_faults_lead_to_the_bundles(target: HttpsTarget, forge: GitHttps) -> None:
    bundle = DagBundle.model_validate(
        {"name": "ml", "repo": "https://git.example.com/ml.git", "username": READER,
         "login": {"env": "ML"}}
    )  # fmt: skip
    check = check_of_bundle(bundle)

    good = results(https_clone_probes(target, SecretStr(TOKEN), check))
    assert {name: one.status for name, one in good.items()} == {
        "dags.bundles.ml.clone": "pass", "dags.bundles.ml.read-only": "pass",
    }  # fmt: skip
    bad = results(https_clone_probes(target, SecretStr("other"), check))["dags.bundles.ml.clone"]
    assert bad.fix.question == "dags.bundles"
    assert "login of dags.bundles.ml" in bad.fix.text


# --- which probes the answers give


def test_each_bundle_is_tried_with_its_own_login_after_a_yes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ml = {"name": "ml", "repo": "https://git.example.com:8443/ml.git", "username": READER,
          "login": {"env": "ML"}}  # fmt: skip
    fin = {"name": "fin", "repo": "ssh://git@github.com/acme/fin.git", "login": {"store": True}}
    public = {"name": "open", "repo": "https://github.com/acme/open.git"}
    monkeypatch.setenv("ML", TOKEN)
    made = answers("production", {"dags.source": "bundle", "dags.bundles": [ml, fin, public]})
    uses: list[str] = []

    def agree(use: str) -> bool:
        uses.append(use)
        return True

    start = Situation(answers=made, release=derive_release(made), consent=agree)
    probes = {one.id: one for one in probe_dag_bundles(start)}

    assert list(probes) == [
        "dags.bundles.ml.clone", "dags.bundles.ml.read-only", "dags.bundles.fin.clone",
        "dags.bundles.open.clone",
    ]  # fmt: skip
    assert uses == ["read env:ML and use it at git.example.com:8443"]
    assert {one.question for one in probes.values()} == {"dags.bundles"}
    assert results([probes["dags.bundles.fin.clone"]])["dags.bundles.fin.clone"].status == "skip"
    # What the target branch has is agreed to; another repository of the same name is not.
    agreed = made.model_dump(by_alias=True, exclude_none=True, mode="json")
    uses.clear()
    list(probe_dag_bundles(replace(start, agreed=agreed)))
    assert uses == []
    agreed["dags"]["bundles"][0]["repo"] = "https://other.example.com/ml.git"
    list(probe_dag_bundles(replace(start, agreed=agreed)))
    assert len(uses) == 1


def test_the_probes_follow_the_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def probes(credentials: dict[str, object], **allowed: bool) -> dict[str, Probe]:
        made = answers(
            "production",
            {"dags.repo": "https://git.example.com/a/b.git", "dags.credentials": credentials},
        )
        keys = frozenset({"dags.credentials.password"} if allowed else ())
        situation = Situation(answers=made, release=derive_release(made), allowed=keys)
        return {one.id: one for one in probe_dag_repository(situation)}

    monkeypatch.setenv("TOKEN", TOKEN)
    login = {"needed": True, "username": READER, "password": {"env": "TOKEN"}}

    assert list(probes({})) == ["dags.host", "dags.clone"]
    assert list(probes(login, yes=True)) == ["dags.host", "dags.clone", "dags.read-only"]
    refused = results([probes(login)["dags.clone"]])["dags.clone"]
    assert refused.status == "skip"
    assert "--allow-reference dags.credentials.password" in refused.fix.text
    stored = probes({**login, "password": {"store": True}})
    assert results([stored["dags.clone"]])["dags.clone"].status == "skip"
    assert {one.endpoint for one in stored.values()} == {"git.example.com"}
    assert https_target(answers("production")) is None
