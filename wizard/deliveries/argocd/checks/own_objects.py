"""Objects of others that the wizard's kustomization lists and its AppProject does not allow.

Argo CD then syncs nothing of the Application: "resource is not permitted in project".
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.chart.kinds import RenderedKind
from wizard.checks.secrets import application_sources
from wizard.checks.subject import Document, Subject, as_mapping
from wizard.deliveries.argocd.checks.applications import is_destination_allowed
from wizard.deliveries.argocd.project import is_kind_allowed
from wizard.errors import Fix
from wizard.findings import Finding
from wizard.manifests.kustomize import kustomize
from wizard.manifests.objects import KUSTOMIZATION_NAMES
from wizard.manifests.transformations import Manifest

# Kinds without a namespace that people keep beside an application, by API group. Custom kinds that
# are not here count as namespaced ones.
_CLUSTER_KINDS: Mapping[str, frozenset[str]] = {
    "": frozenset(("Namespace", "PersistentVolume")),
    "admissionregistration.k8s.io": frozenset((
        "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
    )),
    "apiextensions.k8s.io": frozenset(("CustomResourceDefinition",)),
    "cert-manager.io": frozenset(("ClusterIssuer",)),
    "external-secrets.io": frozenset(("ClusterExternalSecret", "ClusterSecretStore")),
    "kyverno.io": frozenset(("ClusterPolicy",)),
    "networking.k8s.io": frozenset(("IngressClass",)),
    "rbac.authorization.k8s.io": frozenset(("ClusterRole", "ClusterRoleBinding")),
    "scheduling.k8s.io": frozenset(("PriorityClass",)),
    "storage.k8s.io": frozenset(("CSIDriver", "StorageClass")),
}  # fmt: skip


def check_own_objects(subject: Subject) -> Iterator[Finding]:
    """Check the objects of others against the project of the Application that applies them."""
    projects = {one.name: one for one in subject.objects("AppProject", group="argoproj.io")}
    for application in subject.objects("Application", group="argoproj.io"):
        project = projects.get(str(application.spec.get("project") or ""))
        if project is None or not _applies_manifests(application, subject):
            continue
        destination = as_mapping(application.spec.get("destination"))
        for one in _list_objects(subject):
            yield from _check_object(one, project, destination, subject.layout.namespace)


def _applies_manifests(application: Document, subject: Subject) -> bool:
    """Return whether it is the wizard's Application with the folder of the manifests."""
    folder = posixpath.dirname(subject.layout.values)
    paths = [str(one.get("path") or "").strip("/") for _, one in application_sources(application)]
    ours = application.path in subject.layout.applications
    return ours and any(f"/{path}".endswith(f"/{folder}") for path in paths)


def _list_objects(subject: Subject) -> Iterator[Manifest]:
    if not subject.layout.manifests:
        return
    folder = posixpath.dirname(subject.layout.values)
    roots = [posixpath.join(folder, name) for name in KUSTOMIZATION_NAMES]
    root = next((path for path in roots if path in subject.files), None)
    if root is not None:
        result = kustomize(root, subject.files.get, subject.layout.manifests)
        yield from (one for one in result.objects if not one.pinned)


def _check_object(
    one: Manifest, project: Document, destination: Mapping[str, Any], namespace: str
) -> Iterator[Finding]:
    group, slash, _ = str(one.data.get("apiVersion") or "").partition("/")
    group = group if slash else ""
    cluster = one.kind in _CLUSTER_KINDS.get(group, ())
    rule = "argocd.project-object"
    if not is_kind_allowed(project.spec, RenderedKind(group, one.kind, "", cluster)):
        message = f"the project {project.name} does not allow this kind, so Argo CD syncs nothing"
        fix = "deliver it with an Application and a project of your own"
        known = group in _CLUSTER_KINDS or "." not in group
        # A custom kind without a namespace, if the project allows it as one, is not refused.
        known |= not is_kind_allowed(project.spec, RenderedKind(group, one.kind, "", cluster=True))
        yield Finding(rule, "error" if known else "warning", one.path, "kind", message, Fix(fix))
    own = str(one.metadata("namespace") or namespace)
    allowed = project.spec.get("destinations")
    there = {**destination, "namespace": own}
    if not cluster and not any(
        is_destination_allowed(as_mapping(item), there)
        for item in (allowed if isinstance(allowed, list) else [])
    ):
        message = f"the project {project.name} does not allow this namespace: Argo CD syncs nothing"
        fix = f"use {namespace}, or deliver it with an Application and a project of your own"
        yield Finding(rule, "error", one.path, "metadata.namespace", message, Fix(fix))
