"""Whose is it, on a real API server: another's never goes, and what is unknown needs a yes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.argocd.test_steps import policy, until
from tests.support.cluster.argocd import World, told
from tests.support.cluster.helm import HelmWorld, chart_with
from tests.support.cluster.installation import (
    APPLICATION,
    CLAIMS,
    STORES,
    apply_and_sync,
    claim,
    claim_from_set,
    ended,
    exists,
    look,
    marked,
    patched,
    put,
)
from tests.testbed.kube import Kube as Server
from tests.testbed.kube import RejectedError
from wizard.clients.kube.protocol import Ref
from wizard.engine.steps import Step, StepEvent
from wizard.errors import ConflictError
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.ownership import OWNER_ANNOTATION, source_manager
from wizard.systems.argocd import application_removal, cascade
from wizard.systems.argocd import removal as argocd
from wizard.systems.argocd import steps as by_argocd
from wizard.systems.argocd.tracking import INSTALLATION, TRACKING
from wizard.systems.helm import removal as by_helm
from wizard.systems.helm import steps as helm_steps
from wizard.systems.release import delivered_objects, protection, volumes
from wizard.systems.release.inhabitants import NamespaceContents
from wizard.systems.release.namespace_removal import build_namespace_removal
from wizard.systems.target import Target

pytestmark = pytest.mark.integration

HERS = "git.example.com/hers/airflow#airflow"
HER_URL = "ssh://git@git.example.com/hers/airflow.git"
CLAIM = "PersistentVolumeClaim"
SECRETS = "/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets"
SECRET = "/api/v1/namespaces/{namespace}/secrets"
KNOWN = "/api/v1/namespaces/{argo}/configmaps/argocd-ssh-known-hosts-cm"


@pytest.fixture
def applied(world: World) -> Target:
    """The installation is applied and synced; how Argo CD marks it."""
    return apply_and_sync(world)


def seal(event: StepEvent) -> str:
    found = re.search(rf"--take-over {re.escape(event.id)}@([0-9a-f]{{12}})", event.fix.text)
    assert found, event
    return found[1]


def dump(world: World) -> dict[str, Any]:
    """Every object of both namespaces, by its place."""
    found = {}
    for namespace in (world.namespace, world.argo):
        for api, kind in world.client().list_namespaced_kinds():
            if kind in {"Event", "Lease"}:
                continue
            for one in world.client().find(api, kind, namespace):
                found[f"{api}/{kind} {namespace}/{one['metadata']['name']}"] = one
    return found


def test_an_application_of_the_same_name_elsewhere_delivers_for_others(
    world: World, applied: Target
) -> None:
    """`team-b_airflow` is the Application airflow of namespace team-b, not ours."""
    mark = f"team-b_airflow:/PersistentVolumeClaim:{world.namespace}/logs-airflow-worker-0"
    claim(world, "logs-airflow-worker-0", annotations={TRACKING: mark})
    put(world, "Secret", "hers", "v1")
    marked(world, f"{SECRET}/hers", annotations={
        TRACKING: f"team-b_airflow:/Secret:{world.namespace}/hers",
    })  # fmt: skip
    put(world, "ConfigMap", "hers", "v1")
    marked(world, "/api/v1/namespaces/{namespace}/configmaps/hers", annotations={
        TRACKING: f"team-b_airflow:/ConfigMap:{world.namespace}/hers",
    })  # fmt: skip
    # Copied from one of ours: Argo CD ignores an id that names another object.
    put(world, "ConfigMap", "copied", "v1")
    marked(world, "/api/v1/namespaces/{namespace}/configmaps/copied", annotations={
        TRACKING: f"airflow:/ConfigMap:{world.namespace}/airflow-config",
    })  # fmt: skip
    # Ours is in the controller's namespace, so this one is an Application of somebody else's, and
    # so is one of a second Argo CD that deploys here.
    for name, application, notes in (
        ("mine", "airflow", {}),
        ("prefixed", f"{world.argo}_airflow", {}),
        ("second", "airflow", {INSTALLATION: "another-argo-cd"}),
    ):
        put(world, "ConfigMap", name, "v1")
        mark = f"{application}:/ConfigMap:{world.namespace}/{name}"
        marked(
            world,
            f"/api/v1/namespaces/{{namespace}}/configmaps/{name}",
            annotations={TRACKING: mark, **notes},
        )
    told([cascade.build_pause_step(applied), delivered_objects.build_secrets_removal(applied)])
    told([application_removal.build_application_undo(applied)])
    assert ended(delivered_objects.build_objects_removal(applied)).state == "changed"
    done = ended(volumes.build_volumes_removal(applied, ["volumes"]))
    assert (done.state, "delivered by Application team-b_airflow" in done.detail) == ("kept", True)
    done = ended(build_namespace_removal(applied, ("volumes", "namespace")))
    assert done.state == "blocked", done
    assert applied.kube is not None
    foreign = {ref.name for ref in NamespaceContents(applied.kube, applied).list_foreign()}
    assert foreign == {"hers", "copied", "prefixed", "second", "logs-airflow-worker-0"}
    left = {one["metadata"]["name"] for one in world.read(
        "/api/v1/namespaces/{namespace}/configmaps")["items"]}  # fmt: skip
    assert left >= {"hers", "copied", "prefixed", "second"}
    assert "mine" not in left
    assert exists(world, f"{CLAIMS}/logs-airflow-worker-0")
    assert exists(world, f"{SECRET}/hers")


def test_a_repository_that_never_applied_removes_nothing_of_another(
    world: World, applied: Target
) -> None:
    assert applied.release.owner_id
    claim(world, "logs-airflow-worker-0")
    other = world.target(**{"delivery.argocd.repo_url": HER_URL})
    before = dump(world)
    pieces: Any = ("volumes", "namespace")
    steps = [
        delivered_objects.build_secrets_removal(other),
        volumes.build_mark_step(other),
        cascade.build_pause_step(other),
        cascade.build_cascade_step(other),
        *argocd.build_argocd_removal(other, exact=False),
        volumes.build_volumes_removal(other, pieces),
        build_namespace_removal(other, pieces),
    ]
    for one in steps:
        done = ended(one)
        assert done.state in {"blocked", "kept", "holds"}, done
    secrets = ended(steps[0])
    whose = "belongs to installation airflow of github.com/acme/k8s-infra"
    assert (secrets.state, whose in secrets.detail) == ("blocked", True)
    assert "--take-over" not in secrets.fix.text
    # No yes overrides it.
    agreed = {one.id: "0" * 12 for one in steps}
    assert ended(delivered_objects.build_secrets_removal(replace(other, agreed=agreed))).state == (
        "blocked"
    )
    assert dump(world) == before
    # The same with the Application gone: the objects still say whose they are.
    assert ended(application_removal.build_application_undo(applied)).state == "changed"
    before = dump(world)
    fresh = replace(other, verdicts={})
    ended(delivered_objects.build_objects_removal(fresh))
    ended(volumes.build_volumes_removal(fresh, pieces))
    assert dump(world) == before


def test_what_does_not_say_whose_it_is_needs_a_yes_to_the_list(
    world: World, applied: Target
) -> None:
    told([application_removal.build_application_undo(applied)])
    names = [ref.name for ref in delivered_objects.external_secret_refs(applied)]
    for name in names[:2]:
        notes = {OWNER_ANNOTATION: None, TRACKING: None}
        marked(world, f"{SECRETS}/{name}", annotations=notes)
    target = replace(applied, verdicts={})
    done = ended(delivered_objects.build_secrets_removal(target))
    assert (done.state, done.detail.count("does not say which repository")) == ("blocked", 2), done
    assert all(f"ExternalSecret {world.namespace}/{name}" in done.diff for name in names[:2])
    assert len(world.read(SECRETS)["items"]) == len(names)
    agreed = {done.id: seal(done)}
    # The list is another by now: one of them was made again.
    one = world.read(f"{SECRETS}/{names[0]}")
    world.server.request("DELETE", f"{SECRETS}/{names[0]}".format(namespace=world.namespace))
    about = {key: one["metadata"][key] for key in ("name", "namespace", "labels")}
    world.server.apply(json.dumps({**one, "metadata": about, "status": {}}))
    again = ended(delivered_objects.build_secrets_removal(replace(target, agreed=agreed)))
    assert again.state == "blocked"
    # The yes is for the list as it was before the run's first change: what an earlier step of the
    # run deletes is missing later, and no other object may join it.
    agreed = {done.id: seal(again)}
    step = delivered_objects.build_secrets_removal(replace(target, agreed=agreed))
    assert look(step).state == "wanted"
    world.server.request("DELETE", f"{SECRETS}/{names[0]}".format(namespace=world.namespace))
    marked(world, f"{SECRETS}/{names[2]}", annotations={OWNER_ANNOTATION: None, TRACKING: None})
    later = ended(step)
    assert (later.state, names[2] in later.detail) == ("blocked", True), later
    marked(world, f"{SECRETS}/{names[2]}", annotations={OWNER_ANNOTATION: applied.release.owner_id})
    gone = ended(step)
    assert gone.state == "changed", gone
    assert world.read(SECRETS)["items"] == []


def test_an_undo_stops_no_sync_of_unknown_owners_without_a_yes(
    world: World, applied: Target
) -> None:
    """One yes is for stopping and for the removal: both change the same Application."""
    marked(world, APPLICATION, annotations={OWNER_ANNOTATION: None})
    target = replace(applied, verdicts={})
    before = world.read(APPLICATION)
    done = ended(cascade.build_undo_pause_step(target))
    assert (done.state, done.diff) == (
        "blocked", f"Application {world.argo}/airflow {before['metadata']['uid']}",
    ), done  # fmt: skip
    steps = [cascade.build_undo_pause_step, application_removal.build_application_undo]
    wrong = replace(target, agreed={done.id: "0" * 12}, verdicts={})
    assert told([step(wrong) for step in steps])[done.id].state == "blocked"
    assert world.read(APPLICATION) == before
    agreed = replace(target, agreed={done.id: seal(done)}, verdicts={})
    gone = told([step(agreed) for step in steps])
    assert {event.state for event in gone.values()} == {"changed"}, gone
    assert not exists(world, APPLICATION)


def test_an_undo_changes_no_application_of_another_source(world: World, applied: Target) -> None:
    step = cascade.build_undo_pause_step(applied)
    assert look(step).state == "wanted"
    marked(world, APPLICATION, annotations={OWNER_ANNOTATION: HERS})
    # The wait for the end of a sync repeats the change; somebody may have taken it over meanwhile.
    assert step.change is not None
    with pytest.raises(ConflictError, match="belongs to installation"):
        asyncio.run(step.change())  # type: ignore[arg-type]
    before = world.read(APPLICATION)
    target = replace(applied, verdicts={}, agreed={"undo.pause": "0" * 12})
    done = ended(cascade.build_undo_pause_step(target))
    assert (done.state, "--take-over" in done.fix.text) == ("blocked", False), done
    assert world.read(APPLICATION) == before


def test_an_installation_without_a_source_takes_nothing_over(world: World, applied: Target) -> None:
    """Nothing is its own then: what names a source is another's, and all else needs a yes."""
    name = "argocd/application"
    lines = applied.text(name).splitlines(keepends=True)
    text = "".join(line for line in lines if OWNER_ANNOTATION not in line)
    text = text.replace("  annotations:\nspec", "spec")
    bare = replace(
        applied,
        release=replace(applied.release, owner_id=""),
        # Only the Application: what it delivered names a source, too.
        files={name: text.encode()},
        verdicts={},
    )

    def step(**agreed: str) -> Step:
        steps = by_argocd.build_argocd_steps(replace(bare, agreed=agreed))
        return next(one for one in steps if one.id == "argocd.application")

    done = ended(step())
    assert (done.state, "belongs to installation airflow" in done.detail) == ("blocked", True), done
    assert "--take-over" not in done.fix.text
    patched(world, APPLICATION, {
        "metadata": {"annotations": {OWNER_ANNOTATION: None}},
        "spec": {"syncPolicy": {"retry": {"limit": 1}}},
    })  # fmt: skip
    before = world.read(APPLICATION)
    done = ended(step())
    assert (done.state, "does not say which repository" in done.detail) == ("blocked", True), done
    assert world.read(APPLICATION) == before
    again = ended(step(**{done.id: seal(done)}))
    assert again.state == "changed", again
    assert world.read(APPLICATION)["spec"]["syncPolicy"]["retry"]["limit"] != 1
    # Lines that it would have recorded may be those of any other such repository.
    note = f"airflow-wizard/known-hosts-{hashlib.sha256(b'').hexdigest()[:16]}"
    marked(world, KNOWN, annotations={note: "github.com ssh-ed25519 AAAA"})
    removals = argocd.build_argocd_removal(bare, exact=False)
    hosts = next(one for one in removals if one.id == "remove.known-hosts")
    assert (ended(hosts).state, "names no repository" in ended(hosts).detail) == ("kept", True)


