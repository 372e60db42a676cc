"""One field manager for each repository, on a real API server.

Earlier versions used the same name for all. What they applied gets the name of its repository.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from tests.support.cluster.argocd import World
from tests.support.cluster.installation import ended, look, marked, patched
from wizard.clients.kube.errors import FieldsOwnedError
from wizard.clients.kube.protocol import FIELD_MANAGER, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.manifests.contribution import StepSpec
from wizard.manifests.ownership import OWNER_ANNOTATION, source_manager
from wizard.systems.cluster.field_managers import rename_earlier_entry
from wizard.systems.cluster.objects import CommittedManifest, build_manifests_step
from wizard.systems.cluster.ownership import build_unchanged_judge
from wizard.systems.target import Target

pytestmark = pytest.mark.integration

HERS = "git.example.com/hers/airflow#airflow"
WHERE = "/api/v1/namespaces/{namespace}/configmaps/"
SPEC = StepSpec("test.objects", "Apply objects", "platform")


class Applied:
    """A ConfigMap with these keys: its manifest, the step that applies it, and what is there."""

    def __init__(self, world: World, target: Target, name: str, **data: str) -> None:
        self.world, self.target, self.name, self.data = world, target, name, data
        self.manager = source_manager(target.release.owner_id)

    def manifest(self, source: str | None = None) -> dict[str, Any]:
        source = self.target.release.owner_id if source is None else source
        about = {
            "name": self.name,
            "namespace": self.world.namespace,
            "labels": {"app.kubernetes.io/managed-by": FIELD_MANAGER},
            **({"annotations": {OWNER_ANNOTATION: source}} if source else {}),
        }
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": self.data}

    def put(self, *managers: str, source: str | None = None) -> Applied:
        """Apply it as these managers, as a script or an earlier version of the wizard does."""
        kube = self.target.kube
        assert kube is not None
        for one in managers:
            kube.apply(self.manifest(source), manager=one, force=True)
        return self

    def step(self, agreed: str = "", **data: str) -> Step:
        """The step that applies it with other data."""
        text = json.dumps({**self.manifest(), "data": data or self.data})
        source = CommittedManifest("one.yaml", text, ("ConfigMap",), self.world.namespace)
        target = replace(self.target, agreed={SPEC.id: agreed} if agreed else {})
        return build_manifests_step(target, SPEC, target.kube, [source])

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = self.world.read(f"{WHERE}{self.name}")
        return found

    def appliers(self) -> set[str]:
        entries = self.read()["metadata"]["managedFields"]
        return {one["manager"] for one in entries if one["operation"] == "Apply"}


@pytest.fixture
def target(world: World) -> Target:
    world.install_argo()
    found = world.target()
    assert found.kube is not None
    about = {"name": world.namespace}
    found.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": about})
    return found


def test_what_earlier_versions_applied_gets_the_name_of_its_source(
    world: World, target: Target
) -> None:
    one = Applied(world, target, "one", a="1", b="2").put(FIELD_MANAGER)
    patched(world, f"{WHERE}one", {"data": {"c": "by hand"}})
    # Nothing to change: no request that changes anything, and the name stays for the next time.
    world.lines.clear()
    assert ended(one.step()).state == "holds"
    assert (world.writes, one.appliers()) == ([], {FIELD_MANAGER})
    # What left the manifest is shown, and goes; what a person added stays.
    seen = look(one.step(a="1"))
    assert (seen.state, '-  b: "2"' in seen.diff) == ("wanted", True), seen
    assert ended(one.step(a="1")).state == "changed"
    assert one.read()["data"] == {"a": "1", "c": "by hand"}
    assert one.appliers() == {one.manager}
    world.lines.clear()
    assert ended(one.step(a="1")).state == "holds"
    assert world.writes == []

    # A value that a person changed is still a conflict, under whatever name it was applied.
    for name, manager in (("old", FIELD_MANAGER), ("new", one.manager)):
        other = Applied(world, target, name, a="1").put(manager)
        patched(world, f"{WHERE}{name}", {"data": {"a": "hers"}})
        before = other.read()
        refused = ended(other.step())
        assert (refused.state, "(kubectl-edit)" in refused.detail) == ("blocked", True), refused
        assert other.read() == before

    # Killed after the entry was renamed: the next run goes on.
    cut = Applied(world, target, "cut", a="1", b="2").put(FIELD_MANAGER)
    assert target.kube is not None
    rename_earlier_entry(
        target.kube, Ref.from_manifest(cut.manifest()), target.release.owner_id, lambda _: False
    )
    assert (cut.appliers(), cut.read()["data"]) == ({one.manager}, {"a": "1", "b": "2"})
    assert ended(cut.step(a="1")).state == "changed"
    assert cut.read()["data"] == {"a": "1"}


def test_two_names_of_this_repository_become_one(world: World, target: Target) -> None:
    """The handover's script wrote under the new name, and `apply` under the earlier one."""
    manager = source_manager(target.release.owner_id)
    same = Applied(world, target, "same", a="1", b="2").put(FIELD_MANAGER, manager)
    seen = look(same.step())
    assert (seen.state, f"are owned by {FIELD_MANAGER}; they move to" in seen.detail) == (
        "wanted",
        True,
    )
    assert ended(same.step()).state == "changed"
    assert (same.appliers(), same.read()["data"]) == ({manager}, {"a": "1", "b": "2"})
    assert ended(same.step()).state == "holds"
    less = Applied(world, target, "less", a="1", b="2").put(FIELD_MANAGER, manager)
    # No dry run under one name shows that `b` would go: it is shown first, and goes then.
    assert "-  b" not in look(less.step(a="3")).diff
    refused = ended(less.step(a="3"))
    assert (refused.state, "run this again" in refused.fix.text) == ("blocked", True), refused
    assert less.read()["data"] == {"a": "1", "b": "2"}
    assert '-  b: "2"' in look(less.step(a="3")).diff
    assert ended(less.step(a="3")).state == "changed"
    assert (less.appliers(), less.read()["data"]) == ({manager}, {"a": "3"})
    assert ended(less.step(a="3")).state == "holds"


