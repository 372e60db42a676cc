"""Installations of two repositories beside each other: one goes, and nothing of the others.

They share a cluster, a Vault with its mounts, and two of them Argo CD's credential. Two have the
same name, in Argo CD's namespace and in another one; a fourth is delivered by Helm, with the same
release name. Everything is compared before and after, also where the removal is killed again and
again: after every fifth write, and with WIZARD_EVERY_WRITE=1 after every one, in every way.
"""

from __future__ import annotations

import http.client
import os
import re
import threading
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from tests.integration.vault.test_steps import REVIEWER
from tests.support.cluster.argocd import LIST, told
from tests.support.cluster.controllers.departing import Departing
from tests.support.cluster.controllers.operators import Operators
from tests.support.cluster.helm import CHART
from tests.support.cluster.kubeconfigs import cluster, written
from tests.support.outward import writes
from tests.support.rendered import answers, rendering
from tests.support.repository import GitFolder
from tests.testbed.kube import Kube as Server
from tests.testbed.token_controller import TokenController
from tests.testbed.vault import RefusedError, Vault
from wizard.clients.helm import open_helm
from wizard.clients.kube.connect import open_kube
from wizard.clients.vault.address import Token, VaultAccess, VaultAddress
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.destroy.steps import build_destroy_steps, build_undo_steps
from wizard.engine.steps import Step, StepEvent, StepStatus
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.state.apply_journal import CLUSTER_UID, VAULT_CLUSTER_ID
from wizard.stores.vault.live.location import OpenVault
from wizard.systems.argocd import known_hosts, store_credential
from wizard.systems.argocd import steps as by_argocd
from wizard.systems.argocd.application import application_names
from wizard.systems.helm import steps as by_helm
from wizard.systems.target import DataKind, Target
from wizard.systems.vault import steps as by_vault
from wizard.systems.vault.paths import list_vault_settings
from wizard.systems.vault.session import VaultLogin
from wizard.workspace.store_paths import build_store_paths

pytestmark = pytest.mark.integration

PLACES = ("mine", "reports", "hers", "charted")
PIECES: tuple[Any, ...] = ("payload", "volumes", "namespace")


class KilledError(BaseException):
    """The run ends here, as by SIGKILL."""


class Files:
    """The last step, without a repository's files."""

    terminal = False

    def build_step(self, require_gone: Any) -> Step:
        async def check() -> StepStatus:
            require_gone()
            return StepStatus("holds")

        return Step("destroy.files", "", "me", "", check, is_final=True)


