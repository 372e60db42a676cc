"""ApplicationSets count as users: what they may create at any moment keeps what it needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.cluster.argocd import GITHUB, LIST, World, told
from tests.support.cluster.installation import ended, exists
from tests.support.cluster.kubeconfigs import account, rule
from tests.testbed.kube import RejectedError
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.engine.steps import Step, StepEvent
from wizard.systems.argocd import removal
from wizard.systems.argocd import steps as by_argocd
from wizard.systems.target import Target

pytestmark = pytest.mark.integration

STORE = {"delivery.argocd.credential": "store"}
SETS = "/apis/argoproj.io/v1alpha1/namespaces/{argo}/applicationsets"
HOSTS = f"/api/v1/namespaces/{{argo}}/configmaps/{LIST}"
ELSEWHERE = "https://git.example.com/hers/own.git"


@pytest.fixture
def applied(world: World) -> Target:
    """Project, credential and host keys are in Argo CD's namespace."""
    world.put("ConfigMap", LIST, data={"ssh_known_hosts": "# Argo CD's own\n"})
    target = world.target(**STORE)
    wanted = ("argocd.known-hosts", "argocd.credential", "argocd.project")
    steps = [one for one in by_argocd.build_argocd_steps(target) if one.id in wanted]
    assert {event.state for event in told(steps).values()} == {"changed"}
    return target


def put(
    world: World, project: str, url: str, namespace: str, generators: Any = None, **more: Any
) -> None:
    """An ApplicationSet of others, which has no Application at the moment."""
    with_values: dict[str, Any] = {
        "project": project,
        "source": {"repoURL": url, "path": "."},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
    }
    template = {"metadata": {"name": "hers-{{.name}}"}, "spec": with_values}
    spec = {"goTemplate": True, "generators": generators or [{"clusters": {}}], **more}
    spec["template"] = template
    world.put("ApplicationSet", "hers", api="argoproj.io/v1alpha1", spec=spec)


def steps_of(target: Target) -> dict[str, Step]:
    return {one.id: one for one in removal.build_argocd_removal(target, exact=True)}


def looks(target: Target) -> dict[str, StepEvent]:
    return {name: ended(one) for name, one in steps_of(target).items() if "account" not in name}


def dry(target: Target) -> dict[str, StepEvent]:
    found = told(steps_of(target).values(), dry_run=True)
    return {name: event for name, event in found.items() if "account" not in name}


def test_a_set_without_applications_is_a_user(world: World, applied: Target) -> None:
    project = argocd_answers(applied.answers.delivery).project
    nested = [{"matrix": {"generators": [
        {"git": {"repoURL": GITHUB, "revision": "main", "directories": [{"path": "a"}]}},
        {"list": {"elements": [], "template": {
            "metadata": {}, "spec": {"project": project, "destination": {}},
        }}},
    ]}}]  # fmt: skip
    for given in (
        (project, GITHUB.replace("ssh://git@github.com/", "git@github.com:"), "hers"),
        ("hers", ELSEWHERE, "hers", nested),
    ):
        put(world, *given)
        found = looks(applied)
        for name in ("remove.project", "remove.credential"):
            seen = found[name]
            assert (seen.state, "ApplicationSet hers" in seen.detail) == ("blocked", True), seen
            assert "--take-over" not in seen.fix.text
        assert (
            "ApplicationSet hers also reads from github.com" in found["remove.known-hosts"].detail
        )
        assert "github.com ssh-ed25519" in world.read(HOSTS)["data"]["ssh_known_hosts"]


