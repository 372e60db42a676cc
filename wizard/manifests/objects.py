"""Kubernetes objects as files of their own: one document a file, waves and labels in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.release import Release

WAVE_ANNOTATION = "argocd.argoproj.io/sync-wave"
SYNC_OPTIONS_ANNOTATION = "argocd.argoproj.io/sync-options"

# Order inside one Application's sync, proven with Argo CD 3.5.1 (facts on Argo CD): what a store
# needs, the store, the Secrets, then the chart in wave 0.
BASICS_WAVE, STORE_WAVE, SECRETS_WAVE = "-7", "-6", "-5"

_POD_SECURITY = "pod-security.kubernetes.io"


def object_metadata(
    release: Release, name: str, *, wave: str = "", sync_options: str = "", namespaced: bool = True
) -> dict[str, Any]:
    """Object metadata; Argo CD's annotations only where Argo CD delivers.

    What is the whole cluster's says whose it is, where an answer names the repository: no
    namespace tells two installations of one name apart there.
    """
    found: dict[str, Any] = {"name": name}
    if namespaced:
        found["namespace"] = release.namespace
    found["labels"] = {
        "app.kubernetes.io/part-of": "airflow",
        "app.kubernetes.io/managed-by": "airflow-wizard",
    }
    if release.gitops:
        annotations = {WAVE_ANNOTATION: wave} if wave else {}
        if sync_options:
            annotations[SYNC_OPTIONS_ANNOTATION] = sync_options
        if not namespaced:
            annotations |= owner_annotation(release)
        if annotations:
            found["annotations"] = annotations
    return found


def owner_annotation(release: Release) -> dict[str, str]:
    """The annotation that says whose an object is; none where no answer names the repository."""
    return {OWNER_ANNOTATION: release.owner_id} if release.owner_id else {}


def manifest_file(release: Release, name: str, data: Mapping[str, Any], header: str = "") -> File:
    """One object in the secrets folder, where kustomization.yaml lists it."""
    path = f"{release.paths.apps}/secrets/{name}.yaml"
    return File(f"secrets/{name}", path, dump_yaml(dict(data), header=header))


def pod_security_labels(release: Release) -> dict[str, str]:
    """Labels of the namespace; restricted only warns, because the chart's Redis is not."""
    if release.pod_security == "none":
        return {}
    labels = {f"{_POD_SECURITY}/enforce": "baseline"}
    if release.pod_security == "restricted":
        labels[f"{_POD_SECURITY}/warn"] = "restricted"
        labels[f"{_POD_SECURITY}/audit"] = "restricted"
    return labels


def namespace_file(release: Release) -> File:
    """The namespace with its pod security labels, where nobody else makes it."""
    about = object_metadata(release, release.namespace, namespaced=False)
    about["labels"] |= pod_security_labels(release)
    data = {"apiVersion": "v1", "kind": "Namespace", "metadata": about}
    return manifest_file(release, "namespace", data)


def kustomization_file(release: Release, manifests: tuple[File, ...]) -> File:
    """The list of what is a manifest, the namespace first; the values file beside it is not.

    Without it Argo CD would try to apply the values file too. No `namespace:` here: every object
    names its own, and kustomize would put one on a ClusterSecretStore, whose kind it does not know.
    """
    folder = f"{release.paths.apps}/"
    data: dict[str, Any] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(
            (file.path.removeprefix(folder) for file in manifests), key=_namespace_first
        ),
    }
    header = "What is applied from this folder; airflow-values.yaml is Helm's and not listed."
    return File("kustomization", f"{folder}kustomization.yaml", dump_yaml(data, header=header))


def _namespace_first(path: str) -> tuple[bool, str]:
    return path != "secrets/namespace.yaml", path
