"""Delivery by Helm on a real API server, with the real helm and a small chart of our own.

tests/support/cluster/helm.py stands in for External Secrets and the controllers of a cluster.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.integration.argocd.test_steps import agreement, policy
from tests.support.cluster.argocd import told
from tests.support.cluster.controllers.operators import MERGE
from tests.support.cluster.helm import CHART, JOB, Cluster, HelmWorld, chart_with
from tests.support.cluster.kubeconfigs import account, rule
from tests.testbed.kube import RejectedError
from wizard.apply import delivery
from wizard.clients.helm import open_helm
from wizard.engine.steps import StepEvent
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.systems.cluster.identity import build_identity_step
from wizard.systems.cluster.namespace import build_namespace_step
from wizard.systems.helm import removal as removing
from wizard.systems.helm import steps as by_helm
from wizard.systems.target import Target

pytestmark = [pytest.mark.integration, pytest.mark.world(delivery="helm")]

DONE = {
    "helm.namespace",
    "cluster.store-account",
    "helm.store",
    "helm.secrets",
    "helm.manifests",
    "helm.chart",
}
REPLICAS = "executor.workers.replicas"
WORKER = "/apis/apps/v1/namespaces/{namespace}/statefulsets/airflow-worker"
STORE = "/apis/external-secrets.io/v1/namespaces/{namespace}/secretstores/vault-airflow"


@pytest.fixture
def spaced(world: HelmWorld) -> HelmWorld:
    """The namespace stands, and nobody works in it."""
    about = {"name": world.namespace}
    world.server.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": about}))
    return world


@pytest.fixture
def cluster(world: HelmWorld) -> Iterator[Cluster]:
    """What is wanted comes true."""
    with Cluster(world) as made:
        yield made
    assert [fault for fault in made.faults if not isinstance(fault, RejectedError)] == []


def applied(target: Target, *, dry_run: bool = False) -> dict[str, StepEvent]:
    return told(
        [build_identity_step(target), *delivery.get_installer(target).build_steps(target)],
        dry_run=dry_run,
    )


def installed(target: Target, *, dry_run: bool = False) -> StepEvent:
    """Only the chart; what stands beside it is not there."""
    return told([by_helm.build_chart_step(target)], dry_run=dry_run)["helm.chart"]


def states(found: dict[str, StepEvent]) -> dict[str, str]:
    return {name: event.state for name, event in found.items()}


def test_from_nothing_to_a_release_and_nothing_the_second_time(
    world: HelmWorld, cluster: Cluster
) -> None:
    target = world.delivered()
    tried = applied(target, dry_run=True)
    assert {name for name, state in states(tried).items() if state == "would change"} >= DONE
    assert "would create revision 1 with 6 objects" in tried["helm.chart"].detail
    assert world.exists("/api/v1/namespaces/{namespace}") is None
    assert world.writes == []

    first = applied(target)
    assert {name for name, state in states(first).items() if state == "changed"} == DONE, first
    assert set(states(first).values()) == {"changed", "holds"}, first
    assert world.read(WORKER)["spec"]["replicas"] == 2
    [revision] = world.revisions()
    assert (revision["status"], revision["app.kubernetes.io/managed-by"]) == (
        "deployed",
        "airflow-wizard",
    )

    before = world.revisions()
    again = world.delivered()
    world.lines.clear()
    assert set(states(applied(again)).values()) == {"holds"}
    assert (world.writes, world.revisions()) == ([], before)


def test_what_changed_is_upgraded_and_what_was_rolled_back_too(spaced: HelmWorld) -> None:
    world = spaced
    assert installed(world.delivered()).state == "changed"
    more = world.delivered({REPLICAS: 3})
    assert installed(more).state == "changed"
    assert world.read(WORKER)["spec"]["replicas"] == 3
    helm(world, "rollback", "airflow", "1")
    assert world.read(WORKER)["spec"]["replicas"] == 2
    tried = installed(more, dry_run=True)
    assert tried.state == "would change"
    assert "revision 4 with 6 objects" in tried.detail

    # A finished Job would stand in the way of one that differs; one that somebody else made under
    # that name stays.
    world.operators.job(JOB, "Complete")
    other = world.delivered({REPLICAS: 3, "dags.ref": "next"})
    assert "delete finished Job" not in installed(other, dry_run=True).detail
    notes = {"release-name": "airflow", "release-namespace": world.namespace}
    rendered = {"annotations": {f"meta.helm.sh/{name}": text for name, text in notes.items()}}
    job = f"/apis/batch/v1/namespaces/{world.namespace}/jobs/{JOB}"
    world.server.request("PATCH", job, {"metadata": rendered}, MERGE)
    tried = installed(other, dry_run=True)
    assert f"delete finished Job {JOB}" in tried.detail
    done = installed(other)
    assert (done.state, f"deleted finished Job {JOB}" in done.detail) == ("changed", True)
    assert world.read(WORKER)["spec"]["replicas"] == 3
    # What differs by comments alone does not differ.
    text = other.files["values"] + b"\n# by hand\n"
    same = replace(other, files={**other.files, "values": text})
    before = world.revisions()
    assert installed(same).state == "holds"
    assert world.revisions() == before


def test_a_hand_edit_is_read_as_helm_reads_it(spaced: HelmWorld, tmp_path: Path) -> None:
    """YAML 1.1 knows more words for true than 1.2."""
    target = spaced.delivered()
    more = target.files["values"] + b"\nextra: {on: yes, none: null}\n"
    edited = replace(target, files={**target.files, "values": more})
    assert installed(edited).state == "changed"
    assert installed(edited).state == "holds"
    found = installed(target, dry_run=True)
    assert found.state == "would change"

    # A chart that was edited under its version is another one; without a chart at hand, none is
    # fetched only to compare.
    text = (CHART / "values.yaml").read_text()
    other = chart_with(tmp_path / "other", {"values.yaml": text + "more: 1\n"})
    assert installed(replace(edited, chart=other), dry_run=True).state == "would change"
    assert installed(replace(edited, chart=None)).state == "holds"


WITHOUT_HOOKS = ("--set", "migrateDatabaseJob.useHelmHooks=false")


def helm(world: HelmWorld, *words: str) -> None:
    """By hand."""
    command = ["helm", *words, "--namespace", world.namespace]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def test_fields_of_another_manager_are_shown_and_left(spaced: HelmWorld) -> None:
    world = spaced
    told([one for one in by_helm.build_manifest_steps(world.delivered()) if one.id == "helm.store"])
    body = {"apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
            "metadata": {"name": "vault-airflow", "namespace": world.namespace},
            "spec": {"provider": {"vault": {"server": "https://other.example:8200"}}}}  # fmt: skip
    world.server.apply(json.dumps(body))
    world.lines.clear()
    found = applied(world.delivered({"environment.pod_security": "none"}))
    assert found["helm.store"].state == "blocked"
    assert ".spec.provider.vault.server (test)" in found["helm.store"].detail
    assert "other.example" in found["helm.store"].diff
    assert found["helm.chart"].state == "left"
    assert [line for line in world.writes if "secretstores" in line] == []

    labels = {"app.kubernetes.io/managed-by": "airflow-wizard",
              "pod-security.kubernetes.io/enforce": "privileged"}  # fmt: skip
    about = {"name": world.namespace, "labels": labels}
    world.server.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": about}))
    target = world.delivered()
    [event] = told([build_namespace_step(target)]).values()
    assert (event.state, "-    pod-security" in event.diff) == ("blocked", True)
    agreed = replace(target, agreed=agreement(event))
    [event] = told([build_namespace_step(agreed)]).values()
    assert (event.state, "took over Namespace" in event.detail) == ("changed", True)


def test_a_release_of_somebody_else_is_left_until_they_give_it(world: HelmWorld) -> None:
    # As in answers of an earlier version, which name no repository.
    unnamed = {"repository.source": ""}
    world.git.git("remote", "add", "origin", "git@github.com:acme/k8s-infra.git")
    target = world.delivered(unnamed)
    helm(world, "install", "airflow", str(CHART), "--create-namespace", *WITHOUT_HOOKS)
    [space] = told([build_namespace_step(target)]).values()
    assert (space.state, "enforce=baseline" in space.fix.text) == ("blocked", True)
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    path = f"/api/v1/namespaces/{world.namespace}"
    world.server.request("PATCH", path, {"metadata": {"labels": labels}}, MERGE)
    [space] = told([build_namespace_step(target)]).values()
    assert (space.state, "keeps its owner" in space.detail) == ("holds", True)
    event = installed(target)
    assert (event.state, "is not managed by this wizard" in event.detail) == ("blocked", True)
    assert world.statuses() == ["deployed"]

    words = event.fix.text.partition("to take it over: ")[2].split()
    subprocess.run(words, check=True, capture_output=True)
    assert installed(target).state == "changed"
    assert world.statuses() == ["superseded", "deployed"]

    world.git.git("remote", "set-url", "origin", "https://github.com/acme/k8s-infra")
    assert installed(world.delivered(unnamed)).state == "holds"
    world.git.git("remote", "set-url", "origin", "https://github.com/hers/k8s-infra")
    hers = world.delivered(unnamed)
    event = installed(hers)
    assert (event.state, "another installation or repository" in event.detail) == ("blocked", True)
    removal = removing.build_helm_removal(hers, None, (), exact=False)
    [gone] = told([one for one in removal if one.id == removing.UNINSTALL]).values()
    assert (gone.state, "belongs to another" in gone.detail) == ("blocked", True)
    words = event.fix.text.partition("if the repository has moved: ")[2].split()
    subprocess.run(words, check=True, capture_output=True)
    assert installed(hers).state == "holds"

    # Without a remote nothing names this repository: neither hers nor an unnamed one is ours.
    world.git.git("remote", "remove", "origin")
    nobody = world.delivered(unnamed)
    event = installed(nobody)
    assert (event.state, "another installation or repository" in event.detail) == ("blocked", True)
    last = world.revisions()[-1]["version"]
    secret = f"/api/v1/namespaces/{world.namespace}/secrets/sh.helm.release.v1.airflow.v{last}"
    world.server.request("PATCH", secret, {"metadata": {"labels": {OWNER_ANNOTATION: None}}}, MERGE)
    event = installed(nobody)
    assert (event.state, "does not say which" in event.detail) == ("blocked", True), event
    assert "airflow-wizard set repository.source=" in event.fix.text


def frozen(world: HelmWorld) -> None:
    """The platform team admits no StatefulSet; the server takes a moment to heed it."""
    for made in policy(f"freeze-{world.namespace}", world.namespace, "apps", "statefulsets"):
        world.server.apply(yaml.safe_dump(made))
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            world.server.dry_run(STATEFUL.format(world.namespace))
        except RejectedError:
            return
        time.sleep(0.1)
    raise AssertionError("never heeded")


STATEFUL = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: probe, namespace: {}}}
spec:
  serviceName: x
  selector: {{matchLabels: {{a: b}}}}
  template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: x, image: x}}]}}}}
"""