def test_a_template_may_be_one_and_a_yes_is_for_exactly_it(world: World, applied: Target) -> None:
    # What is fixed in it excludes ours.
    put(world, "team-{{.name}}", "https://git.example.com/{{.name}}.git", "team-{{.name}}")
    assert {event.state for event in dry(applied).values()} == {"would change"}
    put(world, "{{.project}}", "ssh://git@github.com/acme/{{.repo}}", "{{.namespace}}")
    found = looks(applied)
    for name, seen in found.items():
        wanted = "kept" if name == "remove.known-hosts" else "blocked"
        assert (seen.state, "may " in seen.detail) == (wanted, True), seen
    agreed = {}
    for name in ("remove.project", "remove.credential"):
        agreed[name] = found[name].fix.text.partition(f"--take-over {name}@")[2]
    said = replace(applied, agreed=agreed)
    assert {dry(said)[name].state for name in agreed} == {"would change"}
    # Made again, it is another.
    world.server.request("DELETE", f"{SETS}/hers".format(argo=world.argo))
    put(world, "{{.project}}", "ssh://git@github.com/acme/{{.repo}}", "{{.namespace}}")
    assert {dry(said)[name].state for name in agreed} == {"blocked"}
    # A patch may set anything; Argo CD's own namespace holds the store.
    for given in ({"templatePatch": "spec:\n  project: {{ .project }}"}, {}):
        put(world, "hers", ELSEWHERE, world.argo, **given)
        found = dry(applied)
        assert found["remove.credential"].state == "blocked", found
        assert "deploy into" in found["remove.credential"].detail
        assert found["remove.project"].state == ("blocked" if given else "would change")


def test_a_secret_without_an_application_is_a_user(world: World, applied: Target) -> None:
    """Registered before anything is deployed from it, or only for use by hand."""
    project = argocd_answers(applied.answers.delivery).project
    # That of our own repository, and others that need neither: all may go.
    world.credential(GITHUB.upper().replace("SSH://GIT@GITHUB.COM", "ssh://git@github.com"))
    world.credential("https://github.com/hers/own.git", "repo-creds", project="hers")
    assert {event.state for event in dry(applied).values()} == {"would change"}
    for url, kind in (
        ("git@github.com:hers/own.git", "repository-write"),
        ("ssh://git@github.com", "repo-creds"),
        ("git@github.com:", "repo-creds"),
    ):
        world.credential(url, kind)
        found = ended(steps_of(applied)["remove.known-hosts"])
        assert (found.state, f"Secret repo-{kind} is for a" in found.detail) == ("kept", True), url
    assert "github.com ssh-ed25519" in world.read(HOSTS)["data"]["ssh_known_hosts"]

    for url, kind in ((ELSEWHERE, "repository"), ("", "cluster")):
        world.credential(url, kind, project=project)
        found = ended(steps_of(applied)["remove.project"])
        assert (found.state, f"Secret repo-{kind}" in found.detail) == ("blocked", True), found
        assert "--take-over" not in found.fix.text
        world.credential(url, kind, project="hers")
    assert dry(applied)["remove.project"].state == "would change"


def test_secrets_that_cannot_be_seen_are_asked_about(world: World, applied: Target) -> None:
    _, token = account(
        world.server,
        rule("get list delete", "applications applicationsets appprojects", "argoproj.io"),
        rule("get update", "configmaps"),
    )
    limited = world.target(token, **STORE)
    found = looks(limited)
    assert found["remove.known-hosts"].state == "kept", found
    seen = found["remove.project"]
    assert (seen.state, "may not see whether Secrets" in seen.detail) == ("blocked", True), seen
    seal = seen.fix.text.partition("--take-over remove.project@")[2]
    said = replace(limited, agreed={"remove.project": seal})
    assert dry(said)["remove.project"].state == "would change"
    del applied


def test_sets_that_cannot_be_seen_are_not_missing(world: World, applied: Target) -> None:
    _, token = account(
        world.server,
        rule("get list delete", "applications appprojects", "argoproj.io"),
        rule("get list delete", "secretstores externalsecrets", "external-secrets.io"),
        rule("get update", "configmaps serviceaccounts"),
    )
    limited = world.target(token, **STORE)
    found = looks(limited)
    assert [found[name].state for name in ("remove.project", "remove.credential")] == [
        "blocked"
    ] * 2, found
    assert all("no permission to see" in event.detail for event in found.values()), found
    assert exists(world, "/apis/argoproj.io/v1alpha1/namespaces/{argo}/appprojects/airflow")
    with pytest.raises(RejectedError):
        world.read(f"{SETS}/hers")
    del applied