def test_nothing_of_another_repository_is_taken_over(world: World, target: Target) -> None:
    theirs = Applied(world, target, "theirs", a="1").put(FIELD_MANAGER, source=HERS)
    before = theirs.read()
    refused = ended(theirs.step(a="2"))
    assert (refused.state, "hers/airflow" in refused.detail) == ("blocked", True), refused
    assert "--take-over" not in refused.fix.text
    assert target.kube is not None
    rename_earlier_entry(
        target.kube, Ref.from_manifest(theirs.manifest()), "here#airflow", lambda _: False
    )
    assert theirs.read() == before
    # Their script, which does not look first, is refused for what it would change.
    mine = Applied(world, target, "mine", a="1")
    assert ended(mine.step()).state == "changed"
    assert mine.appliers() == {mine.manager}
    with pytest.raises(FieldsOwnedError) as error:
        target.kube.apply(mine.manifest(HERS), manager=source_manager(HERS))
    assert {one.manager for one in error.value.owned} == {mine.manager}

    # One that does not say whose it is: after a yes to the diff, which has what would go.
    bare = Applied(world, target, "bare", a="1", b="2").put(FIELD_MANAGER, source="")
    asked = look(bare.step(a="1"))
    assert (asked.state, '-  b: "2"' in asked.diff) == ("blocked", True), asked
    seal = asked.fix.text.rpartition("@")[2]
    assert ended(bare.step(seal, a="1")).state == "changed"
    assert (bare.appliers(), bare.read()["data"]) == ({bare.manager}, {"a": "1"})
    assert bare.read()["metadata"]["annotations"][OWNER_ANNOTATION] == target.release.owner_id
    marked(world, f"{WHERE}bare", labels={"hers": "too"})
    assert ended(bare.step(a="1")).state == "holds"


def by_kubectl(text: str) -> None:
    """Apply it client-side with the real kubectl, as the runbook once said."""
    subprocess.run(
        ["kubectl", "apply", "-f", "-"], input=text, text=True, check=True, capture_output=True
    )


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_what_kubectl_applied_from_a_commit_is_of_this_repository(
    world: World, target: Target
) -> None:
    world.client()
    # As it is committed now: only the name of the manager changes.
    same = Applied(world, target, "same", a="1")
    by_kubectl(json.dumps(same.manifest()))
    assert look(same.step()).state == "wanted", look(same.step())
    assert ended(same.step()).state == "changed"
    entries = same.read()["metadata"]["managedFields"]
    assert [(one["manager"], one["operation"]) for one in entries] == [(same.manager, "Apply")]
    assert set(same.read()["metadata"]["annotations"]) == {OWNER_ANNOTATION}
    assert ended(same.step()).state == "holds"

    # As it was committed before: what has left the file goes, after it was shown.
    less = Applied(world, target, "less", a="1", b="2")
    world.git.commit({"one.yaml": json.dumps(less.manifest())})
    world.git.commit({"one.yaml": json.dumps({**less.manifest(), "data": {"a": "3"}})})
    by_kubectl(json.dumps(less.manifest()))
    refused = ended(less.step(a="3"))
    assert (refused.state, "run this again" in refused.fix.text) == ("blocked", True), refused
    assert '-  b: "2"' in look(less.step(a="3")).diff
    assert ended(less.step(a="3")).state == "changed"
    assert (less.appliers(), less.read()["data"]) == ({less.manager}, {"a": "3"})

    # Something that was never committed, and what names no source, are other people's.
    for name, source in (("never", None), ("bare", "")):
        other = Applied(world, target, name, a="1")
        by_kubectl(json.dumps(other.manifest(source)))
        before = other.read()
        seen = ended(other.step(a="2"))
        assert (seen.state, other.read()) == ("blocked", before), seen

    # A removal judges them in the same way.
    manifest = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {**less.manifest()["metadata"], "name": "policy"},
        "spec": {"podSelector": {}},
    }
    text = json.dumps(manifest)
    by_kubectl(text)
    ref = Ref.from_manifest(manifest)
    assert target.kube is not None

    def judge(text: str) -> StepStatus | None:
        source = CommittedManifest("policy.yaml", text, ("NetworkPolicy",), world.namespace)
        found = target.kube.get(ref) if target.kube else None
        assert found is not None
        return build_unchanged_judge(target, [source])(found, ref)

    assert judge(text) is None
    by_hand = judge(json.dumps({**manifest, "spec": {"podSelector": {}, "ingress": [{}]}}))
    assert by_hand is not None
    assert "was changed by kubectl-client-side-apply" in by_hand.detail
