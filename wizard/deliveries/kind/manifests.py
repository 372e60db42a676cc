"""The configuration file of the local kind cluster (document 004)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.release import Release


# The label of the node by which the scripts know their cluster.
CLUSTER_LABEL = "airflow-wizard-installation"
# The label that tells apart the clusters of repositories that have installations of the same name.
SOURCE_LABEL = "airflow-wizard-source"


def cluster_file_path(release: Release) -> str:
    """Return the path of the cluster's configuration."""
    return f"{release.paths.apps}/kind-cluster.yaml"


def kind_cluster_file(release: Release) -> File:
    """Return the configuration of a cluster with one node."""
    data: dict[str, Any] = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": release.installation,
        "nodes": [
            {"role": "control-plane", "labels": {CLUSTER_LABEL: release.installation}},
        ],
    }
    return File("kind-cluster", cluster_file_path(release), dump_yaml(data))