@dataclass
class Street:
    """The systems, and the installations as they were applied."""

    server: Server
    vault: Vault
    folder: Path
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:6])
    made: dict[str, Any] = field(default_factory=dict)
    gone: set[str] = field(default_factory=lambda: set(PLACES))

    def settle(self) -> None:
        """Apply all that are missing, as `apply` and the operators do."""
        for namespace in ("argocd", "team-b", *PLACES[:3]):
            self.apply("v1", "Namespace", f"{namespace}-{self.id}", "")
        for namespace in ("argocd", "team-b"):
            path = f"/api/v1/namespaces/{namespace}-{self.id}/configmaps"
            listed = self.server.request("GET", path)["items"]
            if not any(one["metadata"]["name"] == LIST for one in listed):
                data = {"ssh_known_hosts": "# Argo CD's\n"}
                self.apply("v1", "ConfigMap", LIST, namespace, data=data)
        # Applications outside Argo CD's own namespace are followed too.
        wide = {"application.namespaces": "*"}
        self.apply("v1", "ConfigMap", "argocd-cmd-params-cm", "argocd", data=wide)
        hers = {"secrets.vault.path": "hers/config"}
        # Other tests' mounts stand in this Vault too: no payload may seem to be moved there.
        source = f"github.com/hers/airflow-{self.id}"
        our_url = f"ssh://git@github.com/acme/k8s-infra-{self.id}.git"
        her_url = f"ssh://git@{source}.git"
        kinds = {
            "mine": ("airflow", "argocd", our_url, {"delivery.argocd.credential": "store"}),
            "reports": ("reports", "argocd", our_url, {}),
            "hers": ("airflow", "team-b", her_url, hers),
            "charted": ("charted", "", her_url, {
                "delivery.kind": "helm", "repository.source": source,
            }),
        }  # fmt: skip
        for place in PLACES:
            if place in self.gone:
                self.add(place, *kinds[place])
        self.gone.clear()

    def add(self, place: str, name: str, argo: str, url: str, changes: dict[str, Any]) -> None:
        keys: dict[str, object] = {
            "installation.name": name,
            "installation.namespace": f"{place}-{self.id}",
            "installation.release": "airflow",
            "delivery.argocd.namespace": f"{argo or 'argocd'}-{self.id}",
            "delivery.argocd.project": name,
            "delivery.argocd.repo_url": url,
            "secrets.vault.mount": f"shared-{self.id}",
            "secrets.vault.auth_mount": f"kubernetes-{self.id}",
            "secrets.vault.role": f"{place}-{self.id}",
            **changes,
        }
        made, given = rendering("production", keys), answers("production", keys)
        git = GitFolder.init(self.folder / f"{place}-{uuid.uuid4().hex[:6]}")
        git.commit({file.path: file.text for file in made.tree.values()})
        target = Target(
            given, made.release, git.repo, "", {f.logical: f.data for f in made.tree.values()},
            access=VaultAccess(
                VaultAddress(self.vault.url, self.vault.ca.read_text()),
                Token(SecretStr(self.vault.token), "a test"),
            ),
            kube=open_kube(patience=2), argocd=open_kube(patience=2),
            helm=None if argo else open_helm(), chart=None if argo else CHART,
            known_identities=self.identities,
        )  # fmt: skip
        self.made[place] = SimpleNamespace(target=target, rendering=made, answers=given)
        if argo:
            self._deliver(place, target, argo)
        else:
            self._install(target)
        for claim in ("logs-airflow-worker-0", "redis-db-airflow-redis-0"):
            # As `destroy` marks them while their StatefulSets exist, which nothing makes here.
            labels = {"release": "airflow", "tier": "airflow"}
            notes = {OWNER_ANNOTATION: target.release.owner_id}
            spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
            self.apply(
                "v1",
                "PersistentVolumeClaim",
                claim,
                place,
                labels=labels,
                annotations=notes,
                spec=spec,
            )
        self._fill(place, target)

    def _install(self, target: Target) -> None:
        """As `apply` does with Helm."""
        steps = (*by_helm.build_manifest_steps(target), by_helm.build_chart_step(target))
        found = told(steps)
        assert {event.state for event in found.values()} <= {"changed", "holds"}, found

    def _deliver(self, place: str, target: Target, argo: str) -> None:
        kube = target.kube
        assert kube is not None
        beside = [
            *by_argocd.guard_manifests(target), *by_argocd.project_manifests(target),
            *by_argocd.application_manifests(target),
        ]  # fmt: skip
        if store_credential.has_store_credential(target):
            beside += store_credential.credential_manifests(target)
        for one in beside:
            kube.apply(one.manifest())
        found = told(known_hosts.build_known_hosts_steps(target))
        assert {event.state for event in found.values()} <= {"changed", "holds"}, found
        operators = Operators(self.server, f"{place}-{self.id}", f"{argo}-{self.id}")
        name = application_names(target)[-1]
        mark = name if argo == "argocd" else f"{argo}-{self.id}_{name}"
        operators.sync(target.files_under("secrets/"), mark)

    def _fill(self, place: str, target: Target) -> None:
        found = told(by_vault.build_vault_steps(target))
        assert {event.state for event in found.values()} <= {"changed", "holds"}, found
        session = VaultLogin(target)
        for path in build_store_paths(target.answers, self.made[place].rendering):
            keys = {fact.key: "x" for fact in path.facts}
            store = OpenVault(session.vault, target.release.owner_id).payload_store(path.store)
            if store.read() is None:
                store.write(keys, 0)

    def apply(self, api: str, kind: str, name: str, place: str, **more: Any) -> None:
        about: dict[str, Any] = {
            key: more.pop(key) for key in ("labels", "annotations") if key in more
        }
        about["name"] = name
        if place:
            about["namespace"] = f"{place}-{self.id}"
        open_kube(patience=2).apply({"apiVersion": api, "kind": kind, "metadata": about, **more})

    @property
    def identities(self) -> dict[str, str]:
        """What an earlier run recorded."""
        health: Any = self.vault.request("GET", "sys/health")
        uid = open_kube(patience=2).cluster().uid
        return {CLUSTER_UID: uid, VAULT_CLUSTER_ID: health["cluster_id"]}

    def remove(
        self, place: str, way: str, pieces: Collection[DataKind], **changes: Any
    ) -> dict[str, StepEvent]:
        """Remove one installation, by `--undo` or by `destroy`; a new run each time."""
        self.gone.add(place)
        found = self._run(place, way, pieces, changes)
        asked = found["destroy.namespace"].fix.text if "destroy.namespace" in found else ""
        seal = re.search("--take-over destroy.namespace@([0-9a-f]{12})", asked)
        if seal is None:
            return found
        return self._run(place, way, pieces, {**changes, "agreed": {"destroy.namespace": seal[1]}})

    def _run(
        self, place: str, way: str, pieces: Collection[DataKind], changes: dict[str, Any]
    ) -> dict[str, StepEvent]:
        one = self.made[place]
        target = replace(one.target, verdicts={}, observed={}, **changes)
        if way == "undo":
            return told(build_undo_steps(target))
        found: Any = SimpleNamespace(proposal=one)
        files: Any = Files()
        return told(build_destroy_steps(target, found, pieces, files))

    def dump(self) -> dict[str, Any]:
        """Every object of the cluster and of Vault, by its place."""
        return {**self._dump_cluster(), **self._dump_vault()}

    def _dump_cluster(self) -> dict[str, Any]:
        kube = open_kube(patience=2)
        kinds = set(kube.list_namespaced_kinds()) | {
            ("v1", "Namespace"),
            ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
            ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"),
            ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
            ("external-secrets.io/v1", "ClusterSecretStore"),
        }
        found = {}
        for api, kind in sorted(kinds):
            if kind in {"Event", "Lease"}:
                continue
            for one in kube.find(api, kind):
                about = one["metadata"]
                where = str(about.get("namespace") or about["name"])
                # Other tests run on this server at the same time.
                if self.id in where:
                    found[f"{kind} {where}/{about['name']}"] = one
        return found

    def _dump_vault(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for listing in ("sys/auth", "sys/mounts"):
            for mount, entry in self.stored(listing).items():
                if self.id in mount:
                    found[f"{listing}/{mount}"] = entry
        auth, mount = f"auth/kubernetes-{self.id}", f"shared-{self.id}"
        found[f"{auth}/config"] = self.stored(f"{auth}/config")
        for path in (f"{auth}/role", "sys/policies/acl", f"{mount}/metadata/"):
            for name in self._walk(path):
                if self.id in name:
                    found[name] = self.stored(name)
        return found

    def _walk(self, path: str) -> Iterator[str]:
        listed = self.stored(f"{path.rstrip('/')}?list=true")
        for name in listed["keys"] if isinstance(listed, dict) else ():
            place = f"{path.rstrip('/')}/{name}"
            if name.endswith("/"):
                yield from self._walk(place)
            else:
                yield place

    def stored(self, path: str) -> Any:
        try:
            return self.vault.request("GET", path)["data"]
        except RefusedError as error:
            return error.status

    def belongs(self, place: str, name: str) -> bool:
        """Whether something in the dump is of this installation, by the names it was given."""
        own = self.made[place].target
        vault = [
            one
            for store in list_vault_settings(own.answers, own.release)
            for one in (f"/role/{store.role}", f"/acl/{store.policy}", f"/metadata/{store.path}")
        ]
        if name.partition(" ")[2].startswith(f"{place}-{self.id}") or any(
            name.endswith(one) for one in vault
        ):
            return True
        if not own.release.gitops:
            return False
        argo = argocd_answers(own.answers.delivery).namespace
        title = application_names(own)[-1]
        return (
            name.partition(" ")[2] in {f"{argo}/{title}", f"{argo}/{title}-repository"}
            or name == f"ConfigMap {argo}/{LIST}"
        )


@pytest.fixture(scope="module")
def neighbours(
    kube_with_crds: Server, vault: Vault, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Street]:
    folder = tmp_path_factory.mktemp("neighbours")
    written(folder / "admin", cluster(kube_with_crds), {"token": kube_with_crds.token})
    with TokenController(kube_with_crds, REVIEWER):
        yield Street(kube_with_crds, vault, folder)


@pytest.fixture
def street(neighbours: Street, helm: Path, monkeypatch: pytest.MonkeyPatch) -> Street:
    """All of them as they were applied; what an earlier test removed is applied again."""
    monkeypatch.setenv("KUBECONFIG", str(neighbours.folder / "admin"))
    monkeypatch.setenv("PATH", f"{helm.parent}{os.pathsep}{os.environ['PATH']}")
    neighbours.settle()
    return neighbours


@contextmanager
def departing(street: Street, place: str) -> Iterator[None]:
    """The controllers of one installation, at work while it goes."""
    own = street.made[place].target
    argo = argocd_answers(own.answers.delivery).namespace
    with Departing(Operators(street.server, own.release.namespace, argo), own.release.installation):
        yield


def require_others_unchanged(street: Street, place: str, before: Any, found: Any) -> set[str]:
    """Nothing of the others changed; what is gone."""
    after = street.dump()
    others = {name: one for name, one in before.items() if not street.belongs(place, name)}
    assert len(others) > 60, sorted(before)
    assert sorted(name for name, one in others.items() if after.get(name) != one) == [], found
    assert set(after) <= set(before)
    return {name for name in before if name not in after}


WAYS: list[tuple[str, tuple[Any, ...]]] = [
    ("undo", ()), ("destroy", ()), *(("destroy", (one,)) for one in PIECES), ("destroy", PIECES),
]  # fmt: skip
CASES = [
    *((place, *one) for place in ("mine", "hers") for one in WAYS),
    ("charted", "undo", ()), ("charted", "destroy", ("volumes",)), ("charted", *WAYS[-1]),
]  # fmt: skip


@pytest.mark.parametrize(("place", "way", "pieces"), CASES)
def test_one_goes_and_nothing_of_the_others(
    street: Street, place: str, way: str, pieces: tuple[Any, ...]
) -> None:
    before = street.dump()
    own = street.made[place].target
    argo = argocd_answers(own.answers.delivery).namespace
    if way == "undo" or pieces == PIECES:
        # As on a machine that remembers nothing.
        found = street.remove(place, way, pieces, known_identities={})
        assert [found[name].state for name in ("cluster.identity", "vault.identity")] == [
            "blocked", "blocked",
        ]  # fmt: skip
        # The clone is compared with its remote alone.
        clone = {found.pop(name).state for name in list(found) if name.startswith("repository.")}
        assert clone == {"holds"}
        assert {one.state for one in found.values()} == {"blocked", "left"}
        assert street.dump() == before
    with departing(street, place):
        found = street.remove(place, way, pieces)
    gone = require_others_unchanged(street, place, before, found)
    # Something went at all: this is no test of a program that refuses everything.
    space = f"Namespace {place}-{street.id}/{place}-{street.id}"
    assert (space in gone) == (pieces == PIECES), found
    if place == "charted":
        assert any(name.startswith(f"Deployment {place}-") for name in gone), found
    else:
        assert f"Application {argo}/airflow" in gone, found
    if place != "mine":
        assert f"sys/policies/acl/{place}-{street.id}-read" in gone, found
        return
    # The other installation of this repository reads it with the same credential and host keys.
    after, hosts = street.dump(), f"ConfigMap {argo}/{LIST}"
    assert after[hosts]["data"] == before[hosts]["data"]
    assert found["remove.credential"].state == "blocked"
    for name in ("role", "policy"):
        assert found[f"remove.vault-argocd-{name}"].state == "blocked", found
    assert any("argocd" in name and "/metadata/" in name for name in after), sorted(after)


# Those of steps, and of their requests; the controllers beside them have others.
OWN_THREADS = {"probe", "request"}


@contextmanager
def killed_after(count: int, *, unseen: bool) -> Iterator[None]:
    """End the run at this write of its own, before or after it sees the answer."""
    begin, answer = http.client.HTTPConnection.putrequest, http.client.HTTPConnection.getresponse
    lines, done = dict[int, str](), 0

    def begun(self: Any, method: str, url: str, *args: Any, **options: Any) -> None:
        if threading.current_thread().name in OWN_THREADS:
            if done >= count:
                raise KilledError
            lines[id(self)] = f"{method} {url}"
        begin(self, method, url, *args, **options)

    def ended(self: Any) -> Any:
        nonlocal done
        is_own = threading.current_thread().name in OWN_THREADS
        done += bool(is_own and writes([lines.get(id(self), "GET ")]))
        response = answer(self)
        if is_own and done >= count and unseen:
            raise KilledError
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http.client.HTTPConnection, "putrequest", begun)
        patch.setattr(http.client.HTTPConnection, "getresponse", ended)
        yield


