"""Removal that ends: syncs that hang, finalizers that nobody removes, logins that may not delete.

Vault, the API server and Git are real; tests/departing.py stands in for the controllers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.cli.test_apply_end_to_end import Place, ended, place, states
from tests.integration.cli.test_undo_and_destroy import (
    APPLICATIONS,
    GONE,
    departing,
    entrusted,
    names,
    require_gone,
    stand,
    without_reviewer,
)
from tests.support.cluster.controllers.departing import HOOK_FINALIZER, Departing
from tests.support.cluster.controllers.operators import MERGE
from wizard.systems.argocd.tracking import TRACKING

__all__ = ["departing", "place"]

pytestmark = pytest.mark.integration

JOBS = "/apis/batch/v1/namespaces/{namespace}/jobs"
NOW = "2026-11-21T12:00:00Z"


def hanging(here: Place, *, operation: bool = True, phase: str = "Running") -> None:
    """A sync that hangs at its migration Job, as Argo CD's controller leaves it meanwhile."""
    sync = {"sync": {"revision": "0" * 40}}
    state = {"operation": sync, "phase": phase, "startedAt": NOW, "message": "waiting for hooks"}
    body: dict[str, Any] = {"status": {"operationState": state}}
    if operation:
        body["operation"] = sync
    path = f"{APPLICATIONS}/{here.name}".format(argo=here.world.argo)
    here.kube.request("PATCH", path, body, MERGE)
    hook(here)


def hook(here: Place) -> None:
    """The migration Job as a hook of the running sync."""
    name, namespace = "airflow-run-airflow-migrations", here.world.namespace
    here.world.operators.gone("Job", name)
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "airflow:test"}]}
    about = {
        "name": name,
        "namespace": namespace,
        "labels": {"release": "airflow", "tier": "airflow"},
        "annotations": {
            "argocd.argoproj.io/hook": "Sync",
            TRACKING: f"{here.name}:batch/Job:{namespace}/{name}",
        },
        "finalizers": [HOOK_FINALIZER],
    }
    made = {"apiVersion": "batch/v1", "kind": "Job", "metadata": about,
            "spec": {"template": {"spec": pod}}}  # fmt: skip
    here.kube.apply(json.dumps(made))


def destroy(here: Place, *more: str, code: int = 0) -> Any:
    return here("destroy", "--confirm", here.name, "--yes", "--json", *more, code=code)


@pytest.mark.parametrize("preset", ["production", "gitops-vault"])
def test_destroy_ends_a_sync_that_hangs(
    place: Callable[[str], Place], departing: Callable[[Place], Departing], preset: str
) -> None:
    here = entrusted(place(preset))
    stand(here, departing)
    hanging(here)
    done = destroy(here)
    assert states(done)["destroy.pause"] == "changed", done
    assert names(here, JOBS) == []
    require_gone(here)


def test_a_sync_that_lost_its_operation_is_ended_too(
    place: Callable[[str], Place], departing: Callable[[Place], Departing]
) -> None:
    """An earlier version of the wizard left it so: Argo CD does not act on the phase alone."""
    here = entrusted(place("production"))
    stand(here, departing)
    hanging(here, operation=False, phase="Terminating")
    destroy(here)
    assert names(here, JOBS) == []
    require_gone(here)


def test_undo_ends_the_sync_first(
    place: Callable[[str], Place], departing: Callable[[Place], Departing]
) -> None:
    here = entrusted(place("gitops-vault"))
    stand(here, departing)
    hanging(here)
    done = here("apply", "--undo", "--yes", "--json")
    seen = states(done)
    assert (seen["undo.pause"], seen["undo.application"]) == ("changed", "changed")
    assert seen["undo.hooks"] == "holds"
    assert names(here, APPLICATIONS) == []
    assert all(HOOK_FINALIZER not in (one["metadata"].get("finalizers") or [])
               for one in here.world.read(JOBS)["items"])  # fmt: skip
    destroy(here)
    require_gone(here)