def test_labels_make_no_volume_ours(world: World, applied: Target) -> None:
    claim(world, "hers")
    worker = claim_from_set(world, "logs-airflow-worker-0")
    owner = put(world, "ConfigMap", "her-owner", "v1")
    claim(world, "logs-airflow-worker-1", ownerReferences=[owner])
    assert ended(volumes.build_mark_step(applied)).state == "changed"
    notes = world.read(f"{CLAIMS}/logs-airflow-worker-0")["metadata"]["annotations"]
    assert notes[OWNER_ANNOTATION] == applied.release.owner_id
    # Killed after the Application had gone: another run knows no more than the objects say.
    world.server.request("DELETE", worker)
    world.server.request("DELETE", APPLICATION.format(argo=world.argo))
    fresh = replace(applied, verdicts={})
    done = ended(volumes.build_volumes_removal(fresh, ["volumes"]))
    assert f"{CLAIM} {world.namespace}/logs-airflow-worker-0 is being deleted" in done.detail
    going = {
        one["metadata"]["name"]: "deletionTimestamp" in one["metadata"]
        for one in world.read(CLAIMS)["items"]
    }
    assert going == {
        "hers": False, "logs-airflow-worker-0": True, "logs-airflow-worker-1": False,
    }  # fmt: skip


def test_a_volume_that_the_answers_call_one_of_others_stays(world: World) -> None:
    """A restore from a backup gives a claim all marks that it had as one of the chart."""
    own = {"logs.kind": "volume", "logs.existing_claim": "airflow-logs"}
    target = apply_and_sync(world, **own)
    mark = {TRACKING: f"airflow:/{CLAIM}:{world.namespace}/airflow-logs"}
    claim(world, "airflow-logs", annotations=mark)
    claim_from_set(world, "logs-airflow-triggerer-0")
    assert ended(volumes.build_mark_step(target)).state == "changed"
    assert ended(protection.build_keep_step(target, ["volumes"])).state == "changed"
    ended(volumes.build_volumes_removal(replace(target, verdicts={}), ["volumes"]))
    found = {one["metadata"]["name"]: one["metadata"] for one in world.read(CLAIMS)["items"]}
    assert "deletionTimestamp" in found["logs-airflow-triggerer-0"]
    assert "deletionTimestamp" not in found["airflow-logs"]
    # Argo CD does not delete it either.
    assert "Delete=false" in found["airflow-logs"]["annotations"].values()
    assert OWNER_ANNOTATION not in found["airflow-logs"]["annotations"]


