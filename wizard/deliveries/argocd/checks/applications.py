"""Checks for objects that the API server accepts but Argo CD cannot use, or must not.

Source: facts on Argo CD 3.5 and on External Secrets 2.9 (durations that API servers do not check).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from wizard.chart.contract import get_chart_value
from wizard.chart.kinds import list_special_kinds
from wizard.checks.secrets import application_sources
from wizard.checks.subject import Document, Subject, as_list, as_mapping, get_nested, make_finding
from wizard.checks.unread import list_unread_values
from wizard.deliveries.argocd.project import is_kind_allowed
from wizard.errors import Fix
from wizard.findings import Finding

_GROUP = "argoproj.io"
_DURATION = re.compile(r"(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)\Z").match
_ANNOTATION = "argocd.argoproj.io/"
_YES_NO = frozenset(("true", "false"))
_OPTIONS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            "ApplyOutOfSyncOnly",
            "ClientSideApplyMigration",
            "CreateNamespace",
            "FailOnSharedResource",
            "Force",
            "PruneLast",
            "Replace",
            "RespectIgnoreDifferences",
            "ServerSideApply",
            "SkipDryRunOnMissingResource",
            "Validate",
        ),
        _YES_NO,
    ),
    "Delete": _YES_NO | {"confirm"},
    "Prune": _YES_NO | {"confirm"},
    "PrunePropagationPolicy": frozenset(("foreground", "background", "orphan")),
}
_HOOKS = frozenset(("PreSync", "Sync", "PostSync", "SyncFail", "PreDelete", "PostDelete", "Skip"))
_DELETE_POLICIES = frozenset(("HookSucceeded", "HookFailed", "BeforeHookCreation"))


def check_argocd(subject: Subject) -> Iterator[Finding]:
    """Check Applications, their projects, annotations, durations and Jobs.

    Applications of others beside the wizard's, such as a parent, are not its business.
    """
    beside = subject.layout.is_beside_applications
    projects = {document.name: document for document in subject.objects("AppProject", group=_GROUP)}
    for project in projects.values():
        if not beside(project.path):
            yield from _project(subject, project)
    for application in subject.objects("Application", group=_GROUP):
        if beside(application.path):
            continue
        yield from _sources(subject, application)
        yield from _policy(application)
        yield from _membership(subject, application, projects)
        yield from _kinds(subject, application, projects)
    for document in subject.documents:
        if not subject.is_values(document.path) and not beside(document.path):
            yield from _annotations(document, document.annotations, "metadata.annotations")
    yield from _refresh(subject)
    yield from _jobs(subject)
    yield from _unread_values(subject)


def is_duration(text: object) -> bool:
    """Return whether Go's time.ParseDuration accepts the text, and it is not negative."""
    return isinstance(text, str) and _DURATION(text) is not None


def _sources(subject: Subject, application: Document) -> Iterator[Finding]:
    many = [as_mapping(source) for source in as_list(application.spec.get("sources"))]
    refs = {str(source["ref"]): source for source in many if source.get("ref")}
    if not many and application.spec.get("source") is None:
        yield make_finding(
            application, "argocd.sources", "spec", "no source", "add the chart to sources"
        )
    for name, source in refs.items():
        if source.get("chart"):
            message = "a source with a ref cannot be a chart"
            fix = "move ref to the Git source with the values"
            yield make_finding(
                application, "argocd.values-ref", f"spec.sources ref {name}", message, fix
            )
    for where, source in application_sources(application):
        for number, file in enumerate(as_list(get_nested(source, "helm", "valueFiles"))):
            place = f"{where}.helm.valueFiles[{number}]"
            yield from _value_file(subject, application, place, str(file), refs)


def _value_file(
    subject: Subject, application: Document, where: str, file: str, refs: Mapping[str, Any]
) -> Iterator[Finding]:
    if not file.startswith("$"):
        return
    name, _, path = file[1:].partition("/")
    if name not in refs:
        message = "needs `sources` with one source that has this ref; `source` cannot resolve it"
        fix = "move the chart into sources, beside the Git repository with ref: " + name
        yield make_finding(application, "argocd.values-ref", where, message, fix)
    elif subject.layout.values and not any(
        known == path or path.endswith(f"/{known}") for known in subject.files
    ):
        message = "this file does not exist in this repository"
        fix = f"write ${name}/{subject.layout.values}"
        yield make_finding(application, "argocd.values-file", where, message, fix)