def test_a_finalizer_without_its_controller_needs_a_yes_of_its_own(
    place: Callable[[str], Place], departing: Callable[[Place], Departing]
) -> None:
    here = entrusted(place("production"))
    stand(here, departing)
    hook(here)
    # As an undo of an earlier version left it.
    here.kube.request("DELETE", f"{APPLICATIONS}/{here.name}".format(argo=here.world.argo))
    again = here("apply", "--undo", "--yes", "--json", code=5)
    assert ended(again)["undo.hooks"]["state"] == "blocked"
    done = destroy(here, code=5)
    told = ended(done)["destroy.hooks"]
    assert told["state"] == "blocked", told
    job = "airflow-run-airflow-migrations"
    command = f"kubectl -n {here.world.namespace} patch job {job} --type merge -p "
    assert command + '\'{"metadata":{"finalizers":[]}}\'' in told["fix"], told
    seal = re.search(r"--take-over (destroy\.hooks@[0-9a-f]{12})", told["fix"])
    assert seal, told
    assert names(here, JOBS) == [job]
    destroy(here, "--take-over", "destroy.hooks@000000000000", code=5)
    done = destroy(here, "--take-over", seal[1])
    assert states(done)["destroy.hooks"] == "changed"
    assert names(here, JOBS) == []
    require_gone(here)


def test_what_a_login_may_not_delete_is_not_gone(
    place: Callable[[str], Place], departing: Callable[[Place], Departing]
) -> None:
    here = place("production")
    stand(here, departing)
    head, remote = (one.git("rev-parse", "HEAD") for one in (here.clone, here.remote))
    done = destroy(here, "--push", code=6)
    seen, told = states(done), ended(done)
    open_ = {name for name, state in seen.items() if state == "unknown"}
    assert {"remove.vault-role", "remove.vault-policy", "remove.vault-auth"} <= open_, done
    assert seen["destroy.files"] == "left"
    for name in open_:
        assert name in told["destroy.files"]["detail"]
        assert "run: " in told[name]["fix"], told[name]
    assert f"git rm -r -- .airflow-wizard/{here.name}/base/ .airflow-wizard" in done.err
    assert here.clone.git("rev-parse", "HEAD") == head
    assert here.remote.git("rev-parse", "HEAD") == remote
    assert "already destroyed" not in destroy(here, code=6).err
    entrusted(here)
    destroy(here, "--push")
    require_gone(here)


def test_an_undo_that_may_not_delete_says_so_too(place: Callable[[str], Place]) -> None:
    here = place("production")
    here.fill()
    here.commit()
    here("apply", "--yes")
    done = here("apply", "--undo", "--yes", "--json", code=6)
    assert states(done)["remove.vault-role"] == "unknown", done
    entrusted(here)
    here("apply", "--undo", "--yes", "--json")


def test_a_store_of_earlier_answers_does_not_keep_the_role(
    place: Callable[[str], Place], departing: Callable[[Place], Departing]
) -> None:
    """After a change of the scope, the ClusterSecretStore stands that no file names any more."""
    here = entrusted(place("gitops-vault"))
    stand(here, departing)
    here("set", "secrets.scope=namespace", "--yes")
    here.clone.git("push", "-q", "origin", "HEAD:main")
    here("apply", "--yes")
    # Between the push and the new role, Vault refuses the store's new ServiceAccount.
    assert all("service account name not authorized" in str(one) for one in here.operators.faults)
    here.operators.faults.clear()
    found = ended(destroy(here))
    assert found["remove.vault-role"]["state"] == "changed", found
    left = found["remove.earlier"]
    assert f"ClusterSecretStore vault-{here.name}, of an earlier commit, exists" in left["detail"]
    assert f"kubectl delete clustersecretstore vault-{here.name}" in left["fix"]
    state = without_reviewer(here.state())
    assert {state[name] for name in GONE} == {404}
