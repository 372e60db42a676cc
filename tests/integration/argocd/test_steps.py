"""Argo CD's side of `apply`, on a real API server: what is changed, left alone, or in the way."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cluster.argocd import GITHUB, LIST, World, told
from tests.support.cluster.kubeconfigs import account, rule
from tests.support.rendered import answers as answered
from tests.support.rendered import rendering
from tests.testbed.kube import Kube as Server
from tests.testbed.kube import RejectedError
from wizard.apply import delivery
from wizard.deliveries.argocd.manifests import HEALTH_KEY
from wizard.engine.steps import Step, StepEvent
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.systems.argocd import steps
from wizard.systems.argocd.application_health import check_application_health
from wizard.systems.cluster.identity import build_identity_step
from wizard.systems.target import Target

pytestmark = pytest.mark.integration

CHANGES = ["cluster.store-account", "argocd.known-hosts", "argocd.project", "argocd.application"]


def actions(target: Target) -> tuple[Step, ...]:
    """What comes first in every run, and Argo CD's own part."""
    return (build_identity_step(target), *steps.build_argocd_steps(target))


def states(found: dict[str, StepEvent]) -> dict[str, str]:
    return {name: event.state for name, event in found.items()}


PROJECT = "/apis/argoproj.io/v1alpha1/namespaces/{argo}/appprojects/airflow"
APPLICATION = "/apis/argoproj.io/v1alpha1/namespaces/{argo}/applications/"
HOSTS = f"/api/v1/namespaces/{{argo}}/configmaps/{LIST}"


def agreement(event: StepEvent) -> dict[str, str]:
    """A yes to the diff of a blocked step, as its fix says it."""
    found = re.search(r"--take-over (\S+)@([0-9a-f]{12})$", event.fix.text)
    assert found
    return {found[1]: found[2]}


def test_first_and_second_run(world: World) -> None:
    world.install_argo()
    target = world.target()
    first = told(actions(target))
    assert list(first) == [
        "cluster.identity",
        "cluster.store-account",
        "argocd.known-hosts",
        "argocd.repository",
        "argocd.project",
        "argocd.application",
    ]
    assert states(first) == dict.fromkeys(CHANGES, "changed") | {
        "cluster.identity": "holds",
        "argocd.repository": "holds",
    }
    assert len(world.writes) == 5
    # The binding makes the policy count, so it comes last.
    assert [re.search("validating[a-z]+", line)[0] for line in world.writes[:2]] == [  # type: ignore[index]
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
    ]
    assert world.read(PROJECT)["spec"]["destinations"][0]["namespace"] == world.namespace
    assert world.read(APPLICATION + "airflow")["spec"]["project"] == "airflow"
    lines = world.read(HOSTS)["data"]["ssh_known_hosts"].splitlines()
    assert lines[0] == "# Argo CD's own"
    assert lines[1:] == target.answers.dags.known_hosts.splitlines()
    world.lines.clear()

    second = told(actions(world.target()))

    assert set(states(second).values()) == {"holds"}
    assert world.writes == []


def test_two_applications_come_from_their_parent(world: World) -> None:
    world.install_argo()
    told(actions(world.target(**{"delivery.argocd.applications": "two"})))
    projects = world.read(PROJECT.removesuffix("/airflow"))["items"]
    assert {one["metadata"]["name"] for one in projects} == {"airflow", "airflow-bootstrap"}
    applications = world.read(APPLICATION)["items"]
    assert [one["metadata"]["name"] for one in applications] == ["airflow-parent"]


TWO = {"delivery.argocd.applications": "two"}
OLD_FORM = {"argoproj.io/*": {"health.lua": "return {status = 'Healthy'}"}}


@pytest.mark.parametrize(
    ("config", "orders"),
    [
        ({}, False),
        ({HEALTH_KEY: " "}, False),
        ({"resource.customizations": "no: [mapping"}, False),
        ({"resource.customizations.health.batch_Job": "return {}"}, False),
        ({HEALTH_KEY: "return {status = 'Healthy'}"}, True),
        ({"resource.customizations": json.dumps(OLD_FORM)}, True),
    ],
)
def test_who_orders_two_applications(world: World, config: dict[str, str], orders: bool) -> None:
    world.install_argo()
    world.put("ConfigMap", "argocd-cm", data=config)
    found = told(actions(world.target(**TWO)))["argocd.application-health"]
    assert found.state == ("holds" if orders else "unknown")
    assert (found.fix.question == "delivery.argocd.applications") is not orders
    probe = check_application_health(world.client(), world.argo)
    assert probe.status == ("pass" if orders else "warn")


