"""Everything in a tree that can reach the containers that clone DAGs.

The chart adds git-sync to the pods of scheduler, DAG processor, triggerer, workers and tasks; with
bundles, Airflow's own containers clone. Source: facts on the chart, sections 6 and 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from wizard.checks.git_containers import (
    VOLUME_LISTS,
    ContainerRules,
    GitReport,
    clones_dags,
    own_choice,
    uses_git_sync,
)
from wizard.checks.git_variables import GitValues, find_variables
from wizard.checks.subject import Document, Subject, as_list, as_mapping, get_nested
from wizard.checks.values import Report
from wizard.findings import Finding
from wizard.formats.yaml_untrusted import parse_yaml_text
from wizard.hostkeys.git_environment import (
    has_loose_options,
    is_verified_address,
    refuse_variable,
)

_EXTRA_CONTAINERS = ("extraContainers", "extraInitContainers")
# Volumes of the chart that git-sync mounts: the DAGs, the host keys, the deploy key.
_CHART_VOLUMES = ("dags", "config", "git-sync-ssh-key")
_REPLACED = "has the name of the chart's ConfigMap, which holds the host keys"
_RENAME = "use another name"
# Sections of the values whose pods have no container that clones.
_OTHER_PODS = frozenset(
    [
        "apiServer",
        "cleanup",
        "createUserJob",
        "databaseCleanup",
        "flower",
        "migrateDatabaseJob",
        "otelCollector",
        "pgbouncer",
        "postgresql",
        "redis",
        "statsd",
        "webserver",
    ]
)


def check_git_pods(git: GitValues) -> Iterator[Finding]:
    """Run all rules on the values that can change a container that clones."""
    values, report = git.values, GitReport(Report(git.path))
    rules = ContainerRules(git, report)
    yield from _check_variables(git, report)
    if uses_git_sync(values):
        yield from rules.check_own_values()
    yield from _check_containers(rules)
    yield from _check_pod_templates(rules)
    if clones_dags(values):
        yield from _check_volumes(git, report)
        yield from _check_config_maps(git, report)


def check_git_objects(subject: Subject) -> Iterator[Finding]:
    """Run the rules on the Kubernetes objects and kustomizations beside the values."""
    named = {path for path, data in subject.files.items() if _may_name_git(data)}
    for document in subject.documents:
        if not subject.is_values(document.path):
            yield from _check_object(subject, document, document.path in named)


def _may_name_git(data: bytes) -> bool:
    """Return whether a file may hold a Git variable; an escape in YAML may spell one."""
    return b"GIT" in data or b"\\" in data


def _check_variables(git: GitValues, report: GitReport) -> Iterator[Finding]:
    """Judge every variable in the values by its name, whichever container it reaches."""
    choice = own_choice(git.values)
    for variable in git.variables:
        if refusal := refuse_variable(variable.name, variable.value, choice):
            yield report.variable(variable, refusal)
    for path, text in git.list_texts():
        if has_loose_options(text):
            yield report.error("verification", path, "disables the verification of the Git host")


def _check_containers(rules: ContainerRules) -> Iterator[Finding]:
    """Judge the containers that the values add to the chart's pods."""
    for path, node in rules.git.list_nodes(*_EXTRA_CONTAINERS):
        if path[0] not in _OTHER_PODS:
            for number, container in enumerate(as_list(node)):
                if isinstance(container, Mapping):
                    yield from rules.check_container(container, (*path, number))


def _check_pod_templates(rules: ContainerRules) -> Iterator[Finding]:
    """Judge the pod of the tasks, if the values replace the chart's."""
    values, subject = rules.values, rules.git.subject
    text, at = values.get("podTemplate"), ("podTemplate",)
    if not isinstance(text, str) or not text.strip():
        return
    expanded, readable = rules.git.expand(text)
    pod = parse_yaml_text(expanded)
    if (not readable or not isinstance(pod, Mapping)) and clones_dags(values):
        message = "the pod of the tasks cannot be read, and it may clone DAGs"
        fix = "write it without templates, or set workers.kubernetes.* instead"
        yield rules.report.error("unreadable", at, message, fix)
    found = [
        finding
        for key in ("containers", "initContainers")
        for container in as_list(get_nested(pod, "spec", key))
        if isinstance(container, Mapping)
        for finding in rules.check_container(container, at)
    ]
    # Places inside the text would look like places in the values.
    yield from (replace(finding, where="podTemplate") for finding in found)
    for volume in as_list(get_nested(pod, "spec", "volumes")):
        if get_nested(volume, "name") != "config":
            continue
        mounted = as_mapping(volume.get("configMap"))
        if set(mounted) != {"name"} or not subject.is_config_map(mounted["name"]):
            message = "the host keys would come from another place than the chart's ConfigMap"
            yield rules.report.error("mount", at, message, f"mount {subject.config_map}")


def _check_volumes(git: GitValues, report: GitReport) -> Iterator[Finding]:
    """Report volumes with the names of those that hold key, host keys and DAGs."""
    for path, node in git.list_nodes(*VOLUME_LISTS):
        if path[0] in _OTHER_PODS:
            continue
        for number, volume in enumerate(as_list(node)):
            text, readable = git.expand(get_nested(volume, "name") or "")
            if text in _CHART_VOLUMES or not readable:
                message = "takes the place of a volume of the chart that git-sync mounts"
                yield report.error("mount", (*path, number, "name"), message, _RENAME)


def _check_config_maps(git: GitValues, report: GitReport) -> Iterator[Finding]:
    """Report a ConfigMap of the values that replaces the one with the host keys."""
    for title in as_mapping(git.values.get("extraConfigMaps")):
        text, readable = git.expand(title)
        if _replaces_host_keys(git.subject, text) or not readable:
            yield report.error("mount", ("extraConfigMaps", str(title)), _REPLACED, _RENAME)


def _check_object(subject: Subject, document: Document, named: bool) -> Iterator[Finding]:
    """Judge the variables in a Kubernetes object or a kustomization, and a replaced ConfigMap."""
    kustomization = document.path.rpartition("/")[2].startswith("kustomization.")
    if not (document.api_version or kustomization):
        return
    report = GitReport(Report(document.path))
    for variable in find_variables(document.data, None) if named else ():
        if refusal := refuse_variable(variable.name, variable.value, _may_choose):
            found = report.variable(variable, refusal)
            yield replace(found, where=document.where(found.where))
    for number, made in enumerate(as_list(document.data.get("configMapGenerator"))):
        if kustomization and _replaces_host_keys(subject, get_nested(made, "name")):
            yield report.error("mount", ("configMapGenerator", number, "name"), _REPLACED, _RENAME)
    ours = subject.namespace(document) == subject.layout.namespace
    if document.kind == "ConfigMap" and ours and _replaces_host_keys(subject, document.name):
        found = report.error("mount", ("metadata", "name"), _REPLACED, _RENAME)
        yield replace(found, where=document.where(found.where))


def _replaces_host_keys(subject: Subject, name: object) -> bool:
    """Return whether a ConfigMap of this name replaces the chart's; never by a guessed name."""
    return subject.knows_names and subject.is_config_map(name)


def _may_choose(key: str, value: str) -> bool:
    """Return whether another git-sync may follow this repository: any whose host is verified."""
    return key != "repo" or is_verified_address(value)
