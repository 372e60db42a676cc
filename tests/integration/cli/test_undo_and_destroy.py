"""`apply --undo` and `destroy` as processes on real servers: what goes, what stays, and kills.

Vault, the API server and Git are real; tests/departing.py stands in for the controllers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from tests.integration.cli.test_apply_end_to_end import Place, ended, place, states
from tests.support.cluster.argocd import told
from tests.support.cluster.controllers.departing import Departing
from tests.support.cluster.controllers.operators import MERGE
from tests.support.outward import writes
from tests.testbed.kube import RejectedError
from wizard.clients.vault.address import Token, VaultAccess, VaultAddress
from wizard.systems.release import delivered_objects
from wizard.systems.target import Target
from wizard.systems.vault.payload_removal import build_payload_steps
from wizard.systems.vault.session import VaultLogin

__all__ = ["place"]

pytestmark = pytest.mark.integration

KNOWN = "/api/v1/namespaces/{argo}/configmaps/argocd-ssh-known-hosts-cm"
PROJECTS = "/apis/argoproj.io/v1alpha1/namespaces/{argo}/appprojects"
APPLICATIONS = "/apis/argoproj.io/v1alpha1/namespaces/{argo}/applications"
SECRETS = "/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets"
CLAIMS = "/api/v1/namespaces/{namespace}/persistentvolumeclaims"
HERS = "hers.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHers"


def entrusted(here: Place) -> Place:
    """The operator may also take things away in Vault."""
    write = ["create", "read", "update", "delete"]
    here.vault.policy(f"operator-{here.name}", {
        "sys/mounts": ["read"],
        f"sys/mounts/{here.mount}": ["create", "update", "delete", "sudo"],
        "sys/auth": ["read"],
        f"sys/auth/{here.auth}": ["create", "update", "delete", "sudo"],
        f"sys/policies/acl/{here.role}-read": write,
        f"auth/{here.auth}/config": write,
        f"auth/{here.auth}/role": ["list"],
        f"auth/{here.auth}/role/{here.role}": write,
        f"{here.mount}/data/{here.path}": write,
        f"{here.mount}/metadata/{here.path}": write,
        f"{here.mount}/metadata/*": ["list"],
        # To see who else uses a policy, a mount or a payload.
        "sys/policies/acl": ["list"],
        "sys/policies/acl/*": ["read"],
        "auth/+/role": ["list"],
        "auth/+/role/*": ["read"],
        "auth/+/roles": ["list"],
        "auth/+/users": ["list"],
        "auth/+/users/*": ["read"],
        "identity/+/id": ["list"],
        "identity/+/id/*": ["read"],
    })  # fmt: skip
    return here


def names(here: Place, path: str) -> list[str]:
    return sorted(one["metadata"]["name"] for one in here.world.read(path)["items"])


def claim(here: Place, name: str, release: str = "airflow", **more: Any) -> None:
    """A volume claim, as the chart or a StatefulSet makes one."""
    labels = {"release": release, "tier": "airflow"}
    about = {"name": name, "namespace": here.world.namespace, "labels": labels, **more}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": about, "spec": spec}
    here.kube.apply(json.dumps(made))


@pytest.fixture
def departing(place: Callable[[str], Place]) -> Iterator[Callable[[Place], Departing]]:
    """departing(here): controllers that let things go."""
    started: list[Departing] = []

    def make(here: Place) -> Departing:
        made = Departing(here.world.operators, here.name)
        started.append(made.__enter__())
        return made

    yield make
    for one in started:
        one.__exit__(None, None, None)
    assert [str(fault) for one in started for fault in one.faults] == []


def without_reviewer(state: dict[str, Any]) -> dict[str, Any]:
    """The reviewer stays: other auth mounts may live by it."""
    objects = {k: v for k, v in state["objects"].items() if "vault-auth" not in k}
    return {**state, "objects": objects, "leases": []}


def test_what_apply_made_is_taken_back_and_nothing_else(place: Callable[[str], Place]) -> None:
    here = entrusted(place("production"))
    here.fill()
    here.commit()
    before = without_reviewer(here.state())
    here("apply", "--yes")
    reached = here.state()
    assert here.values()
    project = f"{PROJECTS}/{here.name}".format(argo=here.world.argo)
    edit = f"{project}?fieldManager=kubectl-edit"
    here.kube.request("PATCH", edit, {"spec": {"description": "hers"}}, MERGE)
    known = here.world.read(KNOWN)["data"]["ssh_known_hosts"]
    here.kube.request(
        "PATCH", KNOWN.format(argo=here.world.argo), {"data": {"ssh_known_hosts": known + HERS}},
        MERGE,
    )  # fmt: skip
    here.world.put("AppProject", "hers", api="argoproj.io/v1alpha1", spec={"description": "hers"})
    here.vault.policy(f"hers-{here.name}", {"hers": ["read"]})

    undone = {"undo.pause", "undo.application", "remove.known-hosts", "remove.store-account",
              "remove.vault-role", "remove.vault-auth", "remove.vault-policy"}  # fmt: skip
    first = here("apply", "--undo", "--yes", "--json", code=5)
    seen = states(first)
    assert {name for name, state in seen.items() if state == "changed"} == undone, first
    assert {name: seen[name] for name in seen if name not in undone} == {
        "cluster.identity": "holds",
        "repository.identity": "holds",
        "vault.identity": "holds",
        "argocd.cluster": "holds",
        "remove.earlier": "holds",
        "remove.rivals": "holds",
        "undo.hooks": "holds",
        "remove.project": "blocked",
        "remove.reviewer": "kept",
        "remove.vault-mount": "kept",
    }
    told = ended(first)["remove.project"]
    assert "changed by kubectl-edit" in told["detail"]
    assert "-  description: hers" in told["diff"]
    assert names(here, PROJECTS) == sorted(["hers", here.name])
    assert here.vault.request("GET", f"sys/policies/acl/hers-{here.name}")

    here.kube.request("DELETE", project)
    second, lines = here.counted("apply", "--undo", "--yes", "--json")
    assert writes(lines) == []
    assert set(states(second).values()) == {"holds", "kept"}
    left = without_reviewer(here.state())
    assert left["hosts"]["ssh_known_hosts"] == "# Argo CD's own\n" + HERS
    assert {**left, "hosts": before["hosts"]} == before
    assert left["payload"]["metadata"]["version"] == 1
    assert names(here, SECRETS)

    here("apply", "--yes")
    again = here.state()
    hosts = again["hosts"].pop("ssh_known_hosts"), reached["hosts"].pop("ssh_known_hosts")
    assert sorted(hosts[0].splitlines()) == sorted([*hosts[1].splitlines(), HERS])
    assert again == reached


def stand(here: Place, departing: Callable[[Place], Departing]) -> Departing:
    """A whole installation, with what the operators mark."""
    here.fill()
    here.commit()
    here("apply", "--yes")
    controllers = departing(here)
    claim(here, "logs")
    here.world.operators.workload("StatefulSet", "airflow-worker", ready=True)
    controllers.adopt()
    claim(here, "logs-airflow-worker-0")
    return controllers


GONE = ("policy", "role", "config")


def require_gone(here: Place) -> None:
    """Nothing of the installation is live or committed; the reviewer alone stays."""
    state = without_reviewer(here.state())
    assert set(state["objects"].values()) == {404}
    assert {state[name] for name in GONE} == {404}
    assert state["auth"]["type"] is None
    assert names(here, APPLICATIONS) == []
    assert state["hosts"]["ssh_known_hosts"] == "# Argo CD's own\n"
    listed = here.clone.git("ls-tree", "-r", "HEAD")
    assert all(f".airflow-wizard/{here.name}/{one}" not in listed for one in ("answers", "base"))
    for path in ("deployments", "statefulsets"):
        assert names(here, f"/apis/apps/v1/namespaces/{{namespace}}/{path}") == []
    assert here.clone.git("status", "--porcelain") == ""


def require_seen_before_it_goes(here: Place) -> None:
    """Neither the last copies nor a payload go while nothing says whose keys are in the store."""
    target = seen_from_here(here)
    session, stored = VaultLogin(target), f"{here.mount}/data/{here.path}"
    copies, kept = delivered_objects.build_copies_check(target, session), here.values()
    assert told([copies])[copies.id].state == "holds"
    here.vault.request("POST", stored, {"data": {"somethingElse": "x", "fernetKey": "x"}})
    done = told([copies])[copies.id]
    assert (done.state, "databasePassword" in done.detail) == ("blocked", True), done
    assert "fernetKey" not in done.detail
    here.vault.request("DELETE", stored)
    (payload,) = build_payload_steps(target, session, ["payload"], {"": frozenset(kept)})
    done = told([payload])[payload.id]
    assert (done.state, "version 2" in done.detail) == ("blocked", True), done
    assert f"vault kv undelete -mount={here.mount} -versions=2 {here.path}" in done.fix.text
    here.vault.request("POST", stored, {"data": kept})


def seen_from_here(here: Place) -> Target:
    """What the command sees of it, without the command."""
    own = {
        "installation.name": here.name,
        "secrets.vault.mount": here.mount,
        "secrets.vault.auth_mount": here.auth,
        "secrets.vault.role": here.role,
    }
    login = Token(SecretStr(here.env["VAULT_TOKEN"]), "a test")
    address = VaultAddress(here.vault.url, here.vault.ca.read_text())
    return replace(here.world.target(**own), access=VaultAccess(address, login))


def test_destroy_keeps_what_holds_data(
    place: Callable[[str], Place], departing: Callable[[Place], Departing]
) -> None:
    here = entrusted(place("production"))
    stand(here, departing)
    notes = [f".airflow-wizard/{here.name}/NOTES.md", f"apps/{here.name}/NOTES.md"]
    here.clone.commit(dict.fromkeys(notes, "hers\n"), "notes")
    require_seen_before_it_goes(here)
    before = here.state()
    tried, lines = here.counted("destroy", "--dry-run", "--json")
    assert writes(lines) == []
    assert here.state() == before
    here.vault.request("DELETE", f"{here.mount}/data/{here.path}")
    last = here("destroy", "--confirm", here.name, "--yes", "--json", code=5)
    assert "last copy of the Fernet key" in ended(last)["destroy.copies"]["detail"]
    assert len(names(here, SECRETS)) > 5
    here.vault.request("POST", f"{here.mount}/undelete/{here.path}", {"versions": [3]})

    done = here("destroy", "--confirm", here.name, "--yes", "--push", "--json")
    seen = states(done)
    assert next(iter(seen)) == "cluster.identity"
    assert {name for name, state in seen.items() if state == "kept"} == {
        "destroy.volumes", "destroy.namespace", "destroy.payload", "destroy.database",
        "remove.reviewer", "remove.vault-mount",
    }, done  # fmt: skip
    assert "blocked" not in seen.values()
    would = {name for name, state in states(tried).items() if state == "would change"}
    # Argo CD takes along what a rehearsal still finds.
    assert seen["destroy.objects"] == "holds", ended(done)["destroy.objects"]["detail"]
    assert would - {"destroy.objects"} == {
        name for name, state in seen.items() if state == "changed"
    }
    assert all(f"not deleted: {path}" in done.err for path in notes)
    assert here.clone.git("ls-files").split() == notes
    assert here.remote.git("rev-parse", "main") == here.clone.git("rev-parse", "HEAD")
    assert here.clone.git("log", "-1", "--format=%s").startswith("Remove Airflow installation")
    require_gone(here)
    assert names(here, CLAIMS) == ["logs", "logs-airflow-worker-0"]
    assert names(here, SECRETS) == []
    assert here.stored(f"{here.mount}/data/{here.path}")["metadata"]["version"] == 3
    again, lines = here.counted("destroy", "--installation", here.name, "--yes")
    assert "is already destroyed" in again.err
    assert lines == []


def test_killed_again_and_again_it_removes_the_data_that_is_named(
    place: Callable[[str], Place], departing: Callable[[Place], Departing]
) -> None:
    """Each run takes the lock over and changes some things; every third sees no answer."""
    here = entrusted(place("gitops-vault"))
    stand(here, departing)
    pieces = ("--data", "payload", "--data", "volumes", "--data", "namespace")
    # A machine that remembers nothing asks whether these are the cluster and the Vault.
    here.forget()
    before = here.state()
    found = here("destroy", "--confirm", here.name, "--yes", *pieces, code=5)
    assert here.state() == before
    seals = re.findall(r"--take-over ((?:cluster|vault)\.identity@[0-9a-f]{12})", found.err)
    assert len(seals) == 2, found.err
    agreed = [word for one in seals for word in ("--take-over", one)]
    # Argo CD created the namespace, which does not say for whom: it needs a yes of its own.
    tried = ended(here("destroy", "--dry-run", "--json", *pieces, *agreed, code=5))
    seal = re.search(
        r"--take-over (destroy\.namespace@[0-9a-f]{12})", tried["destroy.namespace"]["fix"]
    )
    assert seal, tried
    words = ("destroy", "--installation", here.name, "--confirm", here.name, "--yes", *pieces,
             *agreed, "--take-over", seal[1])  # fmt: skip
    kills = 0
    while here.killed(*words, last=f"{12 if kills else 2}w{'' if kills % 3 else 's'}"):
        kills += 1
        assert kills < 20, here.said[-1]
        if kills % 2:
            here.forget()
    assert kills > 2
    require_gone(here)
    assert here.stored(f"{here.mount}/metadata/{here.path}") == 404
    for path in (
        "/api/v1/namespaces/{namespace}",
        f"/apis/external-secrets.io/v1/clustersecretstores/vault-{here.name}",
    ):
        with pytest.raises(RejectedError):
            here.world.read(path)
