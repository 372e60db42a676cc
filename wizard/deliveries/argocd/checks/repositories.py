"""Checks of Argo CD's repository Secrets: their namespace, their login and host verification.

Source: facts on Argo CD (Repo credentials): Secrets with a label, in its own namespace.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wizard.checks.secrets import application_sources
from wizard.checks.subject import Document, Subject, as_mapping, get_nested
from wizard.deliveries.argocd.manifests import REPOSITORY_LABEL
from wizard.errors import Fix
from wizard.findings import Finding

_KINDS = ("repository", "repo-creds", "repository-write", "repo-write-creds")
_INSECURE_KEYS = ("insecure", "insecureIgnoreHostKey")
_LOGIN_KEYS = ("sshPrivateKey", "password", "githubAppPrivateKey", "bearerToken")


def check_repositories(subject: Subject) -> Iterator[Finding]:
    """Check every ExternalSecret that creates a repository Secret."""
    urls = {
        str(source.get("repoURL") or "")
        for application in subject.objects("Application", group="argoproj.io")
        for _, source in application_sources(application)
    }
    for document in subject.objects("ExternalSecret"):
        template = as_mapping(get_nested(document.spec, "target", "template"))
        kind = get_nested(template, "metadata", "labels", REPOSITORY_LABEL)
        if kind not in _KINDS:
            continue
        yield from _check_namespace(subject, document)
        data = as_mapping(template.get("data"))
        yield from _check_verification(document, data)
        if kind == "repository" and urls and str(data.get("url") or "") not in urls:
            message = "no Application here reads a repository with this spelling of the URL"
            fix = "use the spelling of the Application's repoURL"
            yield _finding(document, "argocd.repository-url", "url", message, fix)
        if not any(name in data for name in _LOGIN_KEYS):
            message = "has no key and no token, so Argo CD cannot log in with it"
            fix = f"add one of {', '.join(_LOGIN_KEYS)}"
            yield _finding(document, "argocd.repository-login", "", message, fix)


def _check_namespace(subject: Subject, document: Document) -> Iterator[Finding]:
    if subject.namespace(document) != subject.layout.argocd:
        message = "Argo CD looks for repositories in its own namespace only"
        fix = f"write {subject.layout.argocd}"
        yield Finding(
            "argocd.repository-namespace",
            "error",
            document.path,
            document.where("metadata.namespace"),
            message,
            Fix(fix),
        )


def _check_verification(document: Document, data: Any) -> Iterator[Finding]:
    for name in _INSECURE_KEYS:
        if name in data and str(data[name]).strip().lower() not in {"false", ""}:
            message = "Argo CD would not verify the host of this repository"
            fix = "remove it, and add the host's keys to Argo CD"
            yield _finding(document, "argocd.repository-unchecked", name, message, fix)


def _finding(document: Document, rule: str, key: str, message: str, fix: str) -> Finding:
    where = document.where("spec.target.template.data" + (f".{key}" if key else ""))
    return Finding(rule, "error", document.path, where, message, Fix(fix))