def test_a_volume_that_others_took_over_stays(world: World, applied: Target) -> None:
    """A StatefulSet takes the claims of its name that it finds, with the mark of an earlier run."""
    sets = [claim_from_set(world, f"logs-airflow-{name}-0") for name in ("triggerer", "worker")]
    assert ended(volumes.build_mark_step(applied)).state == "changed"
    for path in sets:
        world.server.request("DELETE", path)
    world.server.request("DELETE", APPLICATION.format(argo=world.argo))
    labels = {"app": "hers"}
    container = {"name": "airflow", "image": "apache/airflow:3.2.2"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"serviceName": "hers", "selector": {"matchLabels": labels}, "template": pod}
    put(world, "StatefulSet", "airflow-triggerer", "apps/v1", spec=spec)
    fresh = replace(applied, verdicts={})
    ended(volumes.build_volumes_removal(fresh, ["volumes"]))
    going = {
        one["metadata"]["name"]: "deletionTimestamp" in one["metadata"]
        for one in world.read(CLAIMS)["items"]
    }
    assert going == {"logs-airflow-triggerer-0": False, "logs-airflow-worker-0": True}


def test_a_volume_from_before_the_installation_needs_a_yes(world: World, applied: Target) -> None:
    """A StatefulSet takes what an earlier installation of others left, with its data."""
    claim(world, "logs-airflow-worker-0")
    claim(world, "logs-airflow-worker-1")
    theirs = f"{CLAIMS}/logs-airflow-worker-1"
    marked(world, theirs, annotations={OWNER_ANNOTATION: HERS})
    # The API counts in seconds.
    time.sleep(1.1)
    sets = claim_from_set(world, "logs-airflow-worker-2")
    target = replace(applied, verdicts={})
    # Those that stay say whose they are, so that the next installation does not take them.
    assert ended(volumes.build_mark_step(target, ())).state == "changed"
    notes = {
        one["metadata"]["name"]: (one["metadata"].get("annotations") or {}).get(OWNER_ANNOTATION)
        for one in world.read(CLAIMS)["items"]
    }
    assert notes == {
        "logs-airflow-worker-0": None, "logs-airflow-worker-1": HERS,
        "logs-airflow-worker-2": target.release.owner_id,
    }  # fmt: skip
    world.server.request("DELETE", sets)
    done = ended(volumes.build_volumes_removal(target, ["volumes"]))
    assert done.state == "blocked", done
    assert "is older than StatefulSet airflow-worker" in done.detail
    # Killed by then: another run cannot see that it is older, and finds no mark.
    again = replace(target, verdicts={})
    done = ended(volumes.build_volumes_removal(again, ["volumes"]))
    assert done.state == "blocked", done
    assert "has no mark, and StatefulSet airflow-worker is gone" in done.detail
    agreed = replace(again, agreed={done.id: seal(done)})
    ended(volumes.build_volumes_removal(agreed, ["volumes"]))
    going = {
        one["metadata"]["name"]: "deletionTimestamp" in one["metadata"]
        for one in world.read(CLAIMS)["items"]
    }
    assert going == {
        "logs-airflow-worker-0": True, "logs-airflow-worker-1": False,
        "logs-airflow-worker-2": True,
    }  # fmt: skip


