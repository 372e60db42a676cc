"""What is removed from a real API server, what is left there and why, and how a hang is told."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Wizard, answers_file, aw, local
from tests.support.cluster.argocd import GITHUB, LIST, World, told
from tests.support.cluster.controllers.departing import CLEANUP, PROTECTION
from tests.support.cluster.helm import HelmWorld
from tests.support.cluster.installation import (
    APPLICATION,
    ARGO,
    CLAIMS,
    SPACE,
    STORES,
    apply_and_sync,
    claim,
    claim_from_set,
    ended,
    exists,
    look,
    marked,
    own_namespace,
    patched,
    put,
)
from tests.support.cluster.kubeconfigs import account, rule
from tests.support.process import WIZARD
from tests.testbed.kube import Kube as Server
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.destroy import steps
from wizard.engine.steps import Step
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.systems.argocd import application_removal, cascade, store_credential
from wizard.systems.argocd import removal as argocd
from wizard.systems.argocd import steps as by_argocd
from wizard.systems.argocd.application_removal import FINALIZER
from wizard.systems.argocd.tracking import TRACKING
from wizard.systems.helm import removal
from wizard.systems.helm import steps as by_helm
from wizard.systems.release import delivered_objects, protection, volumes
from wizard.systems.release.inhabitants import NamespaceContents
from wizard.systems.release.namespace_removal import build_namespace_removal
from wizard.systems.target import Target

__all__ = ["aw", "local"]

pytestmark = pytest.mark.integration

PIECES: Any = ("volumes", "namespace")
MANAGED = "app.kubernetes.io/managed-by"


@pytest.fixture(autouse=True)
def applied(world: World) -> None:
    """The installation is applied; its folder of Secrets is as Argo CD would sync it."""
    apply_and_sync(world)


def test_an_undo_leaves_applications_that_are_not_its_own_any_more(world: World) -> None:
    target = world.target()
    marked(world, APPLICATION, finalizers=[FINALIZER])
    done = ended(application_removal.build_application_undo(target))
    assert (done.state, FINALIZER in done.detail) == ("blocked", True)
    assert "airflow-wizard destroy" in done.fix.text
    marked(world, APPLICATION, finalizers=[], annotations={TRACKING: "root:argoproj.io/x:y/z"})
    done = ended(application_removal.build_application_undo(target))
    assert "delivered by Application root" in done.detail
    source = world.read(APPLICATION)["metadata"]["annotations"][OWNER_ANNOTATION]
    gone = {TRACKING: None, OWNER_ANNOTATION: None}
    marked(world, APPLICATION, annotations=gone, labels={MANAGED: "Helm"})
    done = ended(application_removal.build_application_undo(target))
    assert "does not have the wizard's label" in done.detail
    back = {OWNER_ANNOTATION: source}
    marked(world, APPLICATION, annotations=back, labels={MANAGED: "airflow-wizard"})
    patched(world, APPLICATION, {"spec": {"syncPolicy": {"automated": None}}})
    done = ended(application_removal.build_application_undo(target))
    assert (done.state, "automated" in done.diff) == ("blocked", True)
    assert exists(world, APPLICATION)
    other = world.target(**{"delivery.argocd.repo_url": "ssh://git@github.com/acme/other.git"})
    done = ended(cascade.build_pause_step(other))
    whose = "belongs to installation airflow of github.com/acme/k8s-infra"
    assert (done.state, whose in done.detail) == ("blocked", True)
    for one in argocd.build_argocd_removal(other, exact=False)[::2]:
        done = ended(one)
        assert (done.state, whose in done.detail) == ("blocked", True)
    # One that a version without such marks made.
    marked(world, APPLICATION, annotations={OWNER_ANNOTATION: None})
    done = ended(cascade.build_pause_step(other))
    assert (done.state, GITHUB in done.detail) == ("blocked", True)


def test_an_installation_may_be_named_like_a_parent(world: World) -> None:
    names = {
        "installation.name": "data-parent", "installation.release": "data",
        "delivery.argocd.project": "data",
    }  # fmt: skip
    target = world.target(**names)
    assert ended(*by_argocd.build_argocd_steps(target)[-2:]).state == "changed"
    path = f"{ARGO}/applications/data-parent"
    marked(world, path, finalizers=[FINALIZER])
    assert ended(cascade.build_pause_step(target)).state == "changed"
    assert "automated" not in world.read(path)["spec"]["syncPolicy"]
    assert FINALIZER in world.read(path)["metadata"]["finalizers"]
    assert cascade.build_cascade_step(target).title.startswith(
        "Remove Application data-parent with"
    )


def test_what_others_use_stays_for_them(world: World) -> None:
    target = world.target()
    spec = {
        "project": argocd_answers(target.answers.delivery).project,
        "source": {"repoURL": "git@github.com:hers/own.git", "path": "."},
        "destination": {"namespace": "hers"},
    }
    world.put("Application", "hers", api="argoproj.io/v1alpha1", spec=spec)
    project, hosts, guard = argocd.build_argocd_removal(target, exact=True)
    done = ended(project)
    assert (done.state, "Application hers" in done.detail) == ("blocked", True)
    done = ended(hosts)
    assert (done.state, "hers also reads from github.com" in done.detail) == ("kept", True)
    text = world.read(f"/api/v1/namespaces/{{argo}}/configmaps/{LIST}")["data"]["ssh_known_hosts"]
    assert "github.com ssh-ed25519" in text
    files = replace(guard, id="files", is_final=True)
    done = told([project, files])["files"]
    assert (done.state, "remove.project" in done.detail) == ("blocked", True), done
    # One that stands in another's way stops nothing that does not build on it.
    assert told([project, guard])[guard.id].state == "changed"
    gone = [line for line in world.writes if line.startswith("DELETE") and "validating" in line]
    assert ["bindings" in line for line in gone] == [True, False], world.writes
    world.server.request("DELETE", f"{ARGO}/applications/hers".format(argo=world.argo))
    assert ended(hosts).state == "changed"
    found = world.read(f"/api/v1/namespaces/{{argo}}/configmaps/{LIST}")
    assert found["data"]["ssh_known_hosts"] == "# Argo CD's own\n"
    assert not any("known-hosts" in name for name in found["metadata"].get("annotations") or {})


def test_lines_that_were_there_before_are_nobodys_to_take(
    kube_with_crds: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(kube_with_crds, tmp_path, monkeypatch)
    target = world.target()
    world.install_argo(target.answers.dags.known_hosts)
    hosts = argocd.build_argocd_removal(target, exact=True)[1]
    assert ended(hosts).state == "holds"
    assert world.writes == []


def test_a_hang_is_told_with_the_object_and_its_finalizer(world: World) -> None:
    target = world.target()
    secrets = "/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets"
    name = delivered_objects.external_secret_refs(target)[0].name
    marked(world, f"{secrets}/{name}", finalizers=[CLEANUP])
    done = ended(delivered_objects.build_secrets_removal(target))
    assert done.state == "failed"
    assert f"ExternalSecret {world.namespace}/{name}" in done.detail
    assert CLEANUP in done.detail
    assert "check that External Secrets runs" in done.fix.text
    # What is on its way already is not asked for again.
    before = len(world.writes)
    assert ended(delivered_objects.build_secrets_removal(target)).state == "failed"
    assert len(world.writes) == before
    marked(world, f"{secrets}/{name}", finalizers=[])

    error = {"type": "DeletionError", "message": "no route to host"}
    patched(world, APPLICATION, {"status": {"conditions": [error]}})
    done = ended(cascade.build_pause_step(target), cascade.build_cascade_step(target))
    assert (done.state, FINALIZER in done.detail) == ("failed", True)
    assert "no route to host" in done.detail
    assert "application controller" in done.fix.text
    marked(world, APPLICATION, finalizers=[])

    own_namespace(world, target)
    claim(world, "logs", finalizers=[PROTECTION])
    world.server.request("DELETE", CLAIMS.format(namespace=world.namespace) + "/logs")
    for action in (
        volumes.build_volumes_removal(target, ["volumes"]),
        build_namespace_removal(target, PIECES),
    ):
        done = ended(action)
        assert done.state == "failed", done
        assert ("logs" in done.detail, PROTECTION in done.detail) == (True, True), done
    assert "terminating" in done.detail


def test_volumes_are_kept_from_what_argo_cd_removes(world: World) -> None:
    target = world.target()
    option = "argocd.argoproj.io/sync-options"
    mark = f"airflow:/PersistentVolumeClaim:{world.namespace}/logs"
    track = {TRACKING: mark, option: "Prune=false"}
    claim(world, "logs", annotations=track)
    assert ended(protection.build_keep_step(target, ["volumes"])).state == "holds"
    assert ended(protection.build_keep_step(target, [])).state == "changed"
    notes = world.read(f"{CLAIMS}/logs")["metadata"]["annotations"]
    assert notes[option] == "Prune=false,Delete=false"
    assert ended(protection.build_keep_step(target, [])).state == "holds"
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "w", "uid": "u"}
    claim(world, "hers", ownerReferences=[owner])
    done = ended(protection.build_keep_step(target, []))
    assert (done.state, "hers would be deleted with their owner" in done.detail) == (
        "blocked",
        True,
    )
    assert "hers" in ended(volumes.build_volumes_removal(target, [])).detail

    _, token = account(world.server, rule("get list", "applications", "argoproj.io"))
    blind: Target = world.target(token)
    done = ended(protection.build_keep_step(blind, []))
    assert (done.state, "--data volumes" in done.fix.text) == ("blocked", True)


def list_changes(steps: Iterable[Step]) -> list[Step]:
    """Those that remove something; the others check, or mark volumes."""
    return [one for one in steps if one.change is not None and one.id != "destroy.mark"]


def test_what_helm_installed_is_uninstalled_and_its_volumes_stay(
    kube_with_crds: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, helm: Path
) -> None:
    del helm
    world = HelmWorld(kube_with_crds, tmp_path, monkeypatch)
    target = world.delivered()
    made = told([*by_helm.build_manifest_steps(target), by_helm.build_chart_step(target)])
    assert {event.state for event in made.values()} <= {"changed", "holds"}, made
    claim(world, "logs", annotations={"meta.helm.sh/release-name": "airflow"})
    actions = list_changes(removal.build_helm_removal(target, None, (), exact=True))
    found = told(actions)
    assert found["remove.release"].state == "blocked"
    assert "logs would be deleted with the release" in found["remove.release"].detail
    assert {event.state for name, event in found.items() if name != "remove.release"} == {"left"}
    marked(world, f"{CLAIMS}/logs", annotations={"meta.helm.sh/release-name": None})

    # As a helm by hand leaves it, which carries the labels on.
    where = f"/api/v1/namespaces/{world.namespace}/secrets"
    one = world.read(f"{where}/sh.helm.release.v1.airflow.v1")
    name = "sh.helm.release.v1.airflow.v2"
    labels = {**one["metadata"]["labels"], "version": "2"}
    about = {"name": name, "namespace": world.namespace, "labels": labels}
    world.server.apply(json.dumps({**one, "metadata": about}))
    done = ended(actions[0])
    assert (done.state, "created by another helm" in done.detail) == ("blocked", True), done
    one = list_changes(removal.build_helm_removal(target, None, (), exact=False))[0]
    assert told([one], dry_run=True)[one.id].state == "would change"
    world.server.request("DELETE", f"{where}/{name}")

    tried = told(actions, dry_run=True)
    assert {event.state for event in tried.values()} == {"would change"}
    assert world.statuses() == ["deployed"]
    found = told(actions)
    assert {event.state for event in found.values()} == {"changed"}, found
    assert world.revisions() == []
    for path in (STORES, f"{STORES.rpartition('/')[0]}/externalsecrets"):
        assert world.read(path)["items"] == []
    assert exists(world, f"{CLAIMS}/logs")
    world.lines.clear()
    assert {event.state for event in told(actions).values()} == {"holds"}
    assert world.writes == []


def test_argo_cds_credential_goes_unless_another_reads_with_it(world: World) -> None:
    target = world.target(**{"delivery.argocd.credential": "store"})
    _, credential, *_ = argocd.build_argocd_removal(target, exact=True)
    assert credential.id == "remove.credential"
    assert ended(credential).state == "holds"
    for one in store_credential.credential_manifests(target):
        world.client().apply(one.manifest())
    source = {"repoURL": GITHUB.removesuffix(".git"), "path": "."}
    spec = {"project": "hers", "source": source, "destination": {"namespace": "hers"}}
    world.put("Application", "hers", api="argoproj.io/v1alpha1", spec=spec)
    done = ended(credential)
    assert (done.state, "Application hers" in done.detail) == ("blocked", True), done
    world.server.request("DELETE", f"{ARGO}/applications/hers".format(argo=world.argo))
    assert ended(credential).state == "changed"
    for path in (STORES, f"{STORES.rpartition('/')[0]}/externalsecrets"):
        assert world.read(path.replace("{namespace}", "{argo}"))["items"] == []


def test_what_nobody_follows_any_more_is_removed_where_argo_cd_marked_it(world: World) -> None:
    target = world.target()
    objects = delivered_objects.build_objects_removal(target)
    # Whatever still follows Git would bring it back.
    assert ended(objects).state == "blocked"
    assert ended(application_removal.build_application_undo(target)).state == "changed"
    world.operators.workload("Deployment", "airflow-scheduler", ready=True)
    world.operators.workload("Deployment", "hers", ready=True)
    where = "/apis/apps/v1/namespaces/{namespace}/deployments"
    mark = f"airflow:apps/Deployment:{world.namespace}/airflow-scheduler"
    marked(world, f"{where}/airflow-scheduler", annotations={TRACKING: mark})
    done = ended(objects)
    assert (done.state, "Deployment" in done.detail) == ("changed", True)
    assert [one["metadata"]["name"] for one in world.read(where)["items"]] == ["hers"]
    assert world.read(STORES)["items"] == []
    # The cluster deletes a claim with its owner.
    world.operators.workload("StatefulSet", "airflow-worker", ready=True)
    sets = "/apis/apps/v1/namespaces/{namespace}/statefulsets"
    mark = f"airflow:apps/StatefulSet:{world.namespace}/airflow-worker"
    marked(world, f"{sets}/airflow-worker", annotations={TRACKING: mark})
    uid = world.read(f"{sets}/airflow-worker")["metadata"]["uid"]
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "airflow-worker", "uid": uid}
    claim(world, "owned", labels={}, ownerReferences=[owner])
    done = ended(objects)
    assert (done.state, "owned would be deleted" in done.detail) == ("blocked", True), done
    assert exists(world, f"{sets}/airflow-worker")
    done = ended(delivered_objects.build_objects_removal(target, ["volumes"]))
    assert done.state == "changed", done
    # What stands where ours would, and says that it is of another repository.
    world.operators.sync(target.files_under("secrets/"))
    marked(
        world,
        f"{STORES}/vault-airflow",
        annotations={OWNER_ANNOTATION: "git.example.com/hers#airflow"},
    )
    done = ended(objects)
    whose = "belongs to installation airflow of git.example.com/hers; not deleted"
    assert (done.state, whose in done.detail) == ("changed", True), done
    done = ended(objects)
    assert (done.state, whose in done.detail) == ("kept", True), done
    assert [one["metadata"]["name"] for one in world.read(STORES)["items"]] == ["vault-airflow"]
    world.server.request("DELETE", f"{STORES}/vault-airflow".format(namespace=world.namespace))

    require_others_keep_the_namespace(world, target)


SLICE: Any = {"addressType": "IPv4", "endpoints": []}


def require_others_keep_the_namespace(world: World, target: Target) -> None:
    """Whatever the wizard does not know is another's: custom resources, and what those own."""
    # The workload has gone; the cluster has not yet collected what it owned.
    gone = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x", "uid": "gone"}
    put(world, "Secret", "left-behind", "v1", gone)
    world.server.request("DELETE", f"/apis/apps/v1/namespaces/{world.namespace}/deployments/hers")
    claim_from_set(world, "logs-airflow-worker-0")
    uid = world.read(SPACE)["metadata"]["uid"]
    own = put(world, "Service", "airflow", "v1", spec={"ports": [{"port": 1}]})
    mark = {TRACKING: f"airflow:/Service:{world.namespace}/airflow"}
    marked(world, "/api/v1/namespaces/{namespace}/services/airflow", annotations=mark)
    put(world, "Endpoints", "airflow", "v1")
    put(world, "EndpointSlice", "airflow-x", "discovery.k8s.io/v1", own, **SLICE)
    # Whoever created the namespace may want it although it is empty. Argo CD also writes our source
    # onto one that existed before, so only the wizard's own mark shows that we created it.
    source = {OWNER_ANNOTATION: target.release.owner_id}
    seal = ""
    for manager in ("kubectl-edit", "argocd-controller"):
        looked = look(build_namespace_removal(target, PIECES))
        assert (looked.state, looked.diff) == (
            "blocked", f"Namespace {world.namespace} {uid}",
        ), looked  # fmt: skip
        seal = looked.fix.text.partition("--take-over destroy.namespace@")[2]
        patched(world, SPACE, {"metadata": {"annotations": source}}, manager=manager)
    agreed = replace(target, agreed={"destroy.namespace": seal})
    assert look(build_namespace_removal(agreed, PIECES)).state == "wanted"
    own_namespace(world, target)
    looked = look(build_namespace_removal(target, PIECES))
    assert looked.state == "wanted", looked
    looked = look(build_namespace_removal(target, ["namespace"]))
    assert (looked.state, "PersistentVolumeClaim logs" in looked.detail) == ("blocked", True)

    store = {"secretStoreRef": {"name": "hers"}, "target": {"name": "hers"}}
    hers = put(world, "ExternalSecret", "hers", "external-secrets.io/v1", spec=store)
    put(world, "Secret", "of-hers", "v1", hers)
    claim(world, "of-hers", labels={"release": "hers"}, ownerReferences=[hers])
    node = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "n"}
    put(world, "ConfigMap", "of-node", "v1", node)
    done = ended(build_namespace_removal(target, PIECES))
    assert done.state == "blocked", done
    assert "ExternalSecret hers" in done.detail
    assert target.kube is not None
    found = {
        f"{one.kind} {one.name}" for one in NamespaceContents(target.kube, target).list_foreign()
    }
    owned = {"Secret of-hers", "PersistentVolumeClaim of-hers", "ConfigMap of-node"}
    assert found == {"ExternalSecret hers", *owned}
    _, token = account(world.server, rule("get list", "namespaces"), rule("list", "configmaps"))
    done = ended(build_namespace_removal(world.target(token), PIECES))
    assert (done.state, "list" in done.detail) == ("blocked", True), done
    assert exists(world, "/api/v1/namespaces/{namespace}")


