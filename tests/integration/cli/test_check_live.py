"""`check --live`: which probes are made, what they may use, how they end the command."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.canary import Canary
from tests.support.certificates import Authority
from tests.support.cli import ACCEPT_ALL, Wizard, answers_file, aw, local
from tests.support.leaving import VARIABLE, left_behind
from tests.support.process import Finished, Terminal
from tests.support.rendered import answers
from tests.support.scripted import hangs, scripted
from tests.testbed.databases import Postgres
from tests.testbed.fixtures import StartSshd
from tests.testbed.sshd import KeySet
from tests.testbed.vault import Vault
from wizard.cli.check_live import render_result, render_summary
from wizard.engine.probes import (
    Probe,
    ProbeResult,
    fail_result,
    make_finished_probe,
    pass_result,
    run_probes,
    skip_result,
    unknown_result,
)
from wizard.formats.nested import get_value
from wizard.hostkeys.keys import HostKey
from wizard.hostkeys.published import published_keys
from wizard.hostkeys.scan import Scan
from wizard.plan.derive import derive_release
from wizard.probes.catalogue import (
    SOURCES,
    collect_probes,
    probe_dag_repository,
    probe_database,
    probe_git_host,
)
from wizard.probes.catalogue import probe_result_backend as results
from wizard.questions.host_keys import EvidenceRecord, HostKeyEntry
from wizard.state.unverified import UnverifiedProbe
from wizard.systems.git.host_key_probes import compare_host_keys
from wizard.systems.situation import Situation

__all__ = ["aw", "local"]

pytestmark = pytest.mark.integration

CHANGES = {
    "dags.source": "image",
    "installation.image.repository": "registry.example.com/airflow",
    "installation.image.tag": "1",
    "database.host": "pg.invalid",
    "secrets.vault.server": "https://vault.invalid:8200",
}


@pytest.fixture
def committed(aw: Wizard, tmp_path: Path) -> Wizard:
    """A repository with one installation that needs a database and a Vault, and no Git host."""
    aw.ok("commit", "--answers", str(answers_file(tmp_path / "answers.yaml", CHANGES)), "--yes")
    return aw


@pytest.fixture
def here(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> Vault:
    """This machine reaches the testbed's Vault, and is somebody there."""
    monkeypatch.setenv("VAULT_ADDR", vault.url)
    monkeypatch.setenv("VAULT_CACERT", str(vault.ca))
    monkeypatch.setenv("VAULT_TOKEN", vault.new_token("default"))
    return vault


def by_id(done: Finished) -> dict[str, dict[str, str]]:
    (result,) = json.loads(done.out)
    return {one["id"]: one for one in result["live"]["probes"]}


def test_each_probe_is_told_and_what_is_left_is_listed(committed: Wizard, here: Vault) -> None:
    done = committed.ok("check", "--live")
    lines = done.out.splitlines()
    assert lines[0].endswith("files checked")
    assert any(one.startswith("ok         Vault: state (127.0.0.1:") for one in lines)
    assert any(one.startswith("unverified Database answers (pg.invalid:5432): ") for one in lines)
    assert any("the variable AIRFLOW_DB_PASSWORD is not set" in one for one in lines)
    assert lines[-2].startswith("airflow: live: ")
    assert re.match(r"not verified since \d{4}-\d\d-\d\d: ", lines[-1])
    assert "database.login" in lines[-1]
    assert "vault.state" not in lines[-1]
    assert "asking Vault at 127.0.0.1:" in done.err
    assert "with the token from VAULT_TOKEN" in done.err


def test_json_holds_every_probe_in_a_stable_order(committed: Wizard, here: Vault) -> None:
    first, second = (committed.ok("check", "--live", "--json") for _ in range(2))
    (result,) = json.loads(first.out)
    assert (result["exit"], result["installation"]) == (0, "airflow")
    found = by_id(first)
    assert found["vault.state"]["status"] == "pass"
    assert found["database.reachable"]["status"] == "unknown"
    assert set(found["vault.token"]) == {"id", "title", "endpoint", "status", "detail", "fix"}
    assert "database.reachable" in result["live"]["unverified"]
    assert list(found) == list(by_id(second))
    assert "Vault: state" in first.err


