"""What helm makes of each attack: whatever changes in a container that clones was a finding."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.git_attacks import HARMLESS, REACHES, TWICE, Values, merge
from tests.unit.checks.trees import KNOWN_HOSTS, VALUES, good
from wizard.checks.git_containers import is_sync_container

pytestmark = pytest.mark.integration

BOTH = {"executor": "CeleryExecutor,KubernetesExecutor"}
REPOSITORY = "ssh://git@git.example.com/platform/airflow-dags.git"
EXPECTED = {
    "GIT_SYNC_REV": "HEAD",
    "GITSYNC_REF": "main",
    "GIT_SYNC_BRANCH": "main",
    "GIT_SYNC_REPO": REPOSITORY,
    "GITSYNC_REPO": REPOSITORY,
    "GIT_SSH_KEY_FILE": "/etc/git-secret/ssh",
    "GITSYNC_SSH_KEY_FILE": "/etc/git-secret/ssh",
    "GIT_KNOWN_HOSTS": "true",
    "GITSYNC_SSH_KNOWN_HOSTS": "true",
    "GIT_SSH_KNOWN_HOSTS_FILE": "/etc/git-secret/known_hosts",
    "GITSYNC_SSH_KNOWN_HOSTS_FILE": "/etc/git-secret/known_hosts",
}
# helm or the chart's schema refuses these, and so do we.
NOT_RENDERED = {"mount that adds arguments", "no host keys, enabled by a word"}
Rendered = Mapping[str, Any]


def render(helm: Path, chart: Path, values: Values, folder: Path) -> Rendered | None:
    """Return what the chart makes of the values for git-sync; None if helm refuses them."""
    file = folder / "values.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    done = subprocess.run(
        [helm, "template", "airflow", chart, "-n", "airflow", "-f", file],
        capture_output=True, text=True, timeout=60, check=False, cwd=folder,
    )  # fmt: skip
    if done.returncode:
        return None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    objects = [item for item in yaml.load_all(done.stdout, Loader=loader) if item]
    found: dict[str, Any] = {}
    for item in objects:
        name = f"{item['kind']}/{item['metadata']['name']}"
        if name == "ConfigMap/airflow-config":
            found["known_hosts"] = item["data"].get("known_hosts")
            pod = yaml.load(item["data"]["pod_template_file.yaml"], Loader=loader)
            found.update(sync_containers("task", pod["spec"]))
        spec = item.get("spec", {}).get("template", {}).get("spec", {})
        found.update(sync_containers(name, spec))
    return found


def sync_containers(pod: str, spec: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in ("initContainers", "containers"):
        for container in spec.get(key) or []:
            if is_sync_container(container):
                yield f"{pod}/{container['name']}", container


@pytest.fixture(scope="module")
def clean(helm: Path, airflow_chart: Path, tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    values = merge(good().objects[VALUES], BOTH)
    found = render(helm, airflow_chart, values, tmp_path_factory.mktemp("clean"))
    assert found
    return found


def attacked(change: Values) -> tuple[Values, bool]:
    """Return the values with the change, and whether the checks have a finding about them."""
    case = good()
    case.objects[VALUES] = merge(merge(case.objects[VALUES], BOTH), change)
    ours = ("git-sync.", "values.line-break")
    return case.objects[VALUES], any(one.rule.startswith(ours) for one in case.run())


def test_the_clean_containers_verify_the_host(clean: Rendered) -> None:
    assert clean["known_hosts"].strip() == KNOWN_HOSTS.strip()
    containers = {name: found for name, found in clean.items() if name != "known_hosts"}
    assert sorted(containers) == [
        "Deployment/airflow-dag-processor/git-sync",
        "Deployment/airflow-dag-processor/git-sync-init",
        "StatefulSet/airflow-triggerer/git-sync",
        "StatefulSet/airflow-triggerer/git-sync-init",
        "StatefulSet/airflow-worker/git-sync",
        "StatefulSet/airflow-worker/git-sync-init",
        "task/git-sync-init",
    ]
    for container in containers.values():
        env = {item["name"]: item["value"] for item in container["env"]}
        assert {name: env.get(name) for name in EXPECTED} == EXPECTED
        assert container["envFrom"] == []
        assert container["image"].startswith("registry.k8s.io/git-sync/git-sync:")
        assert not {"command", "args", "lifecycle"} & set(container)
        assert {(mount["name"], mount["mountPath"]) for mount in container["volumeMounts"]} == {
            ("dags", "/git"),
            ("git-sync-ssh-key", "/etc/git-secret/ssh"),
            ("config", "/etc/git-secret/known_hosts"),
        }


@pytest.mark.parametrize("name", REACHES)
def test_an_attack_that_reaches_git_sync_was_a_finding(
    name: str, helm: Path, airflow_chart: Path, tmp_path: Path, clean: Rendered
) -> None:
    values, refused = attacked(REACHES[name])
    assert refused
    found = render(helm, airflow_chart, values, tmp_path)
    if name in NOT_RENDERED:
        assert found is None
    else:
        assert found != clean


@pytest.mark.parametrize("name", [*HARMLESS, *TWICE])
def test_what_is_no_finding_leaves_the_verification_alone(
    name: str, helm: Path, airflow_chart: Path, tmp_path: Path, clean: Rendered
) -> None:
    values, refused = attacked({**HARMLESS, **TWICE}[name])
    assert not refused
    found = render(helm, airflow_chart, values, tmp_path)
    assert found is not None
    if not found["known_hosts"]:
        assert list(found) == ["known_hosts"]  # a bundle: no git-sync
        return
    assert found["known_hosts"] == clean["known_hosts"]
    twice = False
    for place, container in found.items():
        if place != "known_hosts":
            env = {item["name"]: item.get("value") for item in container["env"]}
            twice |= len(env) < len(container["env"])
            assert EXPECTED.items() <= {**EXPECTED, **env}.items()
    assert twice is (name in TWICE)