def _policy(application: Document) -> Iterator[Finding]:
    policy = as_mapping(application.spec.get("syncPolicy"))
    for number, option in enumerate(as_list(policy.get("syncOptions"))):
        if not _is_sync_option(str(option)):
            where = f"spec.syncPolicy.syncOptions[{number}]"
            yield _option_finding(application, where)
    for field in ("duration", "maxDuration"):
        value = get_nested(policy, "retry", "backoff", field)
        # Argo CD reads a bare number as seconds.
        if value is not None and not (is_duration(value) or str(value).isdigit()):
            where = f"spec.syncPolicy.retry.backoff.{field}"
            fix = "write a duration such as 30s or 5m"
            yield make_finding(application, "argocd.duration", where, "not a duration", fix)


def _is_sync_option(option: str) -> bool:
    name, equals, value = option.strip().partition("=")
    return bool(equals) and value in _OPTIONS.get(name, ())


def _option_finding(document: Document, where: str) -> Finding:
    message = "not a sync option of Argo CD: it would be ignored"
    fix = f"use one of {', '.join(sorted(_OPTIONS))} with a valid value"
    return make_finding(document, "argocd.sync-option", where, message, fix)


def _annotations(
    document: Document, annotations: Mapping[str, Any], where: str
) -> Iterator[Finding]:
    for name, value in annotations.items():
        if not name.startswith(_ANNOTATION):
            continue
        key, place = name.removeprefix(_ANNOTATION), f"{where}.{name}"
        words = [word.strip() for word in str(value).split(",")]
        message, fix = "", ""
        if not isinstance(value, str):
            message, fix = "an annotation must be text", "quote it"
        elif key == "sync-options" and not all(map(_is_sync_option, words)):
            yield _option_finding(document, place)
        elif key == "sync-wave" and not re.fullmatch(r"-?\d+", value):
            message, fix = "not a wave", "write a whole number in quotes"
        elif key == "hook" and not set(words) <= _HOOKS:
            message, fix = "not a hook", f"use {', '.join(sorted(_HOOKS))}"
        elif key == "hook-delete-policy" and not set(words) <= _DELETE_POLICIES:
            message, fix = "not a delete policy", f"use {', '.join(sorted(_DELETE_POLICIES))}"
        if message:
            yield make_finding(document, "argocd.annotation", place, message, fix)


def _project(subject: Subject, project: Document) -> Iterator[Finding]:
    spec = project.spec
    for number, repository in enumerate(as_list(spec.get("sourceRepos"))):
        if repository == "*":
            message, fix = "allows every repository", "list the two used repositories"
            where = f"spec.sourceRepos[{number}]"
            yield make_finding(project, "argocd.project-wide", where, message, fix, "warning")
    for number, destination in enumerate(as_list(spec.get("destinations"))):
        namespace = str(get_nested(destination, "namespace") or "")
        if fnmatchcase(subject.layout.argocd, namespace) and not _has_only_applications(spec):
            message = "Argo CD's own namespace: write access to it controls Argo CD"
            fix = f"allow the namespace {subject.layout.namespace} only"
            where = f"spec.destinations[{number}].namespace"
            yield make_finding(project, "argocd.destination", where, message, fix)


def _has_only_applications(spec: Mapping[str, Any]) -> bool:
    """Return whether the project allows only Applications, as a parent's project does."""
    kinds = as_list(spec.get("namespaceResourceWhitelist"))
    return bool(kinds) and all(
        get_nested(kind, "group") == _GROUP and get_nested(kind, "kind") == "Application"
        for kind in kinds
    )


def _membership(
    subject: Subject, application: Document, projects: Mapping[str, Document]
) -> Iterator[Finding]:
    name = str(application.spec.get("project") or "")
    destination = as_mapping(application.spec.get("destination"))
    project = projects.get(name)
    own = destination.get("namespace") == subject.layout.argocd
    if own and not (project is not None and _has_only_applications(project.spec)):
        message = "deploys into Argo CD's own namespace"
        fix = f"write {subject.layout.namespace}"
        yield make_finding(
            application, "argocd.destination", "spec.destination.namespace", message, fix
        )
    if name in ("", "default"):
        message = "the default project allows every repository, cluster and kind"
        fix = "use a separate AppProject"
        yield make_finding(application, "argocd.project", "spec.project", message, fix, "warning")
    if project is None:
        return
    allowed = [str(repository) for repository in as_list(project.spec.get("sourceRepos"))]
    for where, source in application_sources(application):
        repository = str(source.get("repoURL") or "")
        if not any(fnmatchcase(repository, pattern) for pattern in allowed):
            message = "the project does not allow this repository with this spelling"
            fix = "list it in the project's sourceRepos with the same spelling"
            yield make_finding(application, "argocd.source-repo", f"{where}.repoURL", message, fix)
    if not any(
        is_destination_allowed(as_mapping(d), destination)
        for d in as_list(project.spec.get("destinations"))
    ):
        message = "the project does not allow this destination"
        fix = "list server and namespace in the project's destinations"
        yield make_finding(application, "argocd.source-repo", "spec.destination", message, fix)


