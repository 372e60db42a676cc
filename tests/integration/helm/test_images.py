"""The images that are listed are those of the pods that the real chart renders, in one registry."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.rendered import objects, rendering
from wizard.answers import presets
from wizard.manifests.images import list_all_images
from wizard.plan.render import Rendering

pytestmark = pytest.mark.integration

REGISTRY = "registry.example.internal:5000/mirror"
SSO: dict[str, object] = {
    "access.base_url": "https://airflow.example.com",
    "access.login": "proxy",
    "access.oauth.provider": "okta",
    "access.oauth.issuer": "https://example.okta.com",
    "access.oauth.client_id": "0oa1",
    "access.oauth.roles": {"admins": "Admin"},
}
BESIDE = {"name": "beside", "image": "ghcr.io/acme/beside:1@sha256:" + "0" * 64}
VARIANTS: dict[str, tuple[str, dict[str, object]]] = {
    **{preset: (preset, {}) for preset in presets.list_presets()},
    "everything": (
        "production",
        {
            "executor.kind": "CeleryExecutor,KubernetesExecutor",
            "environment.cleanup": {"database": True, "retention_days": 30, "pods": True},
            **SSO,
            "values": {
                "flower": {"enabled": True},
                "otelCollector": {"tracesEnabled": True},
                "images": {"useDefaultImageForMigration": True},
                "statsd": {"enabled": False},
                "scheduler": {"extraInitContainers": [BESIDE]},
                # Off, so it has no pods.
                "webserver": {"enabled": False, "extraContainers": [{"name": "x", "image": "x:1"}]},
            },
        },
    ),
    "own image": (
        "kubernetes-executor",
        {
            "installation.image.repository": "registry.example.internal:5000/data/airflow",
            "installation.image.tag": "r1",
            "values": {"images": {"statsd": {"tag": "v0.30.1"}}},
        },
    ),
}


@pytest.mark.parametrize(
    ("name", "registry"),
    [*((name, REGISTRY) for name in VARIANTS), ("local", ""), ("everything", "")],
)
def test_the_list_has_exactly_the_images_of_all_pods(
    name: str, registry: str, helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    preset, changes = VARIANTS[name]
    made = rendering(preset, {**changes, "installation.image.registry": registry})
    listed = {one.name for one in list_all_images(made.release, made.total)}
    if made.release.own_image:  # of the build, and of no pod
        listed -= {one.name for one in made.total.images}
    found = {*pod_images(made, helm, airflow_chart, tmp_path)}
    assert listed == found
    own = BESIDE["image"]
    outside = {one for one in found - {own} if not one.startswith(f"{REGISTRY}/")}
    if registry:
        assert outside <= {"registry.example.internal:5000/data/airflow:r1"}


def pod_images(made: Rendering, helm: Path, chart: Path, folder: Path) -> Iterator[str]:
    """The image of every container, of our own pods too; the executor names that of a task."""
    path = folder / "values.yaml"
    path.write_text(made.tree.by_logical("values").text)
    done = subprocess.run(
        [helm, "template", made.release.names.release, chart, "--namespace",
         made.release.namespace, "--values", path],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    for one in filter(None, yaml.safe_load_all(done.stdout)):
        yield from _images(one)
        settings = (one.get("data") or {}) if one["kind"] == "ConfigMap" else {}
        if made.release.kubernetes and "pod_template_file.yaml" in settings:
            task = yaml.safe_load(settings["pod_template_file.yaml"])
            lines = dict(
                line.split(" = ", 1)
                for line in settings["airflow.cfg"].splitlines()
                if line.startswith("worker_container_")
            )
            task["spec"]["containers"][0]["image"] = ":".join(
                lines[f"worker_container_{part}"] for part in ("repository", "tag")
            )
            yield from _images(task)
    for one in objects(made):
        yield from _images(one)


def _images(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _images(one)
    if isinstance(node, Mapping):
        for key, below in node.items():
            if key in {"containers", "initContainers"}:
                yield from (one["image"] for one in below)
            yield from _images(below)
