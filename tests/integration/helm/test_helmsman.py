"""Delivery by Helmsman on a real API server: `apply` runs helm, and Helmsman can go on from there.

Helmsman itself is not run: the Go module proxy does not serve it, and it needs kubectl.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.support.cluster.argocd import told
from tests.support.cluster.helm import HelmWorld
from tests.support.rendered import rendering
from tests.testbed import programs
from tests.testbed.fixtures import found
from wizard.engine.steps import StepEvent
from wizard.manifests.image import IMAGE_VALUES
from wizard.systems.helm import removal
from wizard.systems.helm.steps import build_chart_step, build_manifest_steps
from wizard.systems.target import Target

pytestmark = [pytest.mark.integration, pytest.mark.world(delivery="helm")]

HELMSMAN: dict[str, object] = {
    "delivery.kind": "helmsman",
    "installation.image": {"repository": "registry.example.com/airflow", "tag": "3.2.2-first"},
}


def applied(target: Target) -> StepEvent:
    return told((*build_manifest_steps(target), build_chart_step(target)))["helm.chart"]


def deployed(world: HelmWorld) -> Any:
    """The image in the values of the last revision, as helm reports them."""
    done = subprocess.run(
        [found(programs.helm), "get", "values", "airflow", "--namespace", world.namespace],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return yaml.safe_load(done.stdout.partition("\n")[2])["images"]["airflow"]


def test_the_pipelines_image_is_installed_and_the_release_is_helmsmans(world: HelmWorld) -> None:
    target = world.delivered(HELMSMAN)
    assert applied(target).state == "changed"
    assert deployed(world) == {
        "pullPolicy": "IfNotPresent",
        "repository": "registry.example.com/airflow",
        "tag": "3.2.2-first",
    }
    (labels,) = world.revisions()
    # As `kubectl label` of Helmsman writes them; by these it finds its releases.
    assert (labels["MANAGED-BY"], labels["NAMESPACE"], labels["HELMSMAN_CONTEXT"]) == (
        "HELMSMAN",
        world.namespace,
        "airflow",
    )
    # The labels by which `apply` and `destroy` know a release are those of the state file.
    state = yaml.safe_load(rendering("production", {
        **HELMSMAN, "repository.source": "git.example.com/acme/airflow",
    }).tree.by_logical("helmsman").text)  # fmt: skip
    (flag,) = state["apps"]["airflow"]["helmFlags"]
    for pair in flag.removeprefix("--labels=").split(","):
        name, _, value = pair.partition("=")
        assert labels[name] == value

    assert applied(world.delivered(HELMSMAN)).state == "holds"
    changed = target.files[IMAGE_VALUES].replace(b"3.2.2-first", b"3.2.2-second")
    newer = replace(target, files={**target.files, IMAGE_VALUES: changed})
    assert applied(newer).state == "changed"
    assert deployed(world)["tag"] == "3.2.2-second"
    assert world.statuses() == ["superseded", "deployed"]
    # The answers still say the first tag, and do not bring it back.
    assert applied(newer).state == "holds"


def test_a_revision_of_helmsman_is_known_and_removed(world: HelmWorld) -> None:
    """As `helmsman --apply` runs helm, with the flags of the state file."""
    target = world.delivered(HELMSMAN)
    told(build_manifest_steps(target))
    state = yaml.safe_load(target.text("helmsman"))
    app = state["apps"]["airflow"]
    files = []
    for name, logical in zip(app["valuesFiles"], ("values", IMAGE_VALUES), strict=True):
        path = world.folder / name
        path.write_bytes(target.files[logical])
        files += ["-f", str(path)]
    subprocess.run(
        [found(programs.helm), "upgrade", "--install", "airflow", str(world.chart),
         "--namespace", world.namespace, *files, "--history-max", "10", *app["helmFlags"]],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    # Helmsman does not note the digest of the chart, which only counts with --chart.
    assert applied(replace(target, chart=None)).state == "holds"
    gone = told(removal.build_helm_removal(target, None, (), exact=False))
    assert gone[removal.UNINSTALL].state == "changed", gone[removal.UNINSTALL]
    assert world.revisions() == []
