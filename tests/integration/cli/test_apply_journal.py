"""Which targets `apply` met is remembered on this machine, and another one stops the next run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.canary import Canary
from tests.support.certificates import Authority
from tests.support.cli import ACCEPT_ALL, Wizard, answers_file, aw
from tests.support.cluster.argocd import World, told
from tests.support.cluster.kubeconfigs import cluster, written
from tests.support.servers import Answer, web
from tests.testbed.kube import Kube as Server
from tests.testbed.vault import Vault
from wizard.git.repository import WorkTree
from wizard.state.apply_journal import CLUSTER_SERVER, CLUSTER_UID, VAULT_CLUSTER_ID, ApplyHistory
from wizard.systems.cluster.identity import build_identity_step

__all__ = ["aw"]

pytestmark = pytest.mark.integration

STORE = ("apply", "--only", "store")
ANSWERS = ".airflow-wizard/airflow/answers.yaml"


@pytest.fixture
def committed(aw: Wizard, kube: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wizard:
    """A committed installation, and a kubeconfig that leads to the testbed's cluster."""
    changes = {"installation.namespace": "applied-journal"}
    aw.ok("commit", "--yes", "--answers", str(answers_file(tmp_path / "answers.yaml", changes)))
    path = written(tmp_path / "kubeconfig", cluster(kube), {"token": kube.token})
    monkeypatch.setenv("KUBECONFIG", str(path))
    return aw


def uid(server: Server) -> str:
    return str(server.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"])


def journal(aw: Wizard) -> ApplyHistory:
    return ApplyHistory(WorkTree.open(aw.folder), "airflow")


def test_a_first_contact_is_recorded_by_the_next_commit(
    committed: Wizard, kube: Server, canary: Canary
) -> None:
    committed.ok(*STORE, "--dry-run")
    assert journal(committed).target_identities() == {}
    first = committed.ok(*STORE, "--yes")
    assert "not recorded yet" in first.err
    # The testbed's server has an address of this machine, which means nothing to others.
    assert journal(committed).target_identities() == {CLUSTER_UID: uid(kube)}
    assert kube.token not in journal(committed).place.read_text()
    assert "as in an earlier run" in committed.ok(*STORE, "--yes").err

    committed.ok("set", "executor.workers.replicas=3", "--yes")
    assert uid(kube) in (committed.folder / ANSWERS).read_text()
    assert "as recorded" in committed.ok(*STORE, "--yes").err
    journal(committed).place.unlink()
    assert "as recorded" in committed.ok(*STORE, "--yes").err


def met(aw: Wizard, **identities: str) -> None:
    one = journal(aw)
    one.begin_run("sha256:00")
    assert one.record_step("cluster.identity", "holds", identities)


def test_another_cluster_than_the_one_met_stops(committed: Wizard, kube: Server) -> None:
    met(committed, **{CLUSTER_UID: "another-cluster"})
    done = committed(*STORE, "--yes")
    assert done.code == 5, done
    assert "not the recorded another-cluster" in done.err
    assert f"airflow-wizard set cluster.uid={uid(kube)}" in done.err
    assert journal(committed).target_identities() == {CLUSTER_UID: "another-cluster"}

    committed.ok("set", f"cluster.uid={uid(kube)}", "--yes", *ACCEPT_ALL)
    committed.ok(*STORE, "--yes")
    assert journal(committed).target_identities() == {CLUSTER_UID: uid(kube)}


def test_another_cluster_than_the_recorded_one_stops(committed: Wizard) -> None:
    committed.ok("set", "cluster.uid=recorded", "--yes", *ACCEPT_ALL)
    done = committed(*STORE, "--yes")
    assert (done.code, "not the recorded recorded" in done.err) == (5, True)
    assert journal(committed).target_identities() == {}
    run = json.loads(journal(committed).place.read_text())["runs"][-1]
    assert run["ended"]["cluster.identity"]["state"] == "blocked"


def test_another_vault_stops_before_a_login_is_sent(
    committed: Wizard, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ADDR", vault.url)
    monkeypatch.setenv("VAULT_CACERT", str(vault.ca))
    # Any login would be refused, and is not even tried.
    monkeypatch.setenv("VAULT_TOKEN", "nobodys")
    met(committed, **{VAULT_CLUSTER_ID: "another-vault"})
    done = committed(*STORE, "--yes")
    assert done.code == 5, done
    assert "an earlier run used another-vault" in done.err
    assert str(journal(committed).place) in done.err
    journal(committed).place.unlink()
    done = committed(*STORE, "--yes")
    assert (done.code, "met another-vault" in done.err) == (6, False)
    assert set(journal(committed).target_identities()) == {CLUSTER_UID, VAULT_CLUSTER_ID}


def test_a_vault_that_hides_its_health_is_not_compared(
    committed: Wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority.make(tmp_path)
    refusal = Answer(403, json.dumps({"errors": ["permission denied"]}).encode())
    with web(authority, lambda _asked: refusal) as server:
        monkeypatch.setenv("VAULT_ADDR", server.url)
        monkeypatch.setenv("VAULT_CACERT", str(authority.path))
        monkeypatch.setenv("VAULT_TOKEN", "nobodys")
        met(committed, **{VAULT_CLUSTER_ID: "another-vault"})
        done = committed(*STORE, "--yes")
    assert (done.code, "an earlier run" in done.err) == (6, False)
    assert server.asked[0].path == "/v1/sys/health"
    assert len(server.asked) > 1


def test_a_state_folder_that_cannot_be_written_is_told_and_changes_nothing(
    committed: Wizard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    assert committed.ok(*STORE, "--yes").err.count("the state folder is not writable") == 1


def test_an_address_alone_does_not_stand_against_the_uid(
    kube_with_crds: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(kube_with_crds, tmp_path, monkeypatch)
    for known, state in (
        ({CLUSTER_UID: uid(kube_with_crds), CLUSTER_SERVER: "https://api.prod.example"}, "holds"),
        ({CLUSTER_UID: "another"}, "blocked"),
        ({CLUSTER_SERVER: "https://api.prod.example"}, "holds"),
    ):
        target = replace(world.target(), known_identities=known)
        found = told([build_identity_step(target)])["cluster.identity"]
        assert found.state == state, found
