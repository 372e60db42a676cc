"""What careless colleagues make by hand beside an installation, from copies of its objects.

`kubectl get -o yaml`, another name, `kubectl apply`: every label, annotation and owner is copied.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.support.cluster.argocd import GITHUB, World, told
from tests.support.cluster.helm import HelmWorld, chart_with
from tests.support.cluster.installation import (
    APPLICATION,
    CLAIMS,
    SPACE,
    STORES,
    apply_and_sync,
    claim,
    claim_from_set,
    ended,
    exists,
    marked,
    own_namespace,
    put,
)
from tests.support.cluster.kubeconfigs import account, rule
from tests.support.rendered import rendering
from tests.testbed.kube import Kube as Server
from wizard.deliveries.argocd.live import LIVE
from wizard.destroy.earlier import build_earlier_step
from wizard.engine.steps import StepEvent
from wizard.git.repository import WorkTree
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.systems.argocd import removal as argocd
from wizard.systems.argocd import steps as by_argocd
from wizard.systems.argocd import store_credential
from wizard.systems.argocd.tracking import TRACKING
from wizard.systems.helm import steps as helm_steps
from wizard.systems.release import delivered_objects, protection, volumes
from wizard.systems.release.dependents import build_dependents_check
from wizard.systems.release.inhabitants import NamespaceContents
from wizard.systems.target import Target

pytestmark = pytest.mark.integration

SECRETS = "/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"
CONFIG = "/api/v1/namespaces/{namespace}/configmaps/airflow-config"
LOGS = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: airflow-logs, labels: {release: airflow, tier: airflow}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


@pytest.fixture
def applied(world: World) -> Target:
    """The installation is applied and synced."""
    return apply_and_sync(world)


def copy(world: World, path: str, name: str) -> None:
    """As kubectl does, under a name of its own."""
    found = world.read(path)
    about = {key: value for key, value in found["metadata"].items() if key in _COPIED}
    rest = {key: value for key, value in found.items() if key not in {"metadata", "status"}}
    world.server.apply(json.dumps({**rest, "metadata": {**about, "name": name}}))


_COPIED = ("namespace", "labels", "annotations", "ownerReferences")


def seal(event: StepEvent) -> str:
    found = re.search(rf"--take-over {re.escape(event.id)}@([0-9a-f]{{12}})", event.fix.text)
    assert found, event
    return found[1]


def going(world: World) -> dict[str, bool]:
    return {
        one["metadata"]["name"]: "deletionTimestamp" in one["metadata"]
        for one in world.read(CLAIMS)["items"]
    }


def test_a_copy_of_a_volume_stays(world: World, applied: Target) -> None:
    claim_from_set(world, "logs-airflow-worker-0")
    claim(world, "logs-airflow-worker-before-0")
    assert ended(volumes.build_mark_step(applied)).state == "changed"
    copy(world, f"{CLAIMS}/logs-airflow-worker-0", "logs-before-the-upgrade")
    ended(volumes.build_volumes_removal(replace(applied, verdicts={}), ["volumes"]))
    assert going(world) == {
        "logs-airflow-worker-0": True,
        "logs-airflow-worker-before-0": False,
        "logs-before-the-upgrade": False,
    }


def test_a_copy_with_the_name_of_the_next_one_stays_without_a_yes(
    world: World, applied: Target
) -> None:
    """A person keeps data by it: the StatefulSet has no such pod, but would take the claim."""
    claim_from_set(world, "logs-airflow-worker-0")
    found = world.read(f"{CLAIMS}/logs-airflow-worker-0")
    about = {"name": "logs-airflow-worker-7", "labels": found["metadata"]["labels"]}
    made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": about}
    path = CLAIMS.format(namespace=world.namespace)
    by_hand = f"{path}?fieldManager=kubectl-client-side-apply"
    world.server.request("POST", by_hand, {**made, "spec": found["spec"]})
    assert ended(volumes.build_mark_step(applied)).state == "changed"
    notes = {one["metadata"]["name"]: one["metadata"].get("annotations") or {}
             for one in world.read(CLAIMS)["items"]}  # fmt: skip
    assert [name for name, note in notes.items() if OWNER_ANNOTATION in note] == [
        "logs-airflow-worker-0"
    ]
    # Another was copied after the original had its mark.
    copy(world, f"{CLAIMS}/logs-airflow-worker-0", "logs-airflow-worker-8")
    done = ended(volumes.build_volumes_removal(replace(applied, verdicts={}), ["volumes"]))
    assert done.state == "blocked", done
    assert "worker-7 was made with kubectl-client-side-apply" in done.detail
    assert "worker-8 has a copy of the mark" in done.detail
    assert set(going(world).values()) == {False}
    agreed = replace(applied, verdicts={}, agreed={done.id: seal(done)})
    ended(volumes.build_volumes_removal(agreed, ["volumes"]))
    assert set(going(world).values()) == {True}


def test_a_volume_of_a_set_of_others_is_not_marked(world: World, applied: Target) -> None:
    """Her StatefulSet has the name that the chart's would have: a mark would outlive the set."""
    world.operators.workload("StatefulSet", "airflow-redis", ready=True)
    claim(world, "redis-db-airflow-redis-0")
    assert ended(volumes.build_mark_step(applied)).state == "holds"
    note = world.read(f"{CLAIMS}/redis-db-airflow-redis-0")["metadata"].get("annotations") or {}
    assert OWNER_ANNOTATION not in note


