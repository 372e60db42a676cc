"""Delivery by Helm with Secrets that the wizard makes: from the first value to the last Secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.canary import Canary
from tests.support.cli import Wizard, answers_file, aw
from tests.support.cluster.controllers.departing import Departing
from tests.support.cluster.helm import CHART, Cluster, HelmWorld, read_events
from tests.support.cluster.kubeconfigs import account, rule
from tests.support.process import WIZARD, Finished, run
from tests.testbed.kube import RejectedError

__all__ = ["aw"]

pytestmark = [pytest.mark.integration, pytest.mark.world(delivery="helm")]

SECRETS = "/api/v1/namespaces/{namespace}/secrets"


class Place:
    """One committed installation with the store kubernetes, and its operator."""

    def __init__(self, world: HelmWorld, aw: Wizard, env: dict[str, str]) -> None:
        self.world, self.aw, self.env = world, aw, env

    def __call__(self, *words: str, code: int = 0) -> Finished:
        done = run([*WIZARD, *words], cwd=self.aw.folder, env=self.env, timeout=300)
        assert done.code == code, done.out + done.err
        return done

    def versions(self) -> dict[str, str]:
        """The Secrets of the namespace by name, without those of Helm."""
        listed = self.world.read(SECRETS)["items"]
        return {
            one["metadata"]["name"]: one["metadata"]["resourceVersion"]
            for one in listed
            if one["type"] != "helm.sh/release.v1"
        }


@pytest.fixture
def place(
    aw: Wizard, world: HelmWorld, tmp_path: Path, helm: Path, canary: Canary
) -> Iterator[Place]:
    _, token = account(world.server, rule("*", "*", "*"))
    made = Place(world, aw, {
        "KUBECONFIG": str(world.kubeconfig(tmp_path / "own", token)),
        "PATH": f"{helm.parent}:/usr/bin:/bin",
        "AIRFLOW_DB_PASSWORD": canary.hostile("database"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    })  # fmt: skip
    changes = {
        "installation.namespace": world.namespace,
        "delivery.kind": "helm",
        "secrets.store": "kubernetes",
    }
    aw.ok("commit", "--yes", "--answers", str(answers_file(tmp_path / "answers.yaml", changes)))
    with Cluster(world) as cluster:
        yield made
    assert [fault for fault in cluster.faults if not isinstance(fault, RejectedError)] == []


def test_the_values_are_made_once_and_go_last(place: Place) -> None:
    about = {"metadata": {"name": place.world.namespace}}
    place.world.server.request("POST", "/api/v1/namespaces", about)
    hers = {"metadata": {"name": "hers"}, "stringData": {"a": "b"}}
    place.world.server.request("POST", SECRETS.format(namespace=place.world.namespace), hers)
    before = place("apply", "--yes", "--json", "--chart", str(CHART), code=5)
    assert read_events(before.out)["kubernetes.secrets"]["state"] == "blocked"
    place("secrets", "--yes", "--allow-reference", "database.password")
    place("commit", "--yes")
    made = place.versions()
    assert {"airflow-generated", "airflow-metadata", "airflow-ssh-secret"} <= set(made)
    found = read_events(place("apply", "--yes", "--json", "--chart", str(CHART)).out)
    assert found["kubernetes.secrets"]["state"] == "holds", found
    assert place.versions() == made
    with Departing(place.world.operators, "airflow"):
        kept = place("destroy", "--confirm", "airflow", "--dry-run", "--json")
        assert read_events(kept.out)["destroy.secrets"]["state"] == "kept", kept
        done = place("destroy", "--confirm", "airflow", "--yes", "--json", "--data", "payload")
    found = read_events(done.out)
    assert found["destroy.secrets"]["state"] == "changed", found
    assert set(place.versions()) == {"hers"}