def test_volumes_that_may_not_be_marked_stop_only_their_own_removal(
    world: World, applied: Target
) -> None:
    claim_from_set(world, "logs-airflow-worker-0")
    name = f"no-marks-{world.namespace}"
    for made in policy(name, world.namespace, "", "persistentvolumeclaims", "UPDATE"):
        world.server.apply(json.dumps(made))

    def refused() -> bool:
        try:
            claim(world, "logs-airflow-worker-0", annotations={"time": str(time.monotonic())})
        except RejectedError:
            return True
        return False

    until(refused)
    assert ended(volumes.build_mark_step(applied)).state == "failed"
    done = ended(volumes.build_mark_step(applied, ()))
    assert done.state == "changed", done
    assert "stay unmarked: an admission rule of the cluster refuses the object" in done.detail
    about = world.read(f"{CLAIMS}/logs-airflow-worker-0")["metadata"]
    assert OWNER_ANNOTATION not in (about.get("annotations") or {})


def test_a_store_that_others_read_stays(world: World, applied: Target) -> None:
    store = {"name": "vault-airflow", "kind": "SecretStore"}
    spec = {"secretStoreRef": store, "target": {"name": "hers"}}
    put(world, "ExternalSecret", "hers", "external-secrets.io/v1", spec=spec)
    done = ended(delivered_objects.build_store_check(applied))
    assert (done.state, f"ExternalSecret {world.namespace}/hers" in done.detail) == (
        "blocked",
        True,
    ), done
    told([delivered_objects.build_secrets_removal(applied)])
    told([application_removal.build_application_undo(applied)])
    done = ended(delivered_objects.build_objects_removal(applied))
    assert (done.state, "is used by" in done.detail) == ("blocked", True), done
    assert exists(world, f"{STORES}/vault-airflow")