def test_the_order_of_two_applications_that_may_not_be_read(world: World) -> None:
    world.install_argo()
    _, token = account(world.server, rule("get", "applications", "argoproj.io"))
    assert check_application_health(world.client(token), world.argo).status == "unknown"
    # One Application is ordered by its own waves, so nothing is asked of argocd-cm.
    assert "argocd.application-health" not in told(actions(world.target()))


def test_a_dry_run_changes_nothing(world: World) -> None:
    world.install_argo()
    found = told(actions(world.target()), dry_run=True)
    assert {name: found[name].state for name in CHANGES} == dict.fromkeys(CHANGES, "would change")
    assert "would accept AppProject" in found["argocd.project"].detail
    assert world.writes == []
    assert world.read(APPLICATION)["items"] == []


def test_what_argo_cd_writes_is_no_difference(world: World) -> None:
    world.install_argo()
    told(actions(world.target()))
    body = {
        "status": {"sync": {"status": "Synced"}},
        "operation": {"sync": {"revision": "main"}},
    }
    path = (APPLICATION + "airflow").format(argo=world.argo)
    world.server.request("PATCH", path, body, "application/merge-patch+json")
    world.lines.clear()
    assert set(states(told(actions(world.target()))).values()) == {"holds"}
    assert world.writes == []


def test_a_changed_answer_is_applied(world: World) -> None:
    world.install_argo()
    told(actions(world.target()))
    found = told(actions(world.target(**{"delivery.argocd.revision": "next"})))
    assert found["argocd.application"].state == "changed"
    assert found["argocd.project"].state == "holds"
    sources = world.read(APPLICATION + "airflow")["spec"]["sources"]
    assert sources[1]["targetRevision"] == "next"


def test_an_object_of_another_is_shown_and_kept(world: World) -> None:
    world.install_argo()
    world.put("AppProject", "airflow", api="argoproj.io/v1alpha1", spec={"sourceRepos": ["*"]})
    found = told(actions(world.target()))
    event = found["argocd.project"]
    assert event.state == "blocked"
    assert "does not belong to this wizard" in event.detail
    assert '-    - "*"' in event.diff
    assert "+    - https://airflow.apache.org" in event.diff
    assert "choose a different name in the answers" in event.fix.text
    assert found["argocd.application"].state == "left"
    assert world.read(PROJECT)["spec"] == {"sourceRepos": ["*"]}

    taken = told(actions(replace(world.target(), agreed=agreement(event))))

    assert taken["argocd.project"].state == "changed"
    assert "took over AppProject" in taken["argocd.project"].detail
    assert world.read(PROJECT)["spec"]["sourceRepos"] == ["https://airflow.apache.org", GITHUB]


def test_an_installation_of_another_repository_keeps_what_is_its_own(world: World) -> None:
    world.install_argo()
    world.credential("https://git.example.com/hers/airflow", "repo-creds")
    told(actions(world.target()))
    world.lines.clear()
    hers_url = "https://git.example.com/hers/airflow.git"
    hers = world.target(**{"delivery.argocd.repo_url": hers_url})
    found = told(actions(hers))
    event = found["cluster.store-account"]
    assert event.state == "blocked"
    whose = "belongs to installation airflow of github.com/acme/k8s-infra"
    assert whose in event.detail
    assert '+    airflow-wizard/source: "git.example.com/hers/airflow#airflow"' in event.diff
    for one in steps.build_argocd_steps(hers)[-2:]:
        event = told([one])[one.id]
        assert (event.state, whose in event.detail) == ("blocked", True)
        # No yes takes it over: none is offered, and the diff's own hash changes nothing.
        assert "--take-over" not in event.fix.text
        assert "repository.source=github.com/acme/k8s-infra" in event.fix.text
        seal = hashlib.sha256(event.diff.encode()).hexdigest()[:12]
        agreed = replace(hers, agreed={one.id: seal})
        again = next(step for step in steps.build_argocd_steps(agreed) if step.id == one.id)
        assert told([again])[one.id].state == "blocked"
    assert world.writes == []
    # A repository that has moved says so in its answers.
    moved = {"repository.source": "github.com/acme/k8s-infra"}
    here = world.target(**{"delivery.argocd.repo_url": hers_url, **moved})
    assert told(steps.build_argocd_steps(here)[-1:])["argocd.application"].state == "changed"
    told(actions(world.target()))

    # The same repository, named otherwise, and one of a version that named none.
    https = {"delivery.argocd.repo_url": "https://GitHub.com/acme/k8s-infra"}
    assert told(actions(world.target(**https))[-2:-1])["argocd.project"].state == "changed"
    path = (APPLICATION + "airflow").format(argo=world.argo)
    body = {"metadata": {"annotations": {OWNER_ANNOTATION: None}}}
    world.server.request("PATCH", path, body, "application/merge-patch+json")
    event = told(actions(world.target())[-1:])["argocd.application"]
    assert event.state == "blocked"
    assert "does not say which repository it belongs to" in event.detail
    yes = replace(world.target(), agreed=agreement(event))
    assert told(actions(yes)[-1:])["argocd.application"].state == "changed"
    assert world.read(APPLICATION + "airflow")["metadata"]["annotations"][OWNER_ANNOTATION] == (
        "github.com/acme/k8s-infra#airflow"
    )