def test_another_cluster_than_the_recorded_one_is_left_alone(world: World) -> None:
    target = world.target(**{"cluster.uid": "another"})
    world.lines.clear()
    found = told(steps.build_undo_steps(target, "delivery"))
    assert found.pop("cluster.identity").state == "blocked"
    assert found.pop("repository.identity").state == "holds"
    first = found.pop("argocd.cluster")
    assert first.state == "blocked"
    assert "not started, because it depends on blocked steps: cluster.identity" in first.detail
    assert {event.state for event in found.values()} == {"left"}
    assert world.writes == []


def test_the_name_has_to_be_given(aw: Wizard, tmp_path: Path, pty_run: Any, world: World) -> None:
    assert aw("destroy", "--yes").code == 64
    aw.ok("commit", "--yes", "--answers", str(answers_file(tmp_path / "answers.yaml", {})))
    state = aw.git.state()
    for words, says in (
        (["--yes"], "--confirm airflow --yes"),
        (["--yes", "--confirm", "other"], "--confirm does not name the chosen"),
        (["--confirm", "airflow"], "needs a terminal"),
        (["--confirm", "airflow", "--json"], "needs a terminal"),
        (["--yes", "--confirm", "airflow", "--branch", "a..b"], "is not a branch name"),
        (["--yes", "--confirm", "airflow", "--preset", "local"], "cannot be used with --preset"),
        (
            ["--yes", "--confirm", "airflow", "--installation", "other"],
            "no installation of that name",
        ),
    ):
        done = aw("destroy", *words)
        assert (done.code, says in done.err) == (64, True), done
    assert aw("apply", "--undo", "plan.json").code == 64
    world.client()
    world.lines.clear()
    terminal = pty_run([*WIZARD, "destroy"], cwd=aw.folder)
    terminal.wait_for("name to destroy it:")
    terminal.send("airflw\r")
    assert terminal.wait() == 64
    assert "nothing was removed" in terminal.text
    assert "data not deleted (name it with --data): payload" in terminal.text
    assert aw.git.state() == state

    aw.git.put("apps/airflow/airflow-values.yaml", "executor: hers\n")
    done = aw("destroy", "--yes", "--confirm", "airflow")
    assert (done.code, "airflow-values.yaml" in done.err) == (5, True), done
    assert world.writes == []


