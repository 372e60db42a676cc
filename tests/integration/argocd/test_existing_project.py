"""An AppProject of the platform team on a real API server: read, judged, and never written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cluster.argocd import GITHUB, World, told
from tests.support.cluster.kubeconfigs import account, rule
from wizard.systems.argocd import removal, steps
from wizard.systems.argocd.cluster_checks import list_argocd_checks
from wizard.systems.target import Target

pytestmark = pytest.mark.integration

NAME = "data-platform"
EXISTING = {"delivery.argocd.project_kind": "existing", "delivery.argocd.project": NAME}
PROJECT = f"/apis/argoproj.io/v1alpha1/namespaces/{{argo}}/appprojects/{NAME}"


def put_project(world: World, **changes: Any) -> None:
    allowed = {
        "sourceRepos": ["https://airflow.apache.org", GITHUB],
        "destinations": [{"server": "*", "namespace": world.namespace}],
        "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
    }
    spec = {**allowed, **changes}
    world.put("AppProject", NAME, api="argoproj.io/v1alpha1", spec=spec)


def checked(target: Target) -> tuple[str, str]:
    """How `check --live` judges the project."""
    assert target.kube is not None
    checks = list_argocd_checks(target.answers, target.release, target.kube, target.argocd)
    (found,) = [one for one in checks if one.id == "argocd-project"]
    result = found.judge()
    return result.status, result.detail


def test_a_project_is_judged_and_left_alone(world: World) -> None:
    world.install_argo()
    found = told(steps.build_argocd_steps(world.target(**EXISTING)))
    assert found["argocd.project"].state == "blocked"
    assert "does not exist" in found["argocd.project"].detail
    assert found["argocd.application"].state == "left"

    put_project(world, destinations=[{"server": "*", "namespace": "other"}])
    narrow = told(steps.build_argocd_steps(world.target(**EXISTING)))
    assert (narrow["argocd.project"].state, narrow["argocd.application"].state) == (
        "blocked",
        "left",
    )
    assert f"namespace {world.namespace}" in narrow["argocd.project"].detail
    assert checked(world.target(**EXISTING))[0] == "fail"

    put_project(world)
    before = world.read(PROJECT)
    target = world.target(**EXISTING)
    done = told(steps.build_argocd_steps(target))
    assert (done["argocd.project"].state, done["argocd.application"].state) == (
        "holds",
        "changed",
    )
    assert checked(target)[0] == "pass"
    for exact in (True, False):
        names = [one.id for one in removal.build_argocd_removal(target, exact=exact)]
        assert names
        assert "remove.project" not in names
    assert world.read(PROJECT) == before


def test_what_this_login_may_not_read_stays_unverified(world: World) -> None:
    world.install_argo()
    put_project(world)
    _, token = account(world.server, rule("get list", "secrets"), rule("*", "configmaps"))
    found = told(steps.build_argocd_steps(world.target(token, **EXISTING)))
    assert found["argocd.project"].state == "unknown"
    assert "no permission to read AppProject" in found["argocd.project"].detail
