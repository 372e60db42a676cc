"""DAG bundles and connections: every place that can say which Git host Airflow clones from.

Source: chart 1.22.0 (`dagProcessor.dagBundleConfigList` becomes an option of airflow.cfg), Airflow
3.2 (variables override the file, `_CMD` and `_SECRET` forms do too, and a secrets backend is asked
before the environment), provider git 1.0.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.checks.git_containers import GitReport, uses_git_sync
from wizard.checks.git_variables import (
    GitValues,
    Path,
    Variable,
    find_variables,
    read_sources,
)
from wizard.checks.subject import Subject, as_mapping, get_nested
from wizard.checks.values import Report
from wizard.findings import Finding
from wizard.hostkeys.git_connections import (
    list_bundle_connections,
    refuse_bundles,
    refuse_connection,
)

_OPTION = "dag_bundle_config_list"
_LIST: Path = ("dagProcessor", "dagBundleConfigList")
_SECTION = "AIRFLOW__DAG_PROCESSOR__"
_CONNECTION = "AIRFLOW_CONN_"
_BACKENDS = ("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__WORKERS__SECRETS_BACKEND")
_POD_TEMPLATE = "AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE"
_VERIFY = "write strict_host_key_checking: yes and a known_hosts_file in the connection's extra"
_NAME_BUNDLES = "write the bundles in dagProcessor.dagBundleConfigList"


def check_git_bundles(git: GitValues) -> Iterator[Finding]:
    """Run the rules on connections and bundles in the values."""
    values, variables, report = git.values, git.variables, GitReport(Report(git.path))
    yield from _check_connections(variables, report)
    yield from _check_lists(git, report)
    if _list_connections(values, variables):
        yield from _check_delivery(git, report)
    yield from _check_pods(values, variables, report)


def check_connection_maps(subject: Subject) -> Iterator[Finding]:
    """Run the rules on connections in the ConfigMaps of the tree."""
    for document in subject.objects("ConfigMap"):
        report = GitReport(Report(document.path))
        yield from _check_connections(tuple(find_variables(document.data, None)), report)


def _check_connections(variables: tuple[Variable, ...], report: GitReport) -> Iterator[Finding]:
    for variable in variables:
        if not variable.name.upper().startswith(_CONNECTION):
            continue
        if reason := refuse_connection(variable.value or ""):
            yield report.error("verification", variable.path, reason, _VERIFY)


def _check_lists(git: GitValues, report: GitReport) -> Iterator[Finding]:
    """Judge the lists of bundles: the chart's value, the option, the variable and its forms."""
    values, variables = git.values, git.variables
    listed = get_nested(values, "dagProcessor", "dagBundleConfigList")
    if listed:
        yield from _check_list(listed, _LIST, report)
    for section, options in as_mapping(values.get("config")).items():
        for name, text in as_mapping(options).items():
            if str(section).lower() != "dag_processor" or not str(name).lower().startswith(_OPTION):
                continue
            at = ("config", str(section), str(name))
            expanded, readable = git.expand(text)
            if readable and str(name).lower() == _OPTION:
                yield from _check_list(expanded, at, report)
            else:
                yield _unreadable(at, report)
    for variable in variables:
        name = variable.name.upper()
        if not name.startswith(f"{_SECTION}{_OPTION.upper()}"):
            continue
        if name == f"{_SECTION}{_OPTION.upper()}" and variable.value is not None:
            yield from _check_list(variable.value, variable.path, report)
        else:
            yield _unreadable(variable.path, report)


def _unreadable(path: Path, report: GitReport) -> Finding:
    message = "says where DAGs are cloned from, and it cannot be read here"
    return report.error("unreadable", path, message, _NAME_BUNDLES)


def _check_list(value: object, path: Path, report: GitReport) -> Iterator[Finding]:
    for reason in refuse_bundles(value):
        yield report.error(
            "verification", path, reason, "use a connection with host keys, or https://"
        )