def test_an_external_secret_of_earlier_answers_is_told_from_those_of_others(
    world: World, applied: Target
) -> None:
    """Nobody else can be asked about what the installation itself left behind."""
    source = applied.release.owner_id
    spec = {"secretStoreRef": {"name": "vault-airflow", "kind": "SecretStore"},
            "target": {"name": "airflow-oauth-client"}}  # fmt: skip
    put(world, "ExternalSecret", "airflow-oauth-client", "external-secrets.io/v1", spec=spec)
    path = (
        "/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets/airflow-oauth-client"
    )
    note = {"metadata": {"annotations": {OWNER_ANNOTATION: source}}}
    patched(world, path, note, manager=source_manager(source))
    done = ended(delivered_objects.build_store_check(applied))
    assert done.state == "blocked", done
    assert "which earlier answers of this installation made" in done.detail
    command = f"kubectl -n {world.namespace} delete externalsecret airflow-oauth-client; then"
    assert command in done.fix.text
    put(world, "ExternalSecret", "hers", "external-secrets.io/v1", spec=spec)
    done = ended(delivered_objects.build_store_check(applied))
    assert "ask their owner" in done.fix.text


def test_argo_cd_is_told_to_overwrite_nothing_of_others(world: World) -> None:
    """It applies by name and forces every field, so the Application is not created."""
    world.install_argo()
    target = world.target()

    def applied() -> StepEvent:
        return ended(*by_argocd.build_argocd_steps(target)[-2:])

    api, client = "external-secrets.io/v1", world.client()
    made = read_mapping(target.text("secrets/store"), "store")
    hers = {**made, "metadata": {**made["metadata"], "annotations": {OWNER_ANNOTATION: HERS}}}
    world.server.apply(json.dumps(hers))
    before = world.read(f"{STORES}/vault-airflow")
    done = applied()
    assert (done.state, "vault-airflow" in done.detail) == ("blocked", True), done
    assert "git.example.com/hers/airflow" in done.detail
    assert "--take-over" not in done.fix.text
    assert not exists(world, APPLICATION)
    assert world.read(f"{STORES}/vault-airflow") == before
    # One that names no source needs a yes to exactly this object.
    client.delete(Ref(api, "SecretStore", "vault-airflow", world.namespace),
                  uid=before["metadata"]["uid"])  # fmt: skip
    put(world, "SecretStore", "vault-airflow", api, spec=made["spec"])
    done = applied()
    assert done.state == "blocked", done
    assert not exists(world, APPLICATION)
    target = replace(target, agreed={done.id: seal(done)})
    assert applied().state == "changed"
    # Once it is delivered, only another source is a conflict.
    target = replace(target, agreed={})
    assert applied().state == "holds"
    marked(world, f"{STORES}/vault-airflow", annotations={OWNER_ANNOTATION: HERS})
    assert applied().state == "blocked"