def test_without_live_nothing_is_asked(
    committed: Wizard, here: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ADDR", "no address")
    done = committed.ok("check", "--json")
    (result,) = json.loads(done.out)
    assert "live" not in result


def test_a_vault_that_is_not_proven_ends_with_four(
    committed: Wizard, here: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_CACERT", str(Authority.make(tmp_path).path))
    done = committed("check", "--live")
    assert done.code == 4
    assert "FAILED     Vault: certificate" in done.out
    assert "VAULT_CACERT" in done.out
    (result,) = json.loads(committed("check", "--live", "--json").out)
    assert result["exit"] == 4


def test_a_sealed_vault_ends_with_four(
    committed: Wizard, fresh_vault: Vault, monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    monkeypatch.setenv("VAULT_ADDR", fresh_vault.url)
    monkeypatch.setenv("VAULT_CACERT", str(fresh_vault.ca))
    monkeypatch.setenv("VAULT_TOKEN", canary.secret())
    fresh_vault.initialise()
    fresh_vault.seal()
    done = committed("check", "--live")
    assert done.code == 4
    assert "FAILED     Vault: state" in done.out
    canary.assert_absent(done.out, done.err)


def test_a_wrong_token_is_a_fault_and_repeated_nowhere(
    committed: Wizard, here: Vault, monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", canary.secret())
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", canary.hostile())
    for options in ((), ("--json",)):
        done = committed("check", "--live", *options)
        assert done.code == 4
        canary.assert_absent(done.out, done.err)
    canary.assert_absent(committed.folder)


def test_the_tree_counts_too(committed: Wizard, here: Vault) -> None:
    """A hand edit that stops the commit stops here as well, whatever Vault says."""
    path = "apps/airflow/airflow-values.yaml"
    committed.edit(path, "fernetKeySecretName: airflow", "fernetKeySecretName: other")
    done = committed("check", "--live", "--json")
    (result,) = json.loads(done.out)
    assert done.code == result["exit"] == committed("check").code != 0
    assert result["live"]["probes"]


def test_settings_of_this_machine_that_cannot_be_used_are_told(
    committed: Wizard, here: Vault, monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    monkeypatch.setenv("VAULT_TOKEN_FILE", "/nowhere")
    done = committed.ok("check", "--live", "--json")
    assert "both set" in by_id(done)["vault.token"]["detail"]
    monkeypatch.setenv("VAULT_ADDR", f"http://{canary.secret()}@vault.invalid")
    done = committed.ok("check", "--live", "--json")
    assert by_id(done)["vault.state"]["status"] == "unknown"
    canary.assert_absent(done.out, done.err)


def test_usage(committed: Wizard, aw: Wizard) -> None:
    done = committed("check", "--allow-reference", "database.password")
    assert done.code == 64
    assert "--live" in done.err
    done = committed("check", "--live", "--allow-reference", "database.host")
    assert done.code == 64
    assert "database.password" in done.err


def test_live_without_an_installation(aw: Wizard) -> None:
    assert aw("check", "--live").code == 64


def test_an_installation_that_needs_only_its_cluster(local: Wizard) -> None:
    done = local.ok("check", "--live", "--json")
    # Chart, image and DAGs are public: whether they answer is up to this machine's network.
    public = {"chart.version", "image.tag", "dags.host", "dags.clone"}
    assert set(by_id(done)) == {"cluster.identity", *public}
    identity = by_id(done)["cluster.identity"]
    assert (identity["status"], "kubeconfig not found" in identity["detail"]) == ("unknown", True)


# --- consent


def branched(committed: Wizard, *assignments: str) -> None:
    """A work branch with other answers, as somebody's merge request has."""
    committed.ok("set", *assignments, "--branch", "work", "--yes", *ACCEPT_ALL)
    committed.git.git("checkout", "-q", "work")


def test_a_reference_that_is_new_to_the_branch_needs_a_yes(
    committed: Wizard, here: Vault, monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    monkeypatch.setenv("SOMEBODYS_KEY", canary.secret())
    branched(committed, "database.password={env: SOMEBODYS_KEY}")
    done = committed.ok("check", "--live", "--json")
    login = by_id(done)["database.login"]
    assert login["status"] == "skip"
    assert "database.password: new to main" in login["detail"]
    assert "--allow-reference database.password" in login["fix"]
    done = committed.ok("check", "--live", "--json", "--allow-reference", "database.password")
    assert by_id(done)["database.login"]["status"] == "unknown"
    assert "database.version" in by_id(done)
    canary.assert_absent(done.out, done.err)


def test_a_new_place_for_an_old_reference_needs_a_yes_too(
    committed: Wizard, here: Vault, monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", canary.secret())
    branched(committed, "database.host=thief.invalid")
    login = by_id(committed.ok("check", "--live", "--json"))["database.login"]
    assert (login["status"], "database.host" in login["detail"]) == ("skip", True)
    assert "thief.invalid:5432" in login["detail"]


def test_a_vault_that_only_new_answers_name_gets_no_token(
    committed: Wizard, monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", canary.secret())
    branched(committed, "secrets.vault.server=https://thief.invalid:8200")
    done = committed.ok("check", "--live", "--json")
    assert "asking Vault" not in done.err
    done = committed.ok("check", "--live", "--json", "--allow-reference", "secrets.vault.server")
    assert "asking Vault at thief.invalid:8200" in done.err
    committed.git.git("checkout", "-q", "main")
    done = committed.ok("check", "--live", "--json")
    assert "asking Vault at vault.invalid:8200" in done.err


def test_a_person_at_a_terminal_is_asked(
    committed: Wizard,
    here: Vault,
    monkeypatch: pytest.MonkeyPatch,
    pty_run: Callable[..., Terminal],
    canary: Canary,
) -> None:
    monkeypatch.setenv("SOMEBODYS_KEY", canary.secret())
    branched(committed, "database.password={env: SOMEBODYS_KEY}")
    for answer, shown in (("n", "not confirmed: read"), ("y", "does not resolve here")):
        command = ["-m", "wizard", "check", "--live", "--repo", str(committed.folder)]
        terminal = pty_run(command, size=(200, 40))
        terminal.wait_for("database.password is new to main: read env:SOMEBODYS_KEY")
        terminal.send(f"{answer}\r")
        terminal.wait_for("not verified since")
        assert shown in terminal.text
        assert ("Database: version" in terminal.text) is (answer == "y")
        assert terminal.wait() == 0
        canary.assert_absent(bytes(terminal.raw))


def situation(changes: dict[str, Any] | None = None, **more: Any) -> Situation:
    given = answers("production", changes)
    return Situation(given, derive_release(given), **more)


def test_a_person_is_asked_once_for_each_use(
    monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", canary.secret())
    questions: list[str] = []

    def no(question: str) -> bool:
        questions.append(question)
        return False

    found = situation(ask=no).secret("database.password", "database.host", where="pg:5432")
    assert isinstance(found, ProbeResult)
    assert found.status == "skip"
    assert "AIRFLOW_DB_PASSWORD" in questions[0]
    assert "pg:5432" in questions[0]
    held = situation(ask=lambda _: True).secret("database.password", where="pg:5432")
    assert isinstance(held, SecretStr)
    assert held.get_secret_value() == canary.secret()
    canary.assert_absent(repr(held), *questions)


def test_values_that_are_not_there_yet_are_no_fault() -> None:
    changes = {"database.password": {"generate": True}}
    found = situation(changes).secret("database.password", where="pg:5432")
    assert isinstance(found, ProbeResult)
    assert found.status == "skip"
    changes = {"database.password": {"prompt": True}}
    found = situation(changes).secret("database.password", where="pg:5432")
    assert isinstance(found, ProbeResult)
    assert found.status == "unknown"
    held = situation(changes, prompt=lambda key: f"{key} typed").secret(
        "database.password", where=""
    )
    assert isinstance(held, SecretStr)


# --- the sources, on real servers


async def ended(probes: Iterator[Probe]) -> dict[str, ProbeResult]:
    return {one.id: result async for one, result in run_probes(list(probes))}


def moved(start: Situation, section: str, **update: Any) -> Situation:
    """The same with answers that no file may hold: loopback, where the test's servers are."""
    part = getattr(start.answers, section).model_copy(update=update)
    return replace(start, answers=start.answers.model_copy(update={section: part}))


async def test_the_database_is_asked_with_the_password_of_its_reference(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    password = canary.hostile()
    postgres.create_role("check_live", password)
    postgres.create_database("check_live", "check_live")
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", password)
    start = situation(allowed=frozenset({"database.password"}))
    there = {"host": postgres.host, "port": postgres.port, "sslmode": "prefer"}
    names = {"name": "check_live", "user": "check_live"}
    found = await ended(probe_database(moved(start, "database", **there, **names)))
    assert found["database.login"].status == "pass", found
    assert found["database.reachable"].status == "pass"
    assert found["database.tls"].status == "warn"
    assert found["database.connections"].status in {"pass", "warn", "fail"}
    canary.assert_absent(str(found))
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", canary.secret())
    found = await ended(probe_database(moved(start, "database", **there, **names)))
    assert found["database.login"].status == "fail"
    canary.assert_absent(str(found))


async def test_a_result_backend_and_a_pooler_of_their_own_are_asked_too(
    monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", canary.secret())
    changes = {
        "executor.kind": "CeleryExecutor",
        "database.host": "pg.invalid",
        "database.result_backend": {"kind": "separate", "host": "results.invalid"},
        "database.pgbouncer": {"mode": "external", "host": "pool.invalid"},
    }
    start = situation(changes, allowed=frozenset({"database.password"}))
    found = await ended(iter([*probe_database(start), *results(start)]))
    assert found["database.pgbouncer"].status == "unknown"
    assert found["database.login"].status == "unknown"
    assert found["database.result_backend.login"].status == "skip"
    assert "--allow-reference database.result_backend.password" in (
        found["database.result_backend.login"].fix.text
    )
    canary.assert_absent(str(found))


GIT_HOST = "git.example.test"


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host name that leads to this machine, as no answers may name it directly."""
    real = socket.getaddrinfo

    def look_up(host: Any, *more: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host == GIT_HOST else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def with_host(start: Situation, port: int, keys: KeySet, *kinds: str) -> Situation:
    """DAGs from the test's own host, whose keys were verified."""
    entries = [
        HostKeyEntry(
            host=GIT_HOST,
            type=one.type,
            key=one.key,
            evidence=EvidenceRecord(
                kind="fingerprint", sha256=one.fingerprint, by="Ada Example", date="2026-11-21"
            ),
        )
        for one in map(keys.public, kinds)
    ]
    repo = f"ssh://git@{GIT_HOST}:{port}/platform/dags.git"
    return moved(start, "dags", repo=repo, host_keys=entries)


async def test_the_hosts_keys_are_compared_with_what_was_verified(
    named: None, sshd: StartSshd, host_key_sets: tuple[KeySet, KeySet]
) -> None:
    honest, impostor = host_key_sets
    said: list[str] = []
    start = situation(say=said.append)
    good = sshd()
    found = await ended(
        probe_git_host(with_host(start, good.port, honest, "ssh-ed25519", "ssh-rsa"))
    )
    assert found["dags.host_keys"].status == "pass", found
    assert any(str(good.port) in text for text in said)
    evil = sshd(keys=impostor)
    found = await ended(probe_git_host(with_host(start, evil.port, honest, "ssh-ed25519")))
    assert found["dags.host_keys"].status == "fail"
    assert honest.public("ssh-ed25519").fingerprint in found["dags.host_keys"].detail
    partly = sshd("ssh-ed25519")
    found = await ended(
        probe_git_host(with_host(start, partly.port, honest, "ssh-ed25519", "ssh-rsa"))
    )
    assert found["dags.host_keys"].status == "warn"
    other = sshd("ssh-rsa")
    found = await ended(probe_git_host(with_host(start, other.port, honest, "ssh-ed25519")))
    assert found["dags.host_keys"].status == "fail"
    assert "none of the recorded" in found["dags.host_keys"].detail
    with scripted(lambda connection: connection.close()) as port:
        pass
    found = await ended(probe_git_host(with_host(start, port, honest, "ssh-ed25519")))
    assert found["dags.host_keys"].status == "unknown"


def test_a_published_host_that_shows_a_key_its_publisher_does_not_list(
    host_key_sets: tuple[KeySet, KeySet],
) -> None:
    published = [one.key for one in published_keys("github.com", 22)]
    good = Scan("github.com", 22, tuple(published))
    assert compare_host_keys(good, published).status == "pass"
    ed25519 = next(key for key in published if key.type == "ssh-ed25519")
    stranger = HostKey("ssh-rsa", host_key_sets[0].public("ssh-rsa").key)
    odd = Scan("github.com", 22, (ed25519, stranger))
    result = compare_host_keys(odd, [ed25519])
    assert (result.status, "does not list" in result.detail) == ("fail", True)


async def test_the_clone_is_tried_with_the_deploy_key_once_somebody_agreed(
    named: None, sshd: StartSshd, host_key_sets: tuple[KeySet, KeySet]
) -> None:
    server = sshd("ssh-ed25519")
    key = {"file": str(server.identity)}
    start = with_host(situation({"dags.key": key}), server.port, host_key_sets[0], "ssh-ed25519")
    found = await ended(probe_dag_repository(start))
    assert found["dags.clone"].status == "skip"
    assert "--allow-reference dags.key" in found["dags.clone"].fix.text
    found = await ended(probe_dag_repository(replace(start, allowed=frozenset({"dags.key"}))))
    assert found["dags.clone"].status in {"fail", "unknown"}
    assert "agreed" not in found["dags.clone"].detail
    assert "dags.read-only" in found


def test_every_source_is_asked_and_ids_are_unique(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", "a-good-password-1")
    changes = {"database.result_backend": {"kind": "separate", "host": "results.invalid"}}
    start = situation({"executor.kind": "CeleryExecutor", **changes})
    ids = [probe.id for probe in collect_probes(start)]
    assert len(ids) == len(set(ids))
    assert {one.split(".")[0] for one in ids} >= {"dags", "database", "vault"}
    assert len(SOURCES) >= 5


# --- how it is told


def test_a_line_holds_no_control_characters() -> None:
    probe = make_finished_probe("a.b", "A: b", "host:1", pass_result("x"))
    text = render_result(probe, fail_result("said \x1b[31m\nred\u202e", "do\tthis"))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.count("\n") == 1
    assert text.startswith("FAILED     A: b (host:1): said ")


def test_the_summary_counts_and_lists() -> None:
    def one(name: str, result: ProbeResult) -> tuple[Probe, ProbeResult]:
        return make_finished_probe(name, name, "", result), result

    found = [one("a", pass_result("x")), one("b", unknown_result("y")), one("c", skip_result("z"))]
    left = [
        UnverifiedProbe("b", "2026-11-21", "2026-11-22"),
        UnverifiedProbe("c", "2026-11-20", "2026-11-22"),
    ]
    assert render_summary("airflow", found, left) == (
        "airflow: live: 1 ok, 1 skipped, 1 unverified\n"
        "not verified since 2026-11-20: c; since 2026-11-21: b"
    )
    assert get_value({}, ("a",)) is None


# --- leaving


@contextmanager
def running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, **environment}, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def interrupted(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> int:
    """The exit code after Ctrl-C, once `ready`."""
    assert process.stdout is not None
    deadline = time.monotonic() + 30
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        select.select([process.stdout], [], [], 0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    return process.wait(60)


def test_a_vault_that_hangs_keeps_nobody_from_leaving(
    committed: Wizard, canary: Canary, tmp_path: Path
) -> None:
    taken, listener = hangs()
    with listener as port:
        environment = {"VAULT_ADDR": f"https://127.0.0.1:{port}", "VAULT_TOKEN": canary.secret(),
                       VARIABLE: str(tmp_path / "left")}  # fmt: skip
        command = [sys.executable, "-m", "tests.support.leaving", "check", "--live"]
        with running([*command, "--repo", str(committed.folder)], environment) as process:
            code = interrupted(process, lambda: bool(taken))
            out, err = process.communicate()
    assert code == 130
    # The look at Vault was still under way when the process ended.
    assert "probe" in left_behind(tmp_path / "left")
    assert b"ok         Database: TLS mode" in out
    assert b"Traceback" not in err
    canary.assert_absent(out, err)


HUNG = """
import asyncio, sys
from pydantic import SecretStr
from tests.support.leaving import watch
from wizard.clients.postgres.client import PostgresTarget, PsycopgClient
from wizard.clients.vault.address import VaultAddress
from wizard.clients.ssh.scan import scan_host_keys
from wizard.systems.database.probes import database_probes, make_database_lookup
from wizard.systems.git.host_key_probes import host_keys_probe
from wizard.systems.vault.looks import read_health
from wizard.engine.probes import Probe, run_probes, wrap_blocking
from tests.support.rendered import answers

watch()
ports = [int(one) for one in sys.argv[1:]]
target = PostgresTarget("127.0.0.1", ports[0], "airflow", "airflow", "require")
look = make_database_lookup(PsycopgClient(target, SecretStr("a-good-password-1")))
where = VaultAddress(f"http://127.0.0.1:{ports[1]}")
probes = [
    *database_probes("database", "Database", answers(), target, look),
    Probe("vault", "Vault", "", wrap_blocking(lambda: read_health(where))),
    host_keys_probe("127.0.0.1", ports[2], [], scan_host_keys),
]

async def main():
    async for one, result in run_probes(probes):
        print(one.id, result)

try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_whoever_hangs_keeps_nobody_from_leaving(tmp_path: Path) -> None:
    with ExitStack() as stack:
        taken, ports = [], []
        for _ in range(3):
            counted, listener = hangs()
            taken.append(counted)
            ports.append(str(stack.enter_context(listener)))
        left = tmp_path / "left"
        with running([sys.executable, "-c", HUNG, *ports], {VARIABLE: str(left)}) as process:
            code = interrupted(process, lambda: all(taken))
            out, err = process.communicate()
    assert (code, out) == (130, b""), err
    # All three were still at work when the process ended.
    assert left_behind(left).count("probe") >= 3