def test_a_yes_counts_for_the_diff_that_was_shown_only(world: World) -> None:
    world.install_argo()
    world.put("AppProject", "airflow", api="argoproj.io/v1alpha1", spec={"sourceRepos": ["*"]})
    shown = told(actions(world.target()))["argocd.project"]
    body = {"spec": {"sourceRepos": ["https://theirs.example"]}}
    path = PROJECT.format(argo=world.argo)
    world.server.request("PATCH", path, body, "application/merge-patch+json")
    world.lines.clear()
    event = told(actions(replace(world.target(), agreed=agreement(shown))))["argocd.project"]
    assert event.state == "blocked"
    assert "theirs.example" in event.diff
    assert agreement(event) != agreement(shown)
    assert world.writes == []


def test_fields_of_another_are_named_and_kept(world: World) -> None:
    world.install_argo()
    told(actions(world.target()))
    path = (APPLICATION + "airflow").format(argo=world.argo)
    body = {"spec": {"syncPolicy": {"automated": {"prune": False}}}}
    world.server.request(
        "PATCH", path + "?fieldManager=argocd-server", body, "application/merge-patch+json"
    )
    world.lines.clear()
    event = told(actions(world.target()))["argocd.application"]
    assert event.state == "blocked"
    assert ".spec.syncPolicy.automated.prune (argocd-server)" in event.detail
    assert "-      prune: false" in event.diff
    assert world.writes == []

    agreed = replace(world.target(), agreed=agreement(event))
    assert told(actions(agreed))["argocd.application"].state == "changed"
    spec = world.read(APPLICATION + "airflow")["spec"]
    assert spec["syncPolicy"]["automated"]["prune"] is True
    # The yes was to what the diff showed; it stands for nothing else.
    assert told(actions(agreed))["argocd.application"].state == "holds"


def test_who_may_read_only_is_told_what_holds_and_what_its_owner_does(world: World) -> None:
    world.install_argo()
    target = world.target()
    told(actions(target))
    _, token = account(
        world.server,
        rule("get list", "appprojects applications", "argoproj.io"),
        rule("get", "namespaces configmaps"),
    )
    world.lines.clear()
    found = told(actions(world.target(token)))
    assert found["argocd.project"].state == "holds"
    assert found["argocd.application"].state == "holds"
    assert found["argocd.known-hosts"].state == "holds"
    assert found["argocd.repository"].state == "unknown"
    assert found["cluster.store-account"].state == "unknown"
    changed = told(actions(world.target(token, **{"delivery.argocd.revision": "next"})))
    event = changed["argocd.application"]
    assert (event.state, " -f argocd/airflow/application.yaml" in event.fix.text) == (
        "unknown",
        True,
    )
    assert "+      targetRevision: next" in event.diff
    assert world.writes == []


def test_without_any_right_or_cluster_everything_is_unknown(world: World) -> None:
    world.install_argo()
    _, token = account(world.server)
    target = world.target(token)
    nowhere = replace(target, kube=None, argocd=None)
    for one in (target, nowhere):
        found = told([build_identity_step(one), *delivery.get_installer(one).build_steps(one)])
        assert set(states(found).values()) == {"unknown"}
        assert " -f argocd/airflow/project.yaml" in found["argocd.project"].fix.text
    assert world.writes == []


IDENTITY: list[tuple[str, dict[str, str], str, str]] = [
    ("first contact", {}, "holds", "not recorded yet"),
    ("as recorded", {"uid": "own"}, "holds", "as recorded"),
    ("another way to the same", {"uid": "own", "server": "https://other:6443"}, "holds", "as rec"),
    ("another cluster", {"uid": "0000"}, "blocked", "not the recorded 0000"),
    ("another server", {"server": "https://other:6443"}, "blocked", "not the recorded https"),
]