def _list_connections(
    values: Mapping[str, Any], variables: tuple[Variable, ...]
) -> tuple[str, ...]:
    """Return the ids of the connections that the bundles in effect use."""
    found: list[str] = [
        *list_bundle_connections(get_nested(values, "dagProcessor", "dagBundleConfigList")),
        *list_bundle_connections(str(get_nested(values, "config", "dag_processor", _OPTION) or "")),
    ]
    for variable in variables:
        if variable.name.upper() == f"{_SECTION}{_OPTION.upper()}" and variable.value is not None:
            found += list_bundle_connections(variable.value)
    return tuple(dict.fromkeys(found))


def _check_delivery(git: GitValues, report: GitReport) -> Iterator[Finding]:
    """Report what may deliver the bundle's connection without showing it to these checks."""
    values, variables = git.values, git.variables
    yield from _check_backends(values, variables, report)
    fix = "make sure that it sets nothing of Git, or list the variables one by one"
    for path, node in git.list_nodes("extraEnvFrom"):
        for source in read_sources(node, git.subject, path) if node else ():
            if source.variables is None:
                message = "Airflow clones DAGs, and the names of these variables cannot be read"
                yield report.warning("unreadable", source.path, message, fix)
    for path, node in git.list_nodes("extraEnv"):
        if not git.expand(node)[1]:
            message = "Airflow clones DAGs, and a template in its variables cannot be read"
            yield report.error("unreadable", path, message, "write the names without templates")
    names = {variable.name.upper() for variable in variables}
    for connection in _list_connections(values, variables):
        if f"{_CONNECTION}{connection.upper()}" not in names:
            message = "a bundle uses a connection that no variable here delivers: it is unverified"
            fix = (
                f"deliver it as AIRFLOW_CONN_... from a Secret. {_VERIFY[:1].upper()}{_VERIFY[1:]}"
            )
            yield report.warning("unverified", _LIST, message, fix)


def _check_backends(
    values: Mapping[str, Any], variables: tuple[Variable, ...], report: GitReport
) -> Iterator[Finding]:
    """Report a secrets backend that is asked for the connection before the environment is."""
    found: list[tuple[Path, object]] = []
    for section, option in (("secrets", "backend"), ("workers", "secrets_backend")):
        if get_nested(values, "config", section, option):
            kwargs = get_nested(values, "config", section, f"{option}_kwargs")
            found.append((("config", section, option), kwargs))
    kwargs_by_name = {variable.name.upper(): variable.value for variable in variables}
    for variable in variables:
        if variable.name.upper() in _BACKENDS and variable.value != "":
            found.append((variable.path, kwargs_by_name.get(f"{variable.name.upper()}_KWARGS")))
    for path, kwargs in found:
        if not _has_no_connections(kwargs):
            message = (
                "may deliver the connection of the DAG bundle, so its host keys are unverified"
            )
            fix = "set connections_path (or connections_prefix) to null, or verify it there"
            yield report.warning("unverified", path, message, fix)


def _has_no_connections(kwargs: object) -> bool:
    """Return whether the backend's arguments say that it delivers no connections."""
    try:
        data = json.loads(kwargs) if isinstance(kwargs, str) else kwargs
    except (ValueError, RecursionError):
        return False
    names = ("connections_path", "connections_prefix")
    return isinstance(data, Mapping) and any(data.get(name, "") is None for name in names)


def _check_pods(
    values: Mapping[str, Any], variables: tuple[Variable, ...], report: GitReport
) -> Iterator[Finding]:
    """Report code and files that change the pods of the tasks where no check can see it."""
    if not uses_git_sync(values):
        return
    message = "the pods of the tasks come from a file that cannot be read here"
    fix = "set workers.kubernetes.* instead"
    option = ("config", "kubernetes_executor", "pod_template_file")
    if get_nested(values, *option):
        yield report.warning("unverified", option, message, fix)
    for variable in variables:
        if variable.name.upper() == _POD_TEMPLATE:
            yield report.warning("unverified", variable.path, message, fix)
    if "pod_mutation_hook" in str(values.get("airflowLocalSettings") or ""):
        message = "changes the pods of the tasks, git-sync's container included"
        yield report.warning("unverified", ("airflowLocalSettings",), message, "verify that code")