def test_copies_of_manifests_stay_and_keep_the_namespace(world: World, applied: Target) -> None:
    own_namespace(world, applied)
    name = world.read(POLICIES)["items"][0]["metadata"]["name"]
    copy(world, f"{POLICIES}/{name}", "team-egress")
    copy(world, f"{STORES}/vault-airflow", "team-store")
    found = NamespaceContents(world.client(), applied).list_foreign()
    assert {(one.kind, one.name) for one in found} == {
        ("NetworkPolicy", "team-egress"), ("SecretStore", "team-store"),
    }  # fmt: skip
    # The copied store logs in with our ServiceAccount, which would stay for it.
    world.server.request("DELETE", f"{STORES}/team-store".format(namespace=world.namespace))
    world.server.request("DELETE", APPLICATION.format(argo=world.argo))
    ended(delivered_objects.build_objects_removal(applied))
    assert [one["metadata"]["name"] for one in world.read(POLICIES)["items"]] == ["team-egress"]


def test_what_others_have_taken_over_stays_without_a_yes(world: World, applied: Target) -> None:
    """Their Application renders our ExternalSecret, and their Helm release took our store over."""
    name = world.read(SECRETS)["items"][0]["metadata"]["name"]
    secret, store = f"{SECRETS}/{name}", f"{STORES}/vault-airflow"
    place = f"external-secrets.io/ExternalSecret:{world.namespace}/{name}"
    marked(world, secret, annotations={TRACKING: f"team-b:{place}"})
    helm_notes = {"meta.helm.sh/release-name": "b", "meta.helm.sh/release-namespace": "b"}
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    marked(world, store, annotations={TRACKING: None, **helm_notes}, labels=labels)
    world.server.request("DELETE", APPLICATION.format(argo=world.argo))
    done = ended(delivered_objects.build_secrets_removal(applied))
    assert (done.state, "delivered by Application team-b" in done.detail) == ("blocked", True), done
    agreed = replace(applied, agreed={done.id: seal(done)})
    assert exists(world, secret)
    done = ended(delivered_objects.build_objects_removal(applied))
    assert (done.state, "part of Helm release b/b" in done.detail) == ("blocked", True), done
    assert exists(world, store)
    assert ended(delivered_objects.build_secrets_removal(agreed)).state == "changed"


@pytest.fixture
def charted(
    kube_with_crds: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, helm: Path
) -> HelmWorld:
    """One that Helm delivers, whose chart renders a volume claim."""
    del helm
    world = HelmWorld(kube_with_crds, tmp_path, monkeypatch)
    world.chart = chart_with(tmp_path / "chart", {"templates/logs.yaml": LOGS})
    return world