def test_a_release_that_fails_says_why_and_goes_on_afterwards(spaced: HelmWorld) -> None:
    world, target = spaced, spaced.delivered()
    refused = target.files["values"] + b"\nrefused: true\n"
    found = installed(replace(target, files={**target.files, "values": refused}))
    assert (found.state, "these values are refused" in found.detail) == ("failed", True)
    assert "commit" in found.fix.text
    assert world.statuses() == []

    about = {"name": "airflow-config", "namespace": world.namespace}
    world.server.apply(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": about}))
    found = installed(target)
    assert (found.state, "belongs to no release" in found.detail) == ("failed", True)
    path = f"/api/v1/namespaces/{world.namespace}/configmaps/airflow-config"
    world.server.request("DELETE", path)

    frozen(world)
    found = installed(target)
    assert (found.state, "freeze until Monday" in found.detail) == ("failed", True)
    assert "platform team" in found.fix.text
    assert world.statuses() == ["failed"]
    tried = installed(target, dry_run=True)
    assert (tried.state, "revision 2" in tried.detail) == ("would change", True)


OLD = '#!/bin/sh\n[ "$1" = version ] && echo v3.12.3\n'
PROGRAMS: list[tuple[str, dict[str, str], str, str]] = [
    ("none", {}, "not on PATH", "install Helm 3.13"),
    ("too old", {"helm": OLD}, "v3.12.3 is too old", "install Helm 3.13"),
    ("too new", {"helm": OLD.replace("3.12.3", "5.0.0")}, "newer than", "or 4"),
    ("broken", {"helm": "#!/bin/sh\nexit 1\n"}, "no version", "install Helm 3.13"),
]


@pytest.mark.parametrize(
    ("files", "says", "fix"), [row[1:] for row in PROGRAMS], ids=[row[0] for row in PROGRAMS]
)
def test_a_helm_that_will_not_do_stops_before_anything(
    world: HelmWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str], says: str, fix: str,
) -> None:  # fmt: skip
    target = world.delivered()
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    shell = tmp_path / "shell"
    shell.mkdir()
    (shell / "sh").symlink_to("/bin/sh")
    git = shutil.which("git")
    assert git
    (shell / "git").symlink_to(git)
    monkeypatch.setenv("PATH", f"{folder}:{shell}")
    found = applied(target)
    assert found["helm.program"].state == "failed"
    assert says in found["helm.program"].detail
    assert fix in found["helm.program"].fix.text
    assert world.writes == []