@pytest.mark.parametrize(
    ("recorded", "state", "says"), [row[1:] for row in IDENTITY], ids=[row[0] for row in IDENTITY]
)
def test_another_cluster_stops(
    world: World, recorded: dict[str, str], state: str, says: str
) -> None:
    world.install_argo()
    own = world.read("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    keys = {f"cluster.{k}": v if v != "own" else own for k, v in recorded.items()}
    found = told(actions(world.target(**keys)))
    assert found["cluster.identity"].state == state
    assert says in found["cluster.identity"].detail
    if state == "blocked":
        assert set(states(found).values()) == {"blocked", "left"}
        assert world.writes == []


def test_a_namespace_or_kind_that_is_missing_says_what_to_install(
    world: World, kube_with_crds: Server
) -> None:
    found = told(actions(world.target())[-2:])
    assert found["argocd.project"].state == "failed"
    assert world.argo in found["argocd.project"].detail
    target = world.target()
    text = target.text("argocd/project").replace("v1alpha1", "v9")
    other = replace(target, files={**target.files, "argocd/project": text.encode()})
    world.put("ConfigMap", "there", data={})
    event = told(actions(other)[-2:])["argocd.project"]
    assert event.state == "failed"
    assert "install Argo CD" in event.fix.text


EDITS: list[tuple[str, str]] = [
    ("kind: AppProject", "kind: ConfigMap"),
    ("  namespace: ", "  namespace: kube-system # "),
    ("kind: AppProject", "kind: [AppProject"),
    ("managed-by: airflow-wizard", "managed-by: me"),
]


@pytest.mark.parametrize(("old", "new"), EDITS)
def test_an_edit_cannot_make_it_apply_something_else(world: World, old: str, new: str) -> None:
    world.install_argo()
    target = world.target()
    text = target.text("argocd/project").replace(old, new, 1)
    other = replace(target, files={**target.files, "argocd/project": text.encode()})
    found = told(actions(other)[-2:])
    assert states(found) == {"argocd.project": "failed", "argocd.application": "left"}
    assert "argocd/airflow/project.yaml" in found["argocd.project"].detail
    assert world.writes == []


def hosts(world: World, *, other: str = "", **changes: Any) -> StepEvent:
    found = actions(world.target(**changes))
    return told([one for one in found if one.id == "argocd.known-hosts"])["argocd.known-hosts"]


def test_known_hosts_are_appended_to_what_stands(world: World) -> None:
    own = world.target().answers.dags.known_hosts.splitlines()
    text = f"gitlab.example ssh-rsa AAAA\n{own[0]}\n# no final newline"
    world.install_argo(text)
    assert hosts(world).state == "changed"
    assert world.read(HOSTS)["data"]["ssh_known_hosts"] == text + "\n" + "".join(
        f"{line}\n" for line in own[1:]
    )


def test_a_revoked_key_stops(world: World) -> None:
    own = world.target().answers.dags.known_hosts.splitlines()
    _, kind, key = own[0].split()
    for hosts_of_it in (own[0].split()[0], "*", "*.elsewhere.example", "|1|c2FsdA==|aGFzaA=="):
        world.install_argo(f"@revoked {hosts_of_it} {kind} {key}\n")
        assert hosts(world).state == "blocked"
    assert world.writes == []


def test_only_verified_keys_of_this_host_are_added(world: World) -> None:
    other = {"delivery.argocd.repo_url": "ssh://git@git.example.com:2222/k8s-infra.git"}
    world.install_argo()
    event = hosts(world, **other)
    assert event.state == "unknown"
    assert "[git.example.com]:2222" in event.detail
    world.put("ConfigMap", LIST, data={"ssh_known_hosts": "[git.example.com]:2222 ssh-rsa AAA\n"})
    assert hosts(world, **other).state == "holds"
    assert world.writes == []
    https = world.target(**{"delivery.argocd.repo_url": "https://github.com/acme/k8s-infra.git"})
    assert "argocd.known-hosts" not in {one.id for one in actions(https)}


def test_no_list_means_no_argo_cd_there(world: World) -> None:
    world.credential()
    event = hosts(world)
    assert (event.state, "delivery.argocd.namespace" in event.fix.text) == ("failed", True)


def test_a_competing_writer_of_known_hosts_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.install_argo()
    target = world.target()
    kube = target.argocd
    assert kube is not None
    real = kube.replace
    rounds: list[int] = []

    def late(manifest: Any, *, dry_run: bool = False) -> Any:
        if not rounds:
            world.put("ConfigMap", LIST, data={"ssh_known_hosts": "theirs ssh-rsa AAAA\n"})
        rounds.append(1)
        return real(manifest, dry_run=dry_run)

    monkeypatch.setattr(kube, "replace", late)
    action = next(one for one in actions(target) if one.id == "argocd.known-hosts")
    assert told([action])["argocd.known-hosts"].state == "changed"
    text = world.read(HOSTS)["data"]["ssh_known_hosts"]
    assert text == "theirs ssh-rsa AAAA\n" + target.answers.dags.known_hosts
    assert len(rounds) == 2


CREDENTIALS: list[tuple[str, dict[str, Any] | None, str, str]] = [
    ("spelled otherwise", {"url": "git@GitHub.com:acme/k8s-infra"}, "holds", "repo-repository"),
    ("by prefix", {"url": "ssh://git@github.com/acme/", "kind": "repo-creds"}, "holds", "creds"),
    ("another's", {"url": "ssh://git@github.com/acme/other.git"}, "failed", "no Secret"),
    ("prefix of no template", {"url": "ssh://git@github.com/acme/"}, "failed", "no Secret"),
    ("unchecked host", {"insecure": "true"}, "blocked", "any host"),
    ("none", None, "failed", "no Secret"),
]


@pytest.mark.parametrize(
    ("secret", "state", "says"), [row[1:] for row in CREDENTIALS], ids=[r[0] for r in CREDENTIALS]
)
def test_whether_argo_cd_may_read_the_repository(
    world: World, secret: dict[str, Any] | None, state: str, says: str
) -> None:
    world.put("ConfigMap", "there", data={})
    if secret is not None:
        world.credential(**secret)
    looks = [one for one in actions(world.target()) if one.id == "argocd.repository"]
    event = told(looks)["argocd.repository"]
    assert event.state == state
    assert says in event.detail
    assert "cAnArY" not in json.dumps(event.to_json())


def policy(
    name: str,
    namespace: str,
    group: str = "argoproj.io",
    kinds: str = "applications",
    operation: str = "CREATE",
) -> Iterator[dict[str, Any]]:
    """An admission rule of the cluster's owner against some kind in one namespace."""
    api = "admissionregistration.k8s.io/v1"
    rules = {
        "apiGroups": [group],
        "apiVersions": ["*"],
        "operations": [operation],
        "resources": [kinds],
    }
    yield {
        "apiVersion": api,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rules]},
            "validations": [{"expression": "false", "message": "freeze until Monday"}],
        },
    }
    where = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    yield {
        "apiVersion": api,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": where},
        },
    }


