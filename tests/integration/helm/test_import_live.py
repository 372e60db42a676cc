"""`import --live` on a real API server, with a release that the real helm installed."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest

from tests.support.canary import Canary
from tests.support.cluster.helm import CHART, HelmWorld
from wizard.errors import UsageError, WizardError
from wizard.formats.nested import get_value
from wizard.imports.importer import import_declaration
from wizard.systems.release.stored_values import read_stored_release

pytestmark = [pytest.mark.integration, pytest.mark.world(delivery="helm")]


def test_a_release_of_helm_gives_answers_and_nothing_is_written(
    world: HelmWorld, tmp_path: Path, canary: Canary
) -> None:
    target = world.delivered()
    kube = target.kube
    assert kube is not None
    about = {"name": world.namespace}
    world.server.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": about}))
    with pytest.raises(UsageError, match="no deployed release"):
        read_stored_release(kube, world.namespace)

    values = tmp_path / "values.yaml"
    values.write_text(
        f"executor: LocalExecutor\nscheduler: {{replicas: 2}}\nfernetKey: {canary.secret()}\n"
    )
    assert target.helm is not None
    command = [
        "helm",
        "install",
        "etl",
        str(CHART),
        "--namespace",
        world.namespace,
        "--values",
        str(values),
        "--no-hooks",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    world.lines.clear()
    declaration = read_stored_release(kube, world.namespace, "etl")
    assert (declaration.release, declaration.namespace) == ("etl", world.namespace)
    assert world.writes == []
    assert {line.split()[0] for line in world.lines} <= {"GET"}, world.lines

    found = import_declaration(declaration)
    assert get_value(found.data, ("executor", "kind")) == "LocalExecutor"
    assert get_value(found.data, ("installation", "release")) == "etl"
    assert get_value(found.data, ("installation", "namespace")) == world.namespace
    assert get_value(found.data, ("delivery", "kind")) == "helm"
    assert [one.key for one in found.secrets] == ["fernetKey"]
    assert canary.traces(found.to_text(), json.dumps(found.to_json())) == []

    spoil(world, "sh.helm.release.v1.etl.v1")
    with pytest.raises(WizardError, match="as Helm 3 writes it"):
        read_stored_release(kube, world.namespace, "etl")


def spoil(world: HelmWorld, name: str) -> None:
    """What a revision is not."""
    path = f"/api/v1/namespaces/{world.namespace}/secrets/{name}"
    secret = world.server.request("GET", path)
    secret["data"]["release"] = base64.b64encode(b"no revision").decode()
    world.server.request("PUT", path, secret)