def test_another_chart_is_refused_before_anything(world: HelmWorld, tmp_path: Path) -> None:
    text = (CHART / "Chart.yaml").read_text()
    other = chart_with(tmp_path / "other", {"Chart.yaml": text.replace("1.22.0", "1.21.0")})
    found = applied(replace(world.delivered(), chart=other))
    assert found["helm.program"].state == "failed"
    assert "airflow 1.21.0; the answers need airflow 1.22.0" in found["helm.program"].detail
    assert world.writes == []


def test_without_a_cluster_its_owner_is_told_what_to_run(world: HelmWorld) -> None:
    found = applied(replace(world.delivered(), kube=None, argocd=None, helm=None))
    assert set(states(found).values()) == {"unknown"}
    assert "helm upgrade --install airflow" in found["helm.chart"].fix.text
    assert " -f apps/airflow/secrets/store.yaml" in found["helm.store"].fix.text


@pytest.mark.timeout(300)
def test_the_real_chart_is_installed_and_found_again(
    world: HelmWorld, cluster: Cluster, airflow_chart: Path
) -> None:
    target = replace(world.delivered(), chart=airflow_chart)
    tried = applied(target, dry_run=True)["helm.chart"]
    assert (tried.state, "revision 1 with" in tried.detail) == ("would change", True), tried.detail
    first = applied(target)
    assert set(states(first).values()) == {"changed", "holds"}, first
    assert set(states(applied(target)).values()) == {"holds"}
    more = replace(world.delivered({REPLICAS: 3}), chart=airflow_chart)
    changed = applied(more)
    assert {name for name, state in states(changed).items() if state == "changed"} == {"helm.chart"}
    assert "deleted finished Job airflow-run-airflow-migrations" in changed["helm.chart"].detail
    assert world.read(WORKER)["spec"]["replicas"] == 3