@pytest.mark.parametrize("kind", ["SecretStore", "ClusterSecretStore"])
def test_what_others_log_in_with_stays(world: World, applied: Target, kind: str) -> None:
    """Their store has our ServiceAccount; the check stops the run before anything changes."""
    name = f"hers-{world.namespace}"
    account = {"name": "airflow-external-secrets", "namespace": world.namespace}
    login = {"mountPath": "hers", "role": "hers", "serviceAccountRef": account}
    vault = {"server": "https://hers.example:8200", "auth": {"kubernetes": login}}
    about = {"name": name, **({"namespace": world.namespace} if kind == "SecretStore" else {})}
    api, client = "external-secrets.io/v1", world.client()
    spec = {"provider": {"vault": vault}}
    made = client.apply({"apiVersion": api, "kind": kind, "metadata": about, "spec": spec})
    try:
        done = ended(delivered_objects.build_store_check(applied))
        assert (done.state, f"{kind} " in done.detail) == ("blocked", True), done
        assert "ServiceAccount" in done.detail
        told([cascade.build_pause_step(applied), delivered_objects.build_secrets_removal(applied)])
        told([application_removal.build_application_undo(applied)])
        done = ended(delivered_objects.build_objects_removal(applied))
        assert (done.state, "is used by" in done.detail) == ("blocked", True), done
        assert exists(
            world, "/api/v1/namespaces/{namespace}/serviceaccounts/airflow-external-secrets"
        )
    finally:
        ref = Ref(api, kind, name, about.get("namespace", ""))
        client.delete(ref, uid=made["metadata"]["uid"])