def until(look: Callable[[], bool]) -> None:
    import time

    deadline = time.monotonic() + 30
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_an_admission_rule_that_refuses_is_no_missing_right(world: World) -> None:
    world.install_argo()
    target = world.target()
    for made in policy(f"freeze-{world.argo}", world.argo):
        world.server.apply(yaml.safe_dump(made))
    text = target.text("argocd/application")

    def refused() -> bool:
        try:
            world.server.dry_run(text)
        except RejectedError:
            return True
        return False

    until(refused)
    event = told(actions(target)[-1:])["argocd.application"]
    assert event.state == "failed"
    assert "admission rule" in event.detail
    assert "freeze until Monday" in event.detail


def test_a_namespace_that_goes_away_is_named(world: World) -> None:
    world.install_argo()
    target = world.target()
    path = f"/api/v1/namespaces/{world.argo}"
    world.server.request("DELETE", path)
    event = told(actions(target)[-1:])["argocd.application"]
    assert event.state == "failed"
    assert "being deleted" in event.detail
    assert "finalizers" in event.fix.text


PLANS: list[tuple[str, dict[str, Any]]] = [
    ("production", {}),
    ("production", {"delivery.argocd.applications": "two"}),
    ("production", {"dags.source": "bundle"}),
    ("production", {"delivery.argocd.repo_url": "https://github.com/acme/k8s-infra.git"}),
    ("production", {"delivery.kind": "helm"}),
    ("production", {"delivery.kind": "helm", "dags.source": "bundle"}),
    ("gitops-vault", {}),
    ("gitops-vault", {"delivery.kind": "helm"}),
]


@pytest.mark.parametrize(("preset", "changes"), PLANS)
def test_the_plan_names_exactly_these_actions(
    preset: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    made = rendering(preset, changes)
    files = {file.logical: file.data for file in made.tree.values() if file.logical}
    target = Target(answered(preset, changes), made.release, None, "", files)  # type: ignore[arg-type]
    ours = ("cluster.", "argocd.", "helm.", "verify")
    planned = {(one.id, one.owner) for one in made.total.steps if one.id.startswith(ours)}
    found = [build_identity_step(target), *delivery.get_installer(target).build_steps(target)]
    assert planned == {(one.id, one.owner) for one in found}
    assert len(planned) == len(found)
