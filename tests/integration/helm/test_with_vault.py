"""Delivery by Helm with a real Vault: what is looked at first, and the end of a namespace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.canary import Canary
from tests.support.cli import Wizard, answers_file, aw
from tests.support.cluster.controllers.departing import CLEANUP, Departing
from tests.support.cluster.helm import CHART, Cluster, HelmWorld, chart_with, read_events
from tests.support.cluster.kubeconfigs import account, rule
from tests.support.process import WIZARD, Finished, run
from tests.testbed.kube import RejectedError
from tests.testbed.token_controller import TokenController
from tests.testbed.vault import RefusedError, Vault
from wizard.manifests.ownership import OWNER_ANNOTATION

__all__ = ["aw"]

pytestmark = [pytest.mark.integration, pytest.mark.world(delivery="helm")]


class Slow(Departing):
    """A namespace takes its time, as on a real cluster: longer than a Lease is renewed."""

    seconds = 12.0
    _since = 0.0

    def _finish(self) -> None:
        found = self.kube.request("GET", f"/api/v1/namespaces/{self.namespace}")
        if "deletionTimestamp" not in found["metadata"]:
            return
        self._since = self._since or time.monotonic()
        lease = f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases"
        for path, _ in self.items(lease):
            self.delete(path)
        if time.monotonic() - self._since > self.seconds:
            super()._finish()


class Place:
    """One committed installation, its Vault and its operator."""

    def __init__(self, world: HelmWorld, aw: Wizard, vault: Vault, env: dict[str, str]) -> None:
        self.world, self.aw, self.vault, self.env = world, aw, vault, env
        self.mount, self.own = f"kv-{world.namespace}", f"own-{world.namespace}"

    def __call__(self, *words: str, code: int = 0) -> Finished:
        done = run([*WIZARD, *words], cwd=self.aw.folder, env=self.env, timeout=100)
        assert done.code == code, done.out + done.err
        return done

    def stored(self, path: str) -> Any:
        try:
            return self.vault.request("GET", path)["data"]
        except RefusedError as error:
            return error.status


@pytest.fixture
def place(
    aw: Wizard, world: HelmWorld, tmp_path: Path, helm: Path, canary: Canary, plain_vault: Vault
) -> Iterator[Place]:
    _, token = account(world.server, rule("*", "*", "*"))
    made = Place(world, aw, plain_vault, {
        "KUBECONFIG": str(world.kubeconfig(tmp_path / "own", token)),
        "PATH": f"{helm.parent}:/usr/bin:/bin",
        "AIRFLOW_DB_PASSWORD": canary.hostile("database"),
        "VAULT_ADDR": plain_vault.url,
        "VAULT_CACERT": str(plain_vault.ca),
        "VAULT_TOKEN": plain_vault.token,
    })  # fmt: skip
    changes = {
        "installation.namespace": world.namespace,
        "delivery.kind": "helm",
        "secrets.vault.mount": made.mount,
        "secrets.vault.auth_mount": made.own,
        "secrets.vault.role": made.own,
    }
    aw.ok("commit", "--yes", "--answers", str(answers_file(tmp_path / "answers.yaml", changes)))
    plain_vault.mount(made.mount)
    with TokenController(world.server, "vault-auth"), Cluster(world) as cluster:
        yield made
    assert [fault for fault in cluster.faults if not isinstance(fault, RejectedError)] == []


def test_a_chart_that_will_not_do_is_found_before_vault_is_changed(
    place: Place, tmp_path: Path
) -> None:
    text = (CHART / "Chart.yaml").read_text()
    other = chart_with(tmp_path / "other", {"Chart.yaml": text.replace("1.22.0", "1.21.0")})
    own = place.own
    unreachable = {"https_proxy": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1"}
    no_proxy = {"no_proxy": "127.0.0.1,localhost", "NO_PROXY": "127.0.0.1,localhost"}
    for words, env in (
        (("--chart", str(other)), {}),
        ((), {**unreachable, **no_proxy}),
    ):
        before = place.env
        place.env = {**before, **env}
        found = read_events(place("apply", "--yes", "--json", *words, code=6).out)
        place.env = before
        at = "helm.program" if words else "helm.chart"
        assert found[at]["state"] == "failed", found
        assert found[at]["fix"]
        assert {event["state"] for event in found.values()} <= {
            "holds",
            "unknown",
            "left",
            "failed",
        }
        assert place.stored(f"sys/policies/acl/{own}-read") == 404
        assert f"{own}/" not in place.stored("sys/auth")


def test_a_namespace_goes_with_the_lease_in_it(place: Place) -> None:
    place("secrets", "--yes", "--allow-reference", "database.password")
    place("commit", "--yes")
    place("apply", "--yes", "--chart", str(CHART))
    own = place.own
    # The first commit of a repository without a remote names its source already.
    assert f"# {OWNER_ANNOTATION}: " in place.stored(f"sys/policies/acl/{own}-read")["policy"]
    with Slow(place.world.operators, "airflow") as controllers:
        # As External Secrets: the Secret goes with its ExternalSecret.
        secrets = "/apis/external-secrets.io/v1/namespaces/{}/externalsecrets"
        for path, _ in controllers.items(secrets):
            controllers.patch(path, finalizers=[CLEANUP])
        pieces = ("--data", "namespace", "--data", "volumes", "--data", "payload")
        done = place("destroy", "--confirm", "airflow", "--yes", "--json", *pieces)
    found = read_events(done.out)
    assert found["destroy.namespace"]["state"] == "changed", done
    assert found["remove.vault-role"]["state"] == "changed", done
    assert found["destroy.files"]["state"] == "changed", done
    assert place.stored(f"sys/policies/acl/{own}-read") == 404
    assert place.world.exists("/api/v1/namespaces/{namespace}") is None