def test_lines_of_another_repository_stay_in_the_list_of_known_hosts(
    world: World, applied: Target
) -> None:
    other = world.target(**{"delivery.argocd.repo_url": "ssh://git@github.com/hers/own.git"})
    hosts = argocd.build_argocd_removal(other, exact=False)[1]
    before = world.read(KNOWN)
    assert ended(hosts).state == "holds"
    assert world.read(KNOWN) == before
    assert "github.com ssh-ed25519" in before["data"]["ssh_known_hosts"]


def test_a_store_of_helms_that_others_read_stays(
    kube_with_crds: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, helm: Path
) -> None:
    del helm
    world = HelmWorld(kube_with_crds, tmp_path, monkeypatch)
    target = world.delivered()
    made = told(helm_steps.build_manifest_steps(target))
    assert {event.state for event in made.values()} <= {"changed", "holds"}, made
    # Another repository with the same names: it can neither take over nor remove.
    other = world.delivered({"repository.source": "git.example.com/hers/airflow"})
    before = dump(world)
    found = told(helm_steps.build_manifest_steps(other))
    refused = [event for event in found.values() if event.state == "blocked"]
    assert refused, found
    assert "belongs to installation airflow" in refused[0].detail
    assert "repository.source=git.example.com/acme/airflow" in refused[0].fix.text
    for one in by_helm.build_helm_removal(other, None, (), exact=False):
        assert told([one])[one.id].state in {"blocked", "holds"}
    assert dump(world) == before
    # The documented yes of a repository that has moved.
    moved = world.delivered({"repository.source": "git.example.com/acme/airflow"})
    assert {e.state for e in told(helm_steps.build_manifest_steps(moved)).values()} == {"holds"}

    store = {"name": "vault-airflow", "kind": "SecretStore"}
    spec = {"secretStoreRef": store, "target": {"name": "hers"}}
    put(world, "ExternalSecret", "hers", "external-secrets.io/v1", spec=spec)
    found = told(by_helm.build_helm_removal(target, None, (), exact=False))
    assert found["remove.store"].state == "blocked", found
    assert f"ExternalSecret {world.namespace}/hers" in found["remove.store"].detail
    assert exists(world, f"{STORES}/vault-airflow")


