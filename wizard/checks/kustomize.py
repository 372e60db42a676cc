"""Every kustomization.yaml must list all manifests of its folder, and never the Helm values.

Of a folder with a kustomization, Argo CD applies only the files that it lists. Without one, Argo
CD would also apply the values file (facts on Argo CD).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from wizard.checks.secrets import application_sources
from wizard.checks.subject import Document, Subject, as_list
from wizard.errors import Fix
from wizard.findings import Finding

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def check_kustomize(subject: Subject) -> Iterator[Finding]:
    """Check every kustomization of the tree, and the folder of the values file."""
    folders = set()
    for document in subject.objects("Kustomization", group="kustomize.config.k8s.io"):
        if posixpath.basename(document.path) in _NAMES:
            folders.add(posixpath.dirname(document.path))
            yield from _resources(subject, document)
    yield from _check_values_folder(subject, folders)


def _resources(subject: Subject, document: Document) -> Iterator[Finding]:
    folder = posixpath.dirname(document.path)
    listed = set()
    for number, resource in enumerate(as_list(document.data.get("resources"))):
        path = posixpath.normpath(posixpath.join(folder, str(resource)))
        listed.add(path)
        where = f"resources[{number}]"
        if path == subject.layout.values:
            message = "the Helm values are not a manifest; applying them fails"
            yield Finding(
                "kustomize.values", "error", document.path, where, message, Fix("remove the line")
            )
        elif "://" not in str(resource) and not any(
            file == path or file.startswith(f"{path}/") for file in subject.files
        ):
            message, fix = "this file is not in the tree", "remove the line, or add the file"
            yield Finding("kustomize.missing", "error", document.path, where, message, Fix(fix))
    for other in subject.documents:
        inside = other.path.startswith(f"{folder}/") and other.path != document.path
        if inside and other.api_version and other.kind and not _is_listed(other, listed, subject):
            message = "not applied: the folder's kustomization does not list this file"
            fix = f"list the file in {document.path}"
            yield Finding("kustomize.unlisted", "error", other.path, "", message, Fix(fix))


def _is_listed(document: Document, listed: set[str], subject: Subject) -> bool:
    if document.group in ("kustomize.config.k8s.io", "kind.x-k8s.io"):
        return True
    if document.path == subject.layout.values:
        return True
    return any(document.path == path or document.path.startswith(f"{path}/") for path in listed)


def _check_values_folder(subject: Subject, folders: set[str]) -> Iterator[Finding]:
    """Require a kustomization if an Application renders the folder of the values file."""
    folder = posixpath.dirname(subject.layout.values)
    if not subject.layout.values or folder in folders:
        return
    for application in subject.objects("Application", group="argoproj.io"):
        for where, source in application_sources(application):
            path = str(source.get("path") or "").strip("/")
            if path and not source.get("chart") and (path == folder or path.endswith(f"/{folder}")):
                message = "Argo CD would apply the values file of this folder as a manifest"
                fix = f"add {folder}/kustomization.yaml and list the manifests in it"
                yield Finding(
                    "kustomize.values",
                    "error",
                    application.path,
                    application.where(f"{where}.path"),
                    message,
                    Fix(fix),
                )