def test_copies_of_what_helm_made_stay(charted: HelmWorld) -> None:
    world, target = charted, charted.delivered()
    made = told([*helm_steps.build_manifest_steps(target), helm_steps.build_chart_step(target)])
    assert {event.state for event in made.values()} <= {"changed", "holds"}, made
    copy(world, f"{CLAIMS}/airflow-logs", "logs-before-the-upgrade")
    copy(world, CONFIG, "config-before-the-upgrade")
    found = NamespaceContents(world.client(), target).list_foreign()
    names = {one.name for one in found if not one.name.startswith("sh.helm.release")}
    assert names == {"logs-before-the-upgrade", "config-before-the-upgrade"}
    ended(volumes.build_mark_step(target))
    ended(volumes.build_volumes_removal(replace(target, verdicts={}), ["volumes"]))
    assert going(world) == {"airflow-logs": True, "logs-before-the-upgrade": False}


def test_a_backup_does_not_go_with_the_owner_of_the_original(world: World, applied: Target) -> None:
    """The cluster's garbage collector deletes it, which does not run here: nothing may begin."""
    own_namespace(world, applied)
    found = world.read(SECRETS)["items"][0]
    owner = {"apiVersion": found["apiVersion"], "kind": "ExternalSecret",
             "name": found["metadata"]["name"], "uid": found["metadata"]["uid"]}  # fmt: skip
    put(world, "Secret", found["spec"]["target"]["name"], "v1", owner=owner)
    assert ended(build_dependents_check(applied, ())).state == "holds"
    put(world, "Secret", "before-the-rotation", "v1", owner=owner)
    done = ended(build_dependents_check(applied, ()))
    assert (done.state, "before-the-rotation" in done.detail) == ("blocked", True), done
    claim(world, "results", ownerReferences=[owner])
    done = ended(build_dependents_check(applied, ()))
    assert f"PersistentVolumeClaim {world.namespace}/results would be deleted" in done.detail
    foreign = NamespaceContents(world.client(), applied).list_foreign()
    assert {one.name for one in foreign} == {"before-the-rotation", "results"}
    agreed = replace(applied, agreed={done.id: seal(done)})
    assert ended(build_dependents_check(agreed, ())).state == "holds"
    # Both ways of removing come by the check before they change anything.
    for pieces in ((), ("payload", "volumes", "namespace")):
        steps = LIVE.installer.destroy(applied, None, pieces) if LIVE.installer else ()
        states = {name: event.state for name, event in told(steps).items()}
        assert {"changed", "failed"}.isdisjoint(states.values()), states


def test_a_backup_of_argo_cds_credential_stays(world: World) -> None:
    world.install_argo()
    target = world.target(**{"delivery.argocd.credential": "store"})
    for one in store_credential.credential_manifests(target):
        world.client().apply(one.manifest())
    (step,) = [
        one for one in argocd.build_argocd_removal(target, exact=False)
        if one.id == "remove.credential"
    ]  # fmt: skip
    found = world.read(SECRETS.replace("{namespace}", "{argo}"))["items"][0]
    owner = {"apiVersion": found["apiVersion"], "kind": "ExternalSecret",
             "name": found["metadata"]["name"], "uid": found["metadata"]["uid"]}  # fmt: skip
    about = {"name": "repository-before", "namespace": world.argo, "ownerReferences": [owner]}
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": about}
    world.server.apply(json.dumps(made))
    done = ended(step)
    assert (done.state, "repository-before" in done.detail) == ("blocked", True), done


@pytest.mark.parametrize("moved", [False, True])
def test_a_renamed_or_moved_application_is_not_gone(
    world: World, applied: Target, moved: bool
) -> None:
    """Somebody made it again elsewhere: it would restore what is deleted."""
    found = world.read(APPLICATION)
    place = f"{world.argo}-teams" if moved else world.argo
    world.client().apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place}})
    about = {"name": "airflow" if moved else "airflow-prod", "namespace": place}
    made = {"apiVersion": found["apiVersion"], "kind": "Application", "metadata": about}
    world.server.apply(json.dumps({**made, "spec": found["spec"]}))
    world.server.request("DELETE", APPLICATION.format(argo=world.argo))
    before = world.read(SECRETS)["items"]
    installer = LIVE.installer
    assert installer is not None
    for steps in (installer.destroy(applied, None, ()), installer.undo(applied, None)):
        done = told(steps)
        rival = done["remove.rivals"]
        assert (rival.state, f"{place}/{about['name']}" in rival.detail) == ("blocked", True), done
    assert world.read(SECRETS)["items"] == before
    # Nor does `apply` make a second one without a yes to it.
    asked = ended(*by_argocd.build_argocd_steps(applied)[-2:])
    assert (asked.state, about["name"] in asked.detail) == ("blocked", True), asked
    again = replace(applied, agreed={asked.id: seal(asked)})
    assert ended(*by_argocd.build_argocd_steps(again)[-2:]).state == "changed"