BESIDE = """
apiVersion: v1
kind: Namespace
metadata: {name: "beside-{{ .Release.Namespace }}", annotations: {helm.sh/resource-policy: keep}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: rendered}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
CONFIG = "/api/v1/namespaces/{namespace}/configmaps/airflow-config"
RENDERED_BY = "meta.helm.sh/release-name"


def test_helm_deletes_nothing_of_others_by_its_name(
    kube_with_crds: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, helm: Path
) -> None:
    """`helm uninstall` deletes the names of its stored manifest, whosever they are by now."""
    del helm
    world = HelmWorld(kube_with_crds, tmp_path, monkeypatch)
    world.chart = chart_with(tmp_path / "chart", {"templates/beside.yaml": BESIDE})
    target = world.delivered()

    def uninstall(
        pieces: Any = ("volumes",), *, dry_run: bool = False, agreed: str = ""
    ) -> StepEvent:
        steps = by_helm.build_helm_removal(
            replace(target, agreed={by_helm.UNINSTALL: agreed}, verdicts={}),
            None,
            pieces,
            exact=False,
        )
        (step,) = [one for one in steps if one.id == by_helm.UNINSTALL]
        return told([step], dry_run=dry_run)[step.id]

    made = told([*helm_steps.build_manifest_steps(target), helm_steps.build_chart_step(target)])
    assert {event.state for event in made.values()} <= {"changed", "holds"}, made
    # Volumes that no label names: one that the chart renders, one that a StatefulSet owns.
    worker = world.read("/apis/apps/v1/namespaces/{namespace}/statefulsets/airflow-worker")
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "airflow-worker",
             "uid": worker["metadata"]["uid"]}  # fmt: skip
    claim(world, "owned", labels={}, ownerReferences=[owner])
    done = uninstall(())
    assert done.state == "blocked", done
    for name in ("rendered", "owned"):
        assert f"{CLAIM} {world.namespace}/{name}" in done.detail, done
    would = uninstall(dry_run=True)
    assert would.state == "would change", would
    assert f"-ConfigMap {world.namespace}/airflow-config" in would.diff.splitlines(), would
    assert "beside" not in would.diff

    # Somebody else's by now.
    notes = {RENDERED_BY: "hers", "meta.helm.sh/release-namespace": "hers"}
    marked(world, CONFIG, annotations=notes)
    before = dump(world)
    done = uninstall(agreed="0" * 12)
    assert (done.state, "belongs to release hers/hers" in done.detail) == ("blocked", True), done
    assert "--take-over" not in done.fix.text
    # Nor does an upgrade change or delete it.
    other = world.delivered({"executor.workers.replicas": 3})
    done = ended(helm_steps.build_chart_step(other))
    assert (done.state, "belongs to release hers/hers" in done.detail) == ("blocked", True), done
    assert dump(world) == before
    # Made again by hand: it says nothing of the release.
    world.server.request("DELETE", CONFIG.format(namespace=world.namespace))
    put(world, "ConfigMap", "airflow-config", "v1", data={"hers": "yes"})
    done = uninstall()
    assert (done.state, "airflow-config does not say" in done.detail) == ("blocked", True), done
    uid = world.read(CONFIG)["metadata"]["uid"]
    assert done.diff == f"ConfigMap {world.namespace}/airflow-config {uid}"
    assert uninstall(agreed=seal(done)).state == "changed"
    assert world.revisions() == []
    assert not exists(world, CONFIG)
    assert exists(world, f"/api/v1/namespaces/beside-{world.namespace}")


def test_an_application_that_was_changed_deletes_nothing_elsewhere(
    world: World, applied: Target
) -> None:
    """Argo CD would delete what it delivered, in the cluster and namespace it names by then."""
    spec = world.read(APPLICATION)["spec"]
    sources = spec["sources"]
    other = [{**sources[0], "helm": {**sources[0]["helm"], "releaseName": "hers"}}, sources[1]]
    elsewhere = [sources[0], {**sources[1], "path": "apps/hers"}]
    server = "https://kubernetes.default.svc"
    changes: list[tuple[dict[str, Any], str]] = [
        ({"destination": {"namespace": "hers"}}, "spec.destination.namespace hers"),
        ({"destination": {"server": "https://hers:6443"}}, "destination.server https://hers:6443"),
        ({"destination": {"server": None, "name": "hers"}}, "destination.server cluster hers"),
        ({"project": "hers"}, "spec.project hers"),
        ({"sources": elsewhere}, "path apps/hers"),
        ({"sources": other}, "release hers"),
    ]
    for change, why in changes:
        patched(world, APPLICATION, {"spec": change})
        before = world.read(APPLICATION)
        steps = [cascade.build_pause_step(applied), cascade.build_cascade_step(applied)]
        for step in (*steps, application_removal.build_application_undo(applied)):
            done = ended(step)
            assert (done.state, why in done.detail) == ("blocked", True), done
            assert "--take-over" not in done.fix.text
        assert world.read(APPLICATION) == before
        back = {"destination": {"name": None, **spec["destination"]}}
        patched(world, APPLICATION, {"spec": {**spec, **back}})
    # The same cluster by its other name is no change.
    assert spec["destination"]["server"] == server
    patched(world, APPLICATION, {"spec": {"destination": {"server": None, "name": "in-cluster"}}})
    assert ended(cascade.build_pause_step(applied)).state == "changed"