AT_EVERY_WRITE = bool(os.environ.get("WIZARD_EVERY_WRITE"))
KILLED = [("mine", *WAYS[-1]), ("charted", *WAYS[-1])]


# A dozen runs, each of which reads everything: two minutes where the machine is busy.
@pytest.mark.timeout(1200 if AT_EVERY_WRITE else 400)
@pytest.mark.parametrize(("place", "way", "pieces"), CASES if AT_EVERY_WRITE else KILLED)
def test_killed_after_its_writes_it_ends_and_nothing_of_the_others(
    street: Street, place: str, way: str, pieces: tuple[Any, ...]
) -> None:
    """Every run is a new one, with no memory of those before it."""
    every = 1 if AT_EVERY_WRITE else 5
    before, kills, found = street.dump(), 0, {}
    with departing(street, place):
        while True:
            try:
                with killed_after(every, unseen=bool(kills % 2)):
                    found = street.remove(place, way, pieces)
            except KilledError:
                kills += 1
                assert kills < 90
                if every == 1:
                    require_others_unchanged(street, place, before, kills)
                continue
            break
    assert kills > (5 if AT_EVERY_WRITE else 2)
    gone = require_others_unchanged(street, place, before, found)
    space = f"Namespace {place}-{street.id}/{place}-{street.id}"
    assert (space in gone) == (pieces == PIECES), found