def test_what_was_installed_by_hand_is_not_overwritten_without_a_yes(world: World) -> None:
    """A Secret with the Fernet key in use, and a Helm release of the same name."""
    world.install_argo()
    target = world.target()
    put(world, "Secret", "airflow-fernet-key", "v1", data={"fernet-key": "eA=="})
    record = {"owner": "helm", "name": "airflow", "status": "deployed", "version": "1"}
    put(world, "Secret", "sh.helm.release.v1.airflow.v1", "v1", type="helm.sh/release.v1")
    marked(world, f"{SPACE}/secrets/sh.helm.release.v1.airflow.v1", labels=record)

    def applied(target: Target) -> StepEvent:
        return ended(*by_argocd.build_argocd_steps(target)[-2:])

    done = applied(target)
    assert done.state == "blocked", done
    assert f"Secret {world.namespace}/airflow-fernet-key already exists" in done.detail
    assert f"a release airflow in {world.namespace}" in done.detail
    assert not exists(world, APPLICATION)
    agreed = replace(target, agreed={done.id: seal(done)})
    marked(world, f"{SPACE}/secrets/sh.helm.release.v1.airflow.v1", labels={"status": "failed"})
    assert applied(agreed).state == "changed"
    assert applied(target).state == "holds"


def test_what_may_not_be_seen_is_asked_about(world: World) -> None:
    """Argo CD's operator may have no rights in the namespace that it overwrites."""
    world.install_argo()
    _, token = account(
        world.server,
        rule("get list create patch", "appprojects applications applicationsets", "argoproj.io"),
    )
    target = world.target(token)
    done = ended(*by_argocd.build_argocd_steps(target)[-2:])
    assert (done.state, "this login may not see" in done.detail) == ("blocked", True), done
    assert not exists(world, APPLICATION)
    agreed = replace(target, agreed={done.id: seal(done)})
    assert ended(*by_argocd.build_argocd_steps(agreed)[-2:]).state == "changed"


def test_what_earlier_answers_left_behind_is_said(world: World, applied: Target) -> None:
    """The namespace was changed by `set` after everything had been installed."""

    def commit(changes: dict[str, object]) -> str:
        made = rendering("production", changes)
        world.git.commit({one.path: one.text for one in made.tree.values()})
        return world.git.git("rev-parse", "HEAD")

    claim(world, "logs-airflow-worker-0")
    keys: dict[str, object] = {
        "installation.namespace": world.namespace,
        "delivery.argocd.namespace": world.argo,
        "delivery.argocd.repo_url": GITHUB,
    }
    first = commit(keys)
    assert ended(build_earlier_step(replace(applied, repository=world.git.repo))).state == "holds"
    now = {"installation.namespace": f"{world.namespace}-new", "secrets.vault.path": "new/config"}
    commit({**keys, **now})
    target = world.target(**now)
    before = world.read(SECRETS)["items"]
    done = ended(build_earlier_step(target))
    assert done.state == "kept", done
    count = len(before)
    assert f"{first[:12]}: namespace {world.namespace} has {count} ExternalSecrets" in done.detail
    assert f"namespace {world.namespace} has 1 PersistentVolumeClaim of" in done.detail
    assert "secret/airflow-install/airflow/config (not looked at)" in done.detail
    assert first[:12] in done.fix.text
    assert world.read(SECRETS)["items"] == before
    shallow = world.git.path.parent / "shallow"
    world.git.git("clone", "-q", "--depth=1", world.git.path.as_uri(), shallow)
    done = ended(build_earlier_step(replace(target, repository=WorkTree.open(shallow))))
    assert done.state == "kept", done
    assert "git fetch --unshallow" in done.fix.text