def test_a_file_of_others_stops_no_removal(aw: Wizard, tmp_path: Path, world: World) -> None:
    """Checks read what others put beside ours once a hand edit is kept."""
    aw.ok("commit", "--yes", "--answers", str(answers_file(tmp_path / "answers.yaml", {})))
    values = (aw.folder / "apps/airflow/airflow-values.yaml").read_text()
    destination = {"server": "https://kubernetes.default.svc", "namespace": "airflow"}
    source = {"repoURL": "https://airflow.apache.org", "chart": "airflow", "targetRevision": "1"}
    spec = {"project": "default", "destination": destination, "source": source}
    rival = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
             "metadata": {"name": "hers"}, "spec": spec}  # fmt: skip
    kept = {"apps/airflow/airflow-values.yaml": f"{values}# kept\n"}
    aw.git.commit({**kept, "hers/application.yaml": json.dumps(rival)})
    world.client()
    assert aw("apply", "--dry-run").code == 4
    for words in (["apply", "--undo"], ["destroy"]):
        done = aw(*words, "--dry-run")
        assert done.code != 4, done
        assert "may bring it back: hers/application.yaml (applies this" in done.err, done
    # What is wrong with a file of ours is still told first.
    aw.git.commit({"apps/airflow/airflow-values.yaml": f"{values}nonsense: true\n"})
    assert aw("destroy", "--dry-run").code == 4


def test_a_laptop_is_taken_down_by_its_runbook(local: Wizard) -> None:
    for words in (("apply", "--undo"), ("destroy", "--confirm", "airflow")):
        done = local(*words, "--yes")
        assert (done.code, "docs/airflow/RUNBOOK.md" in done.err) == (4, True), done


def test_nobody_is_told_to_disable_what_may_be_others(world: World) -> None:
    """Without a login to Vault nothing says whose mounts they are, or what lies in them."""
    uid = world.read("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    found = told(steps.build_undo_steps(world.target(**{"cluster.uid": uid}), "store"))
    assert found["remove.vault-mount"].state == "unknown"
    says = "vault kv list secret/; and only if it is empty: vault secrets disable secret"
    assert says in found["remove.vault-mount"].fix.text
    others = [one for name, one in found.items() if name != "remove.vault-mount"]
    assert not any("secrets disable" in f"{one.fix.text}{one.detail}" for one in others)
    assert "secrets disable" not in found["remove.vault-mount"].detail
    assert "vault list auth/kubernetes/role; and only if" in found["remove.vault-auth"].fix.text
    assert "vault delete auth/kubernetes/role/" in found["remove.vault-role"].fix.text
