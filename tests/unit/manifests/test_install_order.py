"""The order in which an installation is made, for every delivery with every store.

The commands are those of the script or of the runbook's section by hand; what `apply` does has its
own tests.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.rendered import objections, rendering
from tests.unit.plan.test_golden_trees import VARIANTS
from wizard.deliveries.registry import DELIVERIES, delivery_kind
from wizard.manifests.prerequisites import Prerequisite
from wizard.stores.registry import STORES, store_kind

if TYPE_CHECKING:
    from wizard.plan.render import Rendering

# A preset of each store, with answers of its own.
PRESETS: dict[str, tuple[str, dict[str, object]]] = {
    "vault": ("production", {}),
    "azure": ("aks", {}),
    "existing": ("existing-secrets", {}),
    "kubernetes": ("production", {"secrets.store": "kubernetes"}),
    "sops": ("production", VARIANTS["encrypted-in-git"]),
}
# Everything that needs a program in the cluster, so that each combination has all of them.
PROGRAMS: dict[str, object] = {
    "executor": {"kind": "CeleryExecutor", "workers": {"autoscaling": "keda"}},
    "environment.reloader": True,
    "access.kind": "ingress",
    "access.base_url": "https://airflow.example.com",
    "access.tls.issuer": "letsencrypt",
}
COMBINATIONS = list(itertools.product(DELIVERIES, STORES))


def preset_of(store: str) -> tuple[str, dict[str, object]]:
    return PRESETS.get(store, ("production", {"secrets.store": store}))


def made(delivery: str, store: str, changes: dict[str, object] | None = None) -> Rendering:
    preset, own = preset_of(store)
    return rendering(preset, {**PROGRAMS, **own, **(changes or {}), "delivery.kind": delivery})


def installs(one: Prerequisite) -> str:
    return rf"helm (?:upgrade --)?install {one.chart} {one.chart} --repo {re.escape(one.source)}"


def position(text: str, pattern: str) -> int:
    found = re.search(pattern, text, re.M)
    assert found, f"{pattern} is missing in\n{text}"
    return found.start()


def require_order(text: str, *patterns: str) -> None:
    places = [position(text, one) for one in patterns]
    assert places == sorted(places), dict(zip(patterns, places, strict=True))


@pytest.mark.parametrize(("delivery", "store"), COMBINATIONS)
def test_each_step_has_what_it_needs(delivery: str, store: str) -> None:
    kind, secrets = delivery_kind(delivery), store_kind(store)
    if kind.local and secrets.needs_public_issuer:
        preset, own = preset_of(store)
        with pytest.raises(Exception, match=r"secrets\.store"):
            rendering(preset, {**own, "delivery.kind": delivery})
        return
    found = made(delivery, store)
    release, runbook = found.release, found.tree.by_logical("runbook").text
    programs = [installs(one) for one in release.prerequisites if one.chart]
    assert len(programs) == 5 if secrets.external_secrets else 4
    apply, ready = (
        r"^kubectl apply .* -k ",
        r"(?:kubectl .* wait externalsecret|get secret airflow)",
    )
    chart = r"^(?:helm upgrade --install airflow |helmsman --apply )"
    if kind.local:
        script = next((one.text for one in found.tree.values() if one.path.endswith("up.sh")), "")
        text = script or runbook
        cluster = r"(?:kind create cluster|minikube start)"
        space = r"kubectl create namespace airflow"
        issuer = r"kubectl get clusterissuers\S* letsencrypt"
        require_order(text, cluster, space, programs[0], issuer, *programs[1:], chart)
        # The runbook names no other command for them: it would have no cluster yet.
        assert not script or not re.search(r"helm .*--repo", runbook)
        if secrets.fillable and not secrets.external_secrets:
            require_order(text, space, r"^airflow-wizard secrets .*--yes", chart)
        if secrets.trusted_keys:
            require_order(text, r"^airflow-wizard secrets .*--yes", r"sops decrypt", chart)
        if secrets.external_secrets:
            require_order(text, programs[-1], apply, ready, chart)
            # The script stops between the two, and is run again after the store's own commands.
            if script:
                position(runbook, r"^airflow-wizard secrets (?:.*\n)+?bash \S+/up\.sh$")
            else:
                require_order(runbook, apply, r"^airflow-wizard secrets", ready)
        if secrets.made_by_others:
            require_order(text, space, ready, chart)
        return
    # The cluster is there, and its owner installs what is missing before anything else.
    require_order(runbook, r"sh out/platform/prerequisites\.sh install", r"^airflow-wizard apply ")
    if not kind.gitops:
        require_order(runbook, apply, *([ready] if secrets.external_secrets else []), chart)


@pytest.mark.parametrize("delivery", [one for one in DELIVERIES if not delivery_kind(one).local])
@pytest.mark.parametrize("backup", [None, {"url": "s3://backups/airflow"}])
def test_the_operator_of_the_database_comes_before_its_cluster(
    delivery: str, backup: dict[str, object] | None
) -> None:
    found = rendering(
        "production",
        {
            "delivery.kind": delivery,
            "database.kind": "cloudnativepg",
            "database.cluster": {"backup": backup or {}, "operator_namespace": "postgres"},
        },
    )
    needed = [one.id for one in found.release.prerequisites if not one.hub]
    plugin = ["cert-manager", "external-secrets", "cloudnativepg", "barman-cloud"]
    assert needed == (plugin if backup else ["external-secrets", "cloudnativepg"])
    spaces = {one.id: one.namespace for one in found.release.prerequisites}
    assert {spaces[one] for one in needed[-2:] if one in plugin[2:]} == {"postgres"}
    if not delivery_kind(delivery).gitops:
        runbook = found.tree.by_logical("runbook").text
        wait = r"wait cluster\.postgresql\.cnpg\.io/airflow-db --for=condition=Ready"
        chart = r"^(?:helm upgrade --install airflow |helmsman --apply )"
        require_order(runbook, r"^kubectl apply .* -k ", r"wait externalsecret", wait, chart)


def test_a_local_cluster_has_no_operator_of_databases() -> None:
    found = objections("local", {"database.kind": "cloudnativepg"})
    assert [one for one in found if "database.kind" in str(one)]