def test_what_earlier_files_named_is_said(world: World) -> None:
    """A policy, a role of Airflow's pods, and a project, which later answers no longer have."""
    keys: dict[str, object] = {
        "installation.namespace": world.namespace,
        "delivery.argocd.namespace": world.argo,
        "delivery.argocd.repo_url": GITHUB,
    }
    first: dict[str, object] = {
        "secrets.backend.kind": "vault", "delivery.argocd.project": "before",
    }  # fmt: skip
    apply_and_sync(world, **first)
    target = world.target()
    apps = target.release.paths.apps
    old = "apiVersion: external-secrets.io/v1alpha1\nkind: ExternalSecret\nmetadata: {name: %s}\n"
    malformed = {
        f"{apps}/{n}.yaml": old % name for n, name in enumerate(("5", "[a]", "a, namespace: 5"))
    }
    placed = f"old, namespace: {world.namespace}"
    for changes, more in ((first, {**malformed, f"{apps}/old.yaml": old % placed}), ({}, {})):
        made = rendering("production", {**keys, **changes})
        world.git.git("rm", "-rq", "--ignore-unmatch", ".")
        world.git.commit({**{one.path: one.text for one in made.tree.values()}, **more})
    done = ended(build_earlier_step(target))
    assert done.state == "kept", done
    policy = f"NetworkPolicy {world.namespace}/airflow-egress-vault"
    assert f"{policy}, of an earlier commit, exists" in done.detail
    assert "delete networkpolicy airflow-egress-vault" in done.fix.text
    assert "role external-secrets-airflow-runtime at kubernetes, with its policy" in done.detail
    assert f"AppProject {world.argo}/before exists" in done.detail
    # What cannot be looked at, here for its old version, stops nothing and is not gone.
    unseen = f"ExternalSecret {world.namespace}/old, of an earlier commit, was not looked at: "
    assert done.detail.count("ExternalSecret ") == 2, done
    assert f"{unseen}the cluster serves ExternalSecret as " in done.detail
    assert "delete externalsecret" not in done.fix.text
    _, token = account(world.server, rule("get list", "applications"))
    done = ended(build_earlier_step(world.target(token)))
    assert done.state == "kept", done
    assert f"{policy}, of an earlier commit, was not looked at: " in done.detail
    assert f"AppProject {world.argo}/before was not looked at: " in done.detail
    # One of others that has such a name by now is not ours.
    hers = {OWNER_ANNOTATION: "git.example.com/hers#airflow"}
    marked(world, f"{POLICIES}/airflow-egress-vault", annotations=hers)
    assert policy not in ended(build_earlier_step(target)).detail


def test_a_volume_that_others_mount_stays(world: World, applied: Target) -> None:
    for name in ("worker", "triggerer"):
        claim_from_set(world, f"logs-airflow-{name}-0")
    mounted = {"claimName": "logs-airflow-worker-0"}
    pod = {
        "containers": [{"name": "reader", "image": "busybox"}],
        "volumes": [{"name": "logs", "persistentVolumeClaim": mounted}],
    }
    labels = {"app": "reader"}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    put(world, "Deployment", "log-reader", "apps/v1", spec=spec)
    assert ended(volumes.build_mark_step(applied)).state == "changed"
    done = ended(volumes.build_volumes_removal(replace(applied, verdicts={}), ["volumes"]))
    assert going(world) == {"logs-airflow-worker-0": False, "logs-airflow-triggerer-0": True}, done


def test_a_copy_of_the_namespace_is_kept_from_argo_cd(world: World, applied: Target) -> None:
    """It has the label that Argo CD tracks by, which its list may not show yet."""
    name = f"{world.namespace}-copy"
    about = {"name": name, "labels": {"app.kubernetes.io/instance": "airflow"}}
    world.server.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": about}))
    assert ended(protection.build_keep_step(applied, ())).state == "changed"
    found = world.server.request("GET", f"/api/v1/namespaces/{name}")["metadata"]["annotations"]
    assert found["argocd.argoproj.io/sync-options"] == "Delete=false"
    world.server.request("DELETE", f"/api/v1/namespaces/{name}")