def _kinds(
    subject: Subject, application: Document, projects: Mapping[str, Document]
) -> Iterator[Finding]:
    """Report kinds that the chart renders with these values and the project refuses."""
    project = projects.get(str(application.spec.get("project") or ""))
    charts = (source.get("chart") for _, source in application_sources(application))
    if project is None or subject.values is None or "airflow" not in charts:
        return
    for one in list_special_kinds(subject.values):
        if is_kind_allowed(project.spec, one):
            continue
        message = f"the project {project.name} does not allow {one.kind}, which the chart renders"
        where = "clusterResourceWhitelist" if one.cluster else "namespaceResourceBlacklist"
        does = "add it to" if one.cluster else "remove it from"
        path = subject.layout.values
        fix = Fix(f"{does} the project's {where}")
        yield Finding("argocd.project-kind", "error", path, one.where, message, fix)


def is_destination_allowed(allowed: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return whether a destination that a project allows is the wanted one."""
    namespace = str(wanted.get("namespace") or "")
    if not fnmatchcase(namespace, str(allowed.get("namespace") or "")):
        return False
    return any(
        wanted.get(key) and fnmatchcase(str(wanted[key]), str(allowed.get(key) or ""))
        for key in ("server", "name")
    )


def _refresh(subject: Subject) -> Iterator[Finding]:
    for document in subject.objects("ExternalSecret", "ClusterExternalSecret"):
        places = [("spec.refreshInterval", document.spec.get("refreshInterval"))]
        if document.kind == "ClusterExternalSecret":
            inner = get_nested(document.spec, "externalSecretSpec", "refreshInterval")
            places = [
                ("spec.refreshTime", document.spec.get("refreshTime")),
                ("spec.externalSecretSpec.refreshInterval", inner),
            ]
        for where, value in places:
            if value is not None and not is_duration(value):
                message = "not a Go duration: the API server accepts it, the operator does not"
                yield make_finding(
                    document, "external-secret.duration", where, message, "write 1h0m0s"
                )


def _jobs(subject: Subject) -> Iterator[Finding]:
    """Report Jobs that are not hooks.

    With a TTL, Argo CD would run them again and again; without a TTL, it could not change them.
    """
    values = subject.values
    if values is None or not any(
        source.get("chart") == "airflow"
        for application in subject.objects("Application", group=_GROUP)
        for _, source in application_sources(application)
    ):
        return
    for job, hook in (("migrateDatabaseJob", "Sync"), ("createUserJob", "PostSync")):
        if get_chart_value(values, f"{job}.enabled") is False:
            continue
        annotations = as_mapping(get_nested(values, job, "jobAnnotations"))
        right = (
            annotations.get(f"{_ANNOTATION}hook") == hook
            and "BeforeHookCreation" in str(annotations.get(f"{_ANNOTATION}hook-delete-policy"))
            and "ttlSecondsAfterFinished" in as_mapping(values.get(job))
            and get_nested(values, job, "ttlSecondsAfterFinished") is None
        )
        if not right:
            message = "Argo CD would run the finished Job again, or fail to change it"
            fix = (
                f"annotate it as hook {hook} with delete policy BeforeHookCreation, and set "
                "ttlSecondsAfterFinished: null"
            )
            path = subject.layout.values
            yield Finding("argocd.job", "error", path, f"{job}.jobAnnotations", message, Fix(fix))


def _unread_values(subject: Subject) -> Iterator[Finding]:
    """Report values that nobody can judge; a repository of others may keep them elsewhere."""
    for document, where, message in list_unread_values(subject) if subject.layout.manifests else ():
        fix = "set these values in the answers (values:), or in the values file"
        yield make_finding(document, "argocd.values-unread", where, message, fix)
