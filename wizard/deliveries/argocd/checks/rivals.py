"""Objects of others beside the wizard's Applications that would take their place.

A parent Application applies the whole folder, so these take effect together with the wizard's.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from wizard.checks.subject import Document, Subject
from wizard.deliveries.argocd.rivals import find_second_installation, read_deployment
from wizard.errors import Fix
from wizard.findings import Finding
from wizard.manifests.kustomize import kustomize
from wizard.manifests.objects import KUSTOMIZATION_NAMES

_GROUP = "argoproj.io"
_KINDS = ("Application", "ApplicationSet", "AppProject")


def check_rivals(subject: Subject) -> Iterator[Finding]:
    """Report a second Application of this installation, and changes by a kustomization.

    A tree that the wizard did not write has no such Applications.
    """
    if not subject.layout.applications:
        return
    objects = list(subject.objects(*_KINDS, group=_GROUP))
    own = [one for one in objects if one.path in subject.layout.applications]
    names = {(one.kind, one.name) for one in own}
    ours, place = read_deployment(one.data for one in own), subject.layout.place
    for document in objects:
        if document.path in subject.layout.applications:
            continue
        if (document.kind, document.name) in names:
            message = "another file already has an object of this kind and name"
            yield _finding(document, "metadata.name", message, "give it a name of its own")
        where = find_second_installation(place, document.data, ours)
        if where and document.kind != "AppProject":
            message = "applies this installation a second time, unlike the answers say"
            yield _finding(document, where, message, "remove it, and change the answers instead")
    yield from _check_kustomizations(subject)


def _check_kustomizations(subject: Subject) -> Iterator[Finding]:
    """Report kustomizations that change an Application or a project of the wizard."""
    folders = {posixpath.dirname(path) for path in subject.layout.applications}
    for folder in sorted(folders):
        found = [posixpath.join(folder, name) for name in KUSTOMIZATION_NAMES]
        for path in [one for one in found if one in subject.files][:1]:
            result = kustomize(path, subject.files.get, subject.layout.applications)
            for place, where, message in result.faults:
                fix = "remove it, and edit the object itself"
                yield Finding("argocd.rival", "error", place, where, message, Fix(fix))


def _finding(document: Document, where: str, message: str, fix: str) -> Finding:
    return Finding("argocd.rival", "error", document.path, document.where(where), message, Fix(fix))