def test_helm_makes_no_external_secret_for_a_secret_of_others(charted: HelmWorld) -> None:
    """External Secrets would replace the Fernet key in use with that of the store."""
    world, target = charted, charted.delivered()
    space = [one for one in helm_steps.build_manifest_steps(target) if one.id == "helm.namespace"]
    assert ended(*space).state == "changed"
    put(world, "Secret", "airflow-fernet-key", "v1", data={"fernet-key": "eA=="})
    path = f"{SPACE}/secrets/airflow-fernet-key"
    before = world.read(path)
    done = told(helm_steps.build_manifest_steps(target))["helm.secrets"]
    assert (done.state, "airflow-fernet-key already exists" in done.detail) == ("blocked", True)
    assert world.read(SECRETS)["items"] == []
    agreed = replace(target, agreed={done.id: seal(done)})
    assert told(helm_steps.build_manifest_steps(agreed))["helm.secrets"].state == "changed"
    assert told(helm_steps.build_manifest_steps(target))["helm.secrets"].state == "holds"
    assert world.read(path) == before


def test_a_later_commit_overwrites_nothing_by_hand_without_a_yes(
    world: World, applied: Target
) -> None:
    """Argo CD syncs by itself, so this is asked before the files reach its branch."""

    def looked(target: Target) -> StepEvent:
        return ended(*by_argocd.build_push_checks(target))

    assert looked(applied).state == "holds"
    # The next commit names two more objects, which colleagues have made by hand.
    texts = applied.files_under("secrets/").values()
    fresh = next(one for one in map(yaml.safe_load, texts) if one["kind"] == "ExternalSecret")
    fresh["metadata"]["name"] = "smtp"
    fresh["spec"]["target"] = {"name": "smtp-login"}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "smtp", "namespace": world.namespace},
        "spec": {"podSelector": {}},
    }
    more = {
        "secrets/external-smtp": json.dumps(fresh).encode(),
        "secrets/policy-smtp": json.dumps(policy).encode(),
    }
    later = replace(applied, files={**applied.files, **more})
    assert looked(later).state == "holds"
    put(world, "Secret", "smtp-login", "v1", data={"password": "eA=="})
    world.server.apply(json.dumps(policy))
    asked = looked(later)
    assert asked.state == "blocked", asked
    assert f"Secret {world.namespace}/smtp-login already exists" in asked.detail
    assert f"NetworkPolicy {world.namespace}/smtp already exists" in asked.detail
    confirmed = looked(replace(later, agreed={asked.id: seal(asked)}))
    assert (confirmed.state, confirmed.detail) == ("holds", f"confirmed (2): {asked.detail}")
    # One of another repository is never overwritten.
    marked(world, f"{POLICIES}/smtp", annotations={OWNER_ANNOTATION: "git.example.com/eve/x#smtp"})
    foreign = looked(replace(later, agreed={asked.id: seal(asked)}))
    assert foreign.state == "blocked"
    assert "belongs to installation smtp of git.example.com/eve/x" in foreign.detail
    # After the sync, nothing is asked again.
    world.server.request("DELETE", f"{POLICIES}/smtp".format(namespace=world.namespace))
    world.operators.sync(later.files_under("secrets/"))
    assert looked(later).state == "holds"
    # A login without rights in the namespace is told what it did not see, and goes on.
    _, token = account(world.server, rule("get list", "applications", "argoproj.io"))
    unseen = looked(replace(later, kube=world.client(token)))
    assert (unseen.state, "this login may not see" in unseen.detail) == ("unknown", True), unseen
    # Without rights in Argo CD's namespace, the run goes on too; its owner is to look.
    rules = (rule("get list", "*", "*"), rule("get list", "*"))
    _, token = account(world.server, *rules, namespace=world.namespace)
    inside = world.client(token)
    narrow = replace(later, kube=inside, argocd=inside)
    checks = by_argocd.build_push_checks(narrow)
    (created,) = [
        one for one in by_argocd.build_argocd_steps(narrow) if one.id == "argocd.application"
    ]
    found = told([*checks, created])
    assert {one.state for one in found.values()} == {"unknown"}, found
    assert "right to read Applications" in found[asked.id].fix.text
    assert f"{world.argo}/airflow: " in found[asked.id].detail
    # What it does see is still asked about.
    put(world, "Secret", "smtp-other", "v1", data={"password": "eA=="})
    fresh["metadata"]["name"] = fresh["spec"]["target"]["name"] = "smtp-other"
    text = json.dumps(fresh).encode()
    other = replace(narrow, files={**narrow.files, "secrets/external-smtp": text})
    seen = looked(other)
    assert seen.state == "blocked", seen
