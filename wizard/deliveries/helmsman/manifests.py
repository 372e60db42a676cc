"""The desired state file of Helmsman, and the values file that belongs to the image pipeline.

Source: Helmsman 4.0 (docs/desired_state_specification.md; internal/app/release.go, state.go and
decision_maker.go). Paths are relative to the file. Helmsman deletes releases of its namespaces that
have the file's context and are not in the file, so each installation has a context of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.chart.repository import REPOSITORY_NAME
from wizard.deliveries.helm.commands import MANAGED_BY_LABEL
from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.image import IMAGE_VALUES
from wizard.manifests.objects import pod_security_labels
from wizard.manifests.ownership import OWNER_ANNOTATION, owner_label
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.formats.yaml_writer import Path, Yaml
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release

STATE_LOGICAL = "helmsman"
# Seconds that Helm waits for pods: images are pulled and the database is migrated first.
WAIT_SECONDS = 900
_HISTORY = 10


def state_path(release: Release) -> str:
    """Return the path of the desired state file."""
    return f"{release.paths.apps}/helmsman.yaml"


def list_release_labels(release: Release) -> tuple[str, ...]:
    """Return the labels by which Helmsman finds its release, as NAME=VALUE."""
    return (
        "MANAGED-BY=HELMSMAN",
        f"NAMESPACE={release.namespace}",
        f"HELMSMAN_CONTEXT={release.installation}",
    )


def desired_state_file(release: Release) -> File:
    """Return the desired state file with the pinned chart and its value files, in order."""
    source = release.chart_repository
    labels = [MANAGED_BY_LABEL]
    if release.owner_id:
        labels.append(f"{OWNER_ANNOTATION}={owner_label(release.owner_id)}")
    folder = f"{release.paths.apps}/"
    files = [release.paths.values, *([release.image_values] if release.image_values else [])]
    app: dict[str, Any] = {
        "namespace": release.namespace,
        "enabled": True,
        "chart": source.chart,
        "version": release.chart,
        "valuesFiles": [path.removeprefix(folder) for path in files],
        "wait": True,
        "timeout": WAIT_SECONDS,
        "maxHistory": _HISTORY,
        "helmFlags": [f"--labels={','.join(labels)}"],
    }
    space: dict[str, Any] = {}
    if found := pod_security_labels(release):
        space["labels"] = found
    data: dict[str, Any] = {"context": release.installation}
    if not source.is_oci:
        data["helmRepos"] = {REPOSITORY_NAME: source.url}
    data["namespaces"] = {release.namespace: space}
    data["apps"] = {release.names.release: app}
    comments: dict[Path, str] = {
        ("context",): "its own: Helmsman deletes releases of this context that are not listed here",
        ("apps", release.names.release, "helmFlags"): "by these, `apply` and `destroy` know it",
    }
    header = (
        f"Helmsman's desired state of {release.installation}. The Secrets and the other manifests\n"
        "are applied before; the runbook has the commands."
    )
    return File(STATE_LOGICAL, state_path(release), dump_yaml(data, comments, header))


def image_values_file(release: Release, total: Contribution) -> File:
    """Return the first version of the values file that only the image pipeline changes."""
    image = total.image
    assert image is not None  # noqa: S101 - `image_values` is set with an own image only
    data: dict[str, Yaml] = {
        "images": {"airflow": {"repository": image.repository, "tag": image.tag}}
    }
    header = (
        "The image pipeline owns this file and changes only the tag. The wizard wrote it once\n"
        "and only reads it; Helm merges it last."
    )
    path = release.image_values
    return File(IMAGE_VALUES, path, dump_yaml(data, {}, header), beside=STATE_LOGICAL)
