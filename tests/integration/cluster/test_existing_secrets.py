"""Secrets that others make, on a real API server: what is missing or wrong fails with its name."""

from __future__ import annotations

import base64
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.canary import Canary
from tests.support.cluster.kubeconfigs import account, cluster, written
from tests.support.existing import OTHERS
from tests.support.rendered import answers
from tests.support.repository import GitFolder
from tests.testbed.kube import Kube as Server
from wizard.answers.model import Answers
from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.protocol import Kube
from wizard.engine.probes import run_probes
from wizard.engine.steps import StepEvent, run_steps
from wizard.plan.derive import derive_release
from wizard.probes.catalogue import list_cluster_probes
from wizard.secrets.deploy_key import generate_key_pair
from wizard.stores.existing.live.secrets import list_needed_keys
from wizard.stores.live import live_store
from wizard.systems.target import DataKind, Target

pytestmark = pytest.mark.integration


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(at: Server, token: str = "") -> Kube:
        path = written(tmp_path / "kubeconfig", cluster(at), {"token": token or at.token})
        monkeypatch.setenv("KUBECONFIG", str(path))
        return open_kube(patience=1)

    return make


async def probed(made: Answers, kube: Kube) -> dict[str, tuple[str, str, str]]:
    """Status, text and question of each probe of a Secret, by the key's question."""
    found: dict[str, tuple[str, str, str]] = {}
    async for probe, result in run_probes(list_cluster_probes(made, derive_release(made), kube)):
        if probe.id.startswith("cluster.existing."):
            key = probe.id.removeprefix("cluster.existing.")
            found[key] = (result.status, result.detail, result.fix.question)
    return found


async def stepped(made: Answers, kube: Kube, folder: Path) -> StepEvent:
    target = Target(
        made,
        derive_release(made),
        GitFolder.init(folder / uuid.uuid4().hex).repo,
        "",
        {},
        kube=kube,
    )
    run = live_store("existing").open_run(target)
    assert run is not None
    assert (run.login, run.build_removal(), run.build_final_removal()) == (None, (), ())
    pieces: tuple[DataKind, ...] = ("payload",)
    assert run.build_payload_removal(pieces, {}) == ()
    return [event async for event in run_steps(run.build_steps())][-1]


def good_values(made: Answers, canary: Canary) -> dict[str, dict[str, str]]:
    """What others must put into each Secret, from the templates of what is needed."""
    password = canary.secret()
    key = generate_key_pair("ed25519", "").private.get_secret_value().rstrip("\n") + "\n"
    special = {
        "gitSshKey": key,
        "FERNET": base64.urlsafe_b64encode(uuid.uuid4().bytes * 2).decode(),
        "API": password * 3,
        "JWT": password * 3,
    }
    found: dict[str, dict[str, str]] = {}
    for one in list_needed_keys(made, derive_release(made)):
        text = "".join(part if isinstance(part, str) else password for part in one.content)
        found.setdefault(one.secret, {})[one.key] = special.get(one.key, text)
    return found


def put(server: Server, space: str, secrets: dict[str, dict[str, str]]) -> None:
    for name, data in secrets.items():
        about = {"name": name, "namespace": space}
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": about, "data": encoded}
        server.apply(yaml.safe_dump(manifest))


async def test_each_secret_is_looked_at_and_never_touched(
    kube_with_crds: Server, client: Any, canary: Canary, tmp_path: Path
) -> None:
    space = f"space-{uuid.uuid4().hex[:8]}"
    made = answers("production", {**OTHERS, "installation.namespace": space})
    kube = client(kube_with_crds)
    assert {status for status, _, _ in (await probed(made, kube)).values()} == {"fail"}
    event = await stepped(made, kube, tmp_path)
    assert event.state == "failed"
    assert f"Secret platform-airflow does not exist in {space}" in event.detail
    assert "METADATA_URL" in event.detail

    secrets = good_values(made, canary)
    kube_with_crds.request("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
    put(kube_with_crds, space, secrets)
    path = f"/api/v1/namespaces/{space}/secrets/platform-airflow"
    before = kube_with_crds.request("GET", path)
    found = await probed(made, kube)
    assert {key: status for key, (status, _, _) in found.items()} == dict.fromkeys(found, "pass")
    assert (await stepped(made, kube, tmp_path)).state == "holds"
    assert kube_with_crds.request("GET", path) == before

    # One key is gone, one bypasses PgBouncer, and the broker has a password that Redis has not.
    wrong = {name: dict(data) for name, data in secrets.items()}
    own = wrong["platform-airflow"]
    del own["FERNET"]
    own["METADATA_URL"] = own["DIRECT_URL"]
    wrong["platform-redis"]["password"] = canary.secret() + "x"
    put(kube_with_crds, space, {"platform-redis": wrong["platform-redis"]})
    kube_with_crds.request("DELETE", path)
    put(kube_with_crds, space, {"platform-airflow": own})
    found = await probed(made, kube)
    failed = {key: one for key, one in found.items() if one[0] != "pass"}
    assert set(failed) == {"metadata", "fernet_key", "broker"}, failed
    assert "PgBouncer (" in failed["metadata"][1]
    assert failed["metadata"][2] == "secrets.existing.metadata.key"
    assert "Secret platform-airflow has no key FERNET" in failed["fernet_key"][1]
    assert "another password than password of Secret platform-redis" in failed["broker"][1]
    event = await stepped(made, kube, tmp_path)
    assert (event.state, "FERNET" in event.detail) == ("failed", True)
    canary.assert_absent(repr(found), repr(event))

    # Airflow would derive an asynchronous URL that its driver refuses.
    direct = {**OTHERS, "installation.namespace": space, "database.pgbouncer.mode": "off"}
    made = answers("production", direct)
    kube_with_crds.request("DELETE", path)
    put(kube_with_crds, space, good_values(made, canary))
    found = await probed(made, kube)
    assert {key for key, one in found.items() if one[0] != "pass"} == {"metadata"}
    assert found["metadata"][0] == "warn"
    assert "secrets.existing.metadata.async_key" in found["metadata"][1]

    # Who may not read them gets no answer, and nobody says that they are missing.
    _, token = account(kube_with_crds)
    refused = client(kube_with_crds, token)
    assert {status for status, _, _ in (await probed(made, refused)).values()} == {"unknown"}
    assert (await stepped(made, refused, tmp_path)).state == "unknown"