def test_kustomization_says_what_is_applied(world: HelmWorld) -> None:
    target = world.delivered()
    # All that helm.manifests would apply: the policies.
    text, count = re.subn(
        r"(  - secrets/egress.*\n)+", "  - mine/quota.yaml\n", target.text("kustomization")
    )
    assert count == 1
    edited = replace(target, files={**target.files, "kustomization": text.encode()})
    found = {one.id: one for one in by_helm.build_manifest_steps(edited)}
    assert "helm.manifests" not in found
    event = told([found["helm.listed"]])["helm.listed"]
    assert (event.state, "mine/quota.yaml" in event.detail) == ("unknown", True)
    assert "kubectl apply -f apps/airflow/mine/quota.yaml" in event.fix.text


def test_who_may_work_in_the_namespace_alone_installs(spaced: HelmWorld) -> None:
    """The platform's owner has made the namespace, and the guard is theirs."""
    world = spaced
    _, token = account(world.server, rule("*", "*", "*"), rule("*", "*", "apps"),
                       rule("*", "*", "batch"), rule("*", "*", "external-secrets.io"),
                       rule("*", "*", "networking.k8s.io"), namespace=world.namespace)  # fmt: skip
    made = world.delivered({"environment.pod_security": "none"})
    target = replace(made, kube=world.client(token), helm=open_helm())
    found = told([*by_helm.build_manifest_steps(target), by_helm.build_chart_step(target)])
    assert found["helm.chart"].state == "changed", found
    assert found["helm.store"].state == "changed"
    assert "keeps its owner" in found["helm.namespace"].detail
    assert found["cluster.store-account"].state == "unknown"
