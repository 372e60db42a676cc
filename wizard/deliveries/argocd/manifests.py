"""The AppProject and the Applications of Argo CD.

Source: facts on Argo CD. One Application with two sources was tested end to end with Argo CD
3.5.1, External Secrets 2.9 and chart 1.22.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.chart.kinds import list_special_kinds
from wizard.chart.repository import CHART_NAME
from wizard.deliveries.argocd.project import list_cluster_kinds
from wizard.formats.addresses import IN_CLUSTER_SERVER
from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.objects import WAVE_ANNOTATION, owner_annotation, pod_security_labels
from wizard.manifests.tree import File
from wizard.stores.registry import store_kind

if TYPE_CHECKING:
    from wizard.deliveries.argocd.settings import ArgoSettings
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release

API_VERSION = "argoproj.io/v1alpha1"
# Argo CD finds repository Secrets in its namespace by this label.
REPOSITORY_LABEL = "argocd.argoproj.io/secret-type"
# The key of argocd-cm that holds the health check of Applications.
HEALTH_KEY = "resource.customizations.health.argoproj.io_Application"
# The objects with which Argo CD reads its credential from the store, in the order to apply them.
CREDENTIAL_PREFIX = "argocd/bootstrap/credential-"
# The id of the step that removes them.
CREDENTIAL_REMOVAL = "remove.credential"
CREDENTIAL_PARTS = ("account", "store", "secret")


def _metadata(release: Release, argo: ArgoSettings, name: str, wave: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "namespace": argo.namespace}
    found["labels"] = {
        "app.kubernetes.io/part-of": "airflow",
        "app.kubernetes.io/managed-by": "airflow-wizard",
    }
    annotations = ({WAVE_ANNOTATION: wave} if wave else {}) | owner_annotation(release)
    if annotations:
        found["annotations"] = annotations
    return found


def _file(release: Release, name: str, data: dict[str, Any], header: str = "") -> File:
    return File(
        f"argocd/{name}", f"{release.paths.argocd}/{name}.yaml", dump_yaml(data, header=header)
    )


# Kinds that limit a whole namespace; the project denies them unless the values make one.
_LIMITS = ("ResourceQuota", "LimitRange")


def app_project(release: Release, argo: ArgoSettings, total: Contribution) -> File:
    """Return the project: two source repositories, one destination, and the kinds that render.

    Secrets that others make are no orphans: nobody should delete them.
    """
    values = total.values
    orphans: dict[str, Any] = {"warn": True}
    if total.existing_secrets:
        others = total.existing_secrets
        orphans["ignore"] = [{"group": "", "kind": "Secret", "name": name} for name in others]
    kinds = [{"group": one.group, "kind": one.kind} for one in list_cluster_kinds(argo, total)]
    special = {one.kind for one in list_special_kinds(values)}
    denied = [kind for kind in _LIMITS if kind not in special]
    spec = {
        "description": f"Airflow installation {release.installation}",
        "sourceRepos": [release.chart_repository.argocd_url, argo.repo_url],
        "destinations": [{"server": argo.destination, "namespace": release.namespace}],
        "clusterResourceWhitelist": kinds,
        "namespaceResourceBlacklist": [{"group": "", "kind": kind} for kind in denied],
        "orphanedResources": orphans,
    }
    data = {
        "apiVersion": API_VERSION,
        "kind": "AppProject",
        "metadata": _metadata(release, argo, argo.project),
        "spec": spec,
    }
    return _file(release, "project", data)


def _sync_policy(release: Release) -> dict[str, Any]:
    policy: dict[str, Any] = {
        "automated": {"prune": True, "selfHeal": True, "allowEmpty": False},
        "retry": {"limit": 5, "backoff": {"duration": "30s", "factor": 2, "maxDuration": "5m"}},
        "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"],
    }
    # Without the source: Argo CD writes this onto a namespace that existed before, too.
    if labels := pod_security_labels(release):
        policy["managedNamespaceMetadata"] = {"labels": labels}
    return policy


def _application(
    release: Release, argo: ArgoSettings, name: str, wave: str, source: dict[str, Any]
) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "Application",
        "metadata": _metadata(release, argo, name, wave),
        "spec": {
            "project": argo.project,
            **source,
            "destination": {"server": argo.destination, "namespace": release.namespace},
            "syncPolicy": _sync_policy(release),
        },
    }


def _chart_source(release: Release, argo: ArgoSettings) -> dict[str, Any]:
    return {
        "repoURL": release.chart_repository.argocd_url,
        "chart": CHART_NAME,
        "targetRevision": release.chart,
        "helm": {
            "releaseName": release.names.release,
            "valueFiles": [f"$values/{argo.path(release.paths.values)}"],
        },
    }


def _repository(argo: ArgoSettings, **more: str) -> dict[str, Any]:
    return {"repoURL": argo.repo_url, "targetRevision": argo.revision, **more}


# Operators 2.3 to 2.6 add this default themselves (external-secrets#6398).
_NULL_BYTES = ("ExternalSecret", ".spec.data[]?.remoteRef.nullBytePolicy")


def _ignored(release: Release) -> dict[str, Any]:
    """Return the fields that versions of the operator add to our objects by themselves."""
    if not release.external_secrets:
        return {}
    fields = (_NULL_BYTES, *store_kind(release.store).defaulted)
    return {
        "ignoreDifferences": [
            {"group": "external-secrets.io", "kind": kind, "jqPathExpressions": [path]}
            for kind, path in fields
        ]
    }


def one_application(release: Release, argo: ArgoSettings, *, manifests: bool) -> tuple[File, ...]:
    """Return one Application: the store and its Secrets are in waves before the chart."""
    values = {"ref": "values"}
    if manifests:
        values["path"] = argo.path(release.paths.apps)
    sources = [_chart_source(release, argo), _repository(argo, **values)]
    name = _application_name(release)
    data = _application(release, argo, name, "", {"sources": sources, **_ignored(release)})
    header = ""
    if release.external_secrets:
        header = "Chart and Secrets in one sync: store in wave -6, ExternalSecrets -5, chart 0."
    return (_file(release, "application", data, header),)


def _application_name(release: Release) -> str:
    return release.installation


def two_applications(release: Release, argo: ArgoSettings) -> tuple[File, ...]:
    """Return the two Applications of document 000, and the parent that orders them.

    Waves order Applications only within a parent's sync, and only while Argo CD's health check
    for Applications is configured (argo-cd#3781); the runbook shows how.
    """
    name = _application_name(release)
    secrets = _application(
        release,
        argo,
        f"{name}-secrets",
        "5",
        {"source": _repository(argo, path=argo.path(release.paths.apps)), **_ignored(release)},
    )
    chart = _application(
        release,
        argo,
        name,
        "10",
        {"sources": [_chart_source(release, argo), _repository(argo, ref="values")]},
    )
    return (
        _file(release, "secrets-application", secrets),
        _file(release, "application", chart),
        *_parent(release, argo, name),
    )


def _parent(release: Release, argo: ArgoSettings, name: str) -> tuple[File, ...]:
    project = {
        "apiVersion": API_VERSION,
        "kind": "AppProject",
        "metadata": _metadata(release, argo, f"{argo.project}-bootstrap"),
        "spec": {
            "description": f"Parent of installation {release.installation}: Applications only",
            "sourceRepos": [argo.repo_url],
            "destinations": [{"server": IN_CLUSTER_SERVER, "namespace": argo.namespace}],
            "clusterResourceWhitelist": [],
            "namespaceResourceWhitelist": [{"group": "argoproj.io", "kind": "Application"}],
        },
    }
    directory = {"include": "{application,secrets-application}.yaml"}
    source = {**_repository(argo, path=argo.path(release.paths.argocd)), "directory": directory}
    parent = {
        "apiVersion": API_VERSION,
        "kind": "Application",
        "metadata": _metadata(release, argo, f"{name}-parent"),
        "spec": {
            "project": f"{argo.project}-bootstrap",
            "source": source,
            "destination": {"server": IN_CLUSTER_SERVER, "namespace": argo.namespace},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True, "allowEmpty": False}},
        },
    }
    header = "An Argo CD admin applies this once: an app of apps writes to Argo CD's own namespace."
    return (
        _file(release, "bootstrap/project", project, header),
        _file(release, "bootstrap/parent", parent, header),
    )
