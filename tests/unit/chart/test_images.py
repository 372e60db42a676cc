"""The chart's images are those of its own values, and all of them move to one registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.rendered import answers, dig, findings, objections, rendering, values
from wizard.chart.images import list_images, postgresql_settings, registry_settings
from wizard.chart.versions import chart_version, list_chart_versions
from wizard.formats.images import name_copy, split_reference
from wizard.manifests.images import list_all_images

REGISTRY = "registry.example.internal:5000/mirror"
OWN = "registry.example.internal:5000/own"
EVERYTHING: dict[str, Any] = {
    "executor": "CeleryExecutor,KubernetesExecutor",
    "pgbouncer": {"enabled": True},
    "flower": {"enabled": True},
    "otelCollector": {"tracesEnabled": True},
    "dags": {"gitSync": {"enabled": True}},
    "postgresql": {"enabled": True},
}


@pytest.mark.parametrize("chart", list_chart_versions())
def test_repositories_and_tags_are_those_of_the_chart(chart: str, shared: Path) -> None:
    with (shared / "chart" / chart / "values.yaml").open() as file:
        given = yaml.load(file, yaml.CSafeLoader)
    named = {
        f"{one['repository']}:{one['tag']}"
        for one in given["images"].values()
        if isinstance(one, dict) and one["repository"]
    }
    own = dig(given, "postgresql.image") or {"repository": "bitnami/postgresql"}
    named.add(f"docker.io/{own['repository']}:16.1.0-debian-11-r15")
    # The wizard always writes the tag, so this default is that of values made by others.
    named.add(f"{given['defaultAirflowRepository']}:{chart_version(chart).airflow}")
    assert {one.name for one in list_images(EVERYTHING, chart)} == named


@pytest.mark.parametrize("chart", list_chart_versions())
def test_every_image_of_every_chart_moves_to_the_registry(chart: str) -> None:
    moved: dict[str, Any] = {}
    settings = registry_settings(REGISTRY, chart, bundled_database=True)
    for key, value in {**settings, **postgresql_settings(chart)}.items():
        *parents, last = key.split(".")
        node = moved
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    for key, value in EVERYTHING.items():
        moved[key] = {**moved.get(key, {}), **value} if isinstance(value, dict) else value
    before, after = list_images(EVERYTHING, chart), list_images(moved, chart, REGISTRY)
    # Docker Hub has the PostgreSQL of older charts below another name only.
    legacy = [one.name.replace("bitnami/", "bitnamilegacy/") for one in before]
    assert [one.name for one in after] == [name_copy(one, REGISTRY) for one in legacy]
    assert all(one.name.startswith(f"{REGISTRY}/") for one in after)
    # Which image each one is a copy of, in full.
    assert {one.source.partition("/")[0] for one in after} == {
        "docker.io", "quay.io", "registry.k8s.io",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("image", "copy"),
    [
        ("redis:7", "r.example/m/library/redis:7"),
        ("docker.io/redis", "r.example/m/library/redis"),
        ("apache/airflow:3.2.2", "r.example/m/apache/airflow:3.2.2"),
        ("quay.io:443/a/b/c@sha256:1", "r.example/m/a/b/c@sha256:1"),
        ("localhost/a:1", "r.example/m/a:1"),
        ("r.example/m/a:1", "r.example/m/a:1"),
        ("r.example/mm/a:1", "r.example/m/mm/a:1"),
    ],
)
def test_a_copy_has_the_same_path_in_the_registry(image: str, copy: str) -> None:
    assert name_copy(image, "r.example/m") == copy
    assert name_copy(image, "") == image


def test_a_reference_has_a_tag_a_digest_or_both() -> None:
    assert split_reference("a.example:5000/b") == ("a.example:5000/b", "")
    assert split_reference("a.example:5000/b:1") == ("a.example:5000/b", ":1")
    assert split_reference("b:1@sha256:2") == ("b", ":1@sha256:2")


REFUSED = {
    "registry.example.com/mirror:1": "remove the tag",
    "registry.example.com:5000/mirror:latest": "remove the tag",
    "registry.example.com:latest": "remove the tag",
    "registry.example.com/mirror@sha256:" + "0" * 64: "give it without a digest",
    "user@registry.example.com/mirror": "give it without a digest or a user",
    "https://registry.example.com/mirror": "give it without a scheme",
    "oci://registry.example.com": "give it without a scheme",
    "registry.example.com/Mirror": "use lower case",
    "Registry.example.com": "use lower case",
    "registry.example.com/mirror/": "remove the slash at the end",
    "registry.example.com//mirror": "give the host of a registry",
    "registry.example.com/../mirror": "give the host of a registry",
    "mirror/airflow": "give the host of a registry",
    "mirror": "give the host of a registry",
    "-registry.example.com": "give the host of a registry",
    "registry.example.com/a b": "give the host of a registry",
    "registry.example.com/$(id)": "give the host of a registry",
}


@pytest.mark.parametrize("prefix", REFUSED)
def test_a_registry_that_no_image_can_have_is_refused_by_its_fault(prefix: str) -> None:
    [problem] = objections("production", {"installation.image.registry": prefix})
    assert problem.startswith(f"installation.image.registry: {REFUSED[prefix]}")
    assert "registry.example.com/mirror" in problem


@pytest.mark.parametrize(
    "prefix", ["registry.example.com", "localhost:5001", "localhost", REGISTRY, "10.0.0.7:5000/a_b"]
)
def test_a_registry_is_a_host_with_or_without_a_path(prefix: str) -> None:
    made = rendering("local", {"installation.image.registry": prefix})
    assert {split_reference(one.name)[0].startswith(f"{prefix}/") for one in every_image(made)} == {
        True
    }
    assert not findings(made)


def every_image(made: Any) -> tuple[Any, ...]:
    return list_all_images(made.release, made.total)


def test_what_builds_the_image_comes_from_the_registry_too() -> None:
    image = {"repository": f"{REGISTRY}/data/airflow", "tag": "r1", "ci": "github"}
    made = rendering("production", {"installation.image": {**image, "registry": REGISTRY}})
    dockerfile = made.tree.by_logical("image/dockerfile").text
    assert dockerfile.startswith(f"FROM {REGISTRY}/apache/airflow:3.2.2\n")
    assert f"SCANNER:-{REGISTRY}/aquasec/trivy:" in made.tree.by_logical("image/build").text
    sources = {one.name: one.source for one in every_image(made)}
    assert sources[f"{REGISTRY}/data/airflow:r1"] == ""
    assert sources[f"{REGISTRY}/apache/airflow:3.2.2"] == "docker.io/apache/airflow:3.2.2"
    assert not findings(made)


def test_an_image_of_the_same_registry_stays_as_it_is_named() -> None:
    for named, used in {
        "quay.io/oauth2-proxy/oauth2-proxy:v7": f"{REGISTRY}/oauth2-proxy/oauth2-proxy:v7",
        f"{OWN}/proxy:v7": f"{OWN}/proxy:v7",
    }.items():
        changes: dict[str, object] = {
            "access.base_url": "https://airflow.example.com",
            "access.login": "proxy",
            "access.oauth.provider": "okta",
            "access.oauth.issuer": "https://example.okta.com",
            "access.oauth.client_id": "0oa1",
            "access.oauth.roles": {"admins": "Admin"},
            "access.proxy.image": named,
            "installation.image.registry": REGISTRY,
        }
        made = rendering("production", changes)
        assert f"image: {used}" in made.tree.by_logical("secrets/oauth2-proxy").text
        assert used in {one.name for one in every_image(made)}
        assert not findings(made)


OUTSIDE: dict[str, dict[str, object]] = {
    "images.airflow.repository": {
        "installation.image.repository": "ghcr.io/acme/airflow",
        "installation.image.tag": "r1",
    },
    "scheduler.extraContainers[0].image": {
        "values.scheduler.extraContainers": [{"name": "x", "image": "ghcr.io/acme/x:1"}]
    },
    "images.redis.repository": {"values.images.redis.repository": "valkey"},
}


@pytest.mark.parametrize("where", OUTSIDE)
def test_an_image_of_another_registry_is_a_warning(where: str) -> None:
    changes = OUTSIDE[where]
    assert not findings(rendering("production", changes))
    found = findings(rendering("production", {**changes, "installation.image.registry": REGISTRY}))
    assert [(one.rule, one.severity, one.where) for one in found] == [
        ("images.registry", "warning", where)
    ]
    assert found[0].fix.question == "installation.image.registry"


def test_a_pod_of_others_beside_our_manifests_is_judged_too() -> None:
    made = rendering("production", {"installation.image.registry": REGISTRY})
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x"},
        "spec": {"containers": [{"name": "x", "image": "busybox:1"}]},
    }
    path = f"{made.release.paths.apps}/secrets/pod.yaml"
    from wizard.checks.engine import run_checks
    from wizard.checks.run import build_layout

    files = {one: file.data for one, file in made.tree.items()}
    found = run_checks(
        {**files, path: yaml.safe_dump(pod).encode()},
        chart=made.release.chart,
        airflow=made.release.airflow_version,
        installation=build_layout(made),
    )
    assert ("images.registry", path, "spec.containers[0].image") in [
        (one.rule, one.path, one.where) for one in found
    ]


def walk_keys(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, below in node.items():
        if isinstance(below, dict):
            yield from walk_keys(below, (*path, key))
        else:
            yield (*path, key)


def test_another_registry_changes_images_only() -> None:
    plain = values(rendering())
    moved = values(rendering("production", {"installation.image.registry": REGISTRY}))
    added = {".".join(path) for path in {*walk_keys(moved)} - {*walk_keys(plain)}}
    assert added == {*registry_settings(REGISTRY, "1.22.0", bundled_database=False)}
    assert answers("production").installation.image.registry == ""
