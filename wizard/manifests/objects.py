"""Kubernetes objects as files, one document per file, with their labels and sync waves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.manifests.tree import File

# The names that kustomize reads in a folder.
KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")

if TYPE_CHECKING:
    from wizard.manifests.release import Release

# The logical ids of the manifests begin with this; see `manifest_file`.
MANIFESTS = "secrets/"
# Those of the objects that apply the manifests begin with this.
APPLICATIONS = "argocd/"
WAVE_ANNOTATION = "argocd.argoproj.io/sync-wave"
SYNC_OPTIONS_ANNOTATION = "argocd.argoproj.io/sync-options"
# In the encrypted file of a Secret, which is not rendered: what identifies everything about it but
# its values, so that Git shows whether it must be composed again.
COMPOSITION_ANNOTATION = "airflow-wizard/composition"

# Order within the sync of one Application, tested with Argo CD 3.5.1 (facts on Argo CD): objects
# that the store needs, the store, the Secrets, volumes that need one, then the chart in wave 0.
BASICS_WAVE, STORE_WAVE, SECRETS_WAVE, VOLUME_WAVE = "-7", "-6", "-5", "-4"

_POD_SECURITY = "pod-security.kubernetes.io"


def object_metadata(
    release: Release, name: str, *, wave: str = "", sync_options: str = "", namespaced: bool = True
) -> dict[str, Any]:
    """Return object metadata with its source, and with Argo CD's annotations if it delivers."""
    found: dict[str, Any] = {"name": name}
    if namespaced:
        found["namespace"] = release.namespace
    found["labels"] = {
        "app.kubernetes.io/part-of": "airflow",
        "app.kubernetes.io/managed-by": "airflow-wizard",
    }
    annotations: dict[str, str] = {}
    if release.gitops:
        annotations |= {WAVE_ANNOTATION: wave} if wave else {}
        annotations |= {SYNC_OPTIONS_ANNOTATION: sync_options} if sync_options else {}
    annotations |= owner_annotation(release)
    if annotations:
        found["annotations"] = annotations
    return found


def owner_annotation(release: Release) -> dict[str, str]:
    """Return the annotation with an object's owner; empty if no answer names the repository."""
    return {OWNER_ANNOTATION: release.owner_id} if release.owner_id else {}


def manifest_file(release: Release, name: str, data: Mapping[str, Any], header: str = "") -> File:
    """Return one object as a file in the secrets folder, which kustomization.yaml lists."""
    path = f"{release.paths.apps}/secrets/{name}.yaml"
    return File(f"{MANIFESTS}{name}", path, dump_yaml(dict(data), header=header))


def pod_security_labels(release: Release) -> dict[str, str]:
    """Return the labels by which the cluster enforces a Pod Security Standard in the namespace."""
    if release.pod_security == "none":
        return {}
    return {f"{_POD_SECURITY}/enforce": release.pod_security}


def namespace_file(release: Release) -> File:
    """Return the namespace with its pod security labels, for deliveries that create it."""
    about = object_metadata(release, release.namespace, namespaced=False)
    about["labels"] |= pod_security_labels(release)
    data = {"apiVersion": "v1", "kind": "Namespace", "metadata": about}
    return manifest_file(release, "namespace", data)


def kustomization_file(release: Release, manifests: tuple[File, ...]) -> File:
    """Return the kustomization that lists the manifests, the namespace first.

    It does not list the values file, which Argo CD would otherwise try to apply. It sets no
    `namespace`: every object names its own, and kustomize would add one to a ClusterSecretStore,
    whose kind it does not know.
    """
    folder = f"{release.paths.apps}/"
    data: dict[str, Any] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(
            (file.path.removeprefix(folder) for file in manifests), key=_namespace_first
        ),
    }
    header = "Manifests applied from this folder. airflow-values.yaml is for Helm and not listed."
    return File("kustomization", f"{folder}kustomization.yaml", dump_yaml(data, header=header))


def _namespace_first(path: str) -> tuple[bool, str]:
    return path != "secrets/namespace.yaml", path
