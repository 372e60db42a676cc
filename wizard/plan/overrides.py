"""Checks `values:` of the answers for settings that a question owns.

A setting that decides which Secrets, hosts or components exist may only be set by its question:
otherwise the rendering could use one value and the Secrets another. Settings for tuning may be
overridden, with a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wizard.chart.contract import CHART_DEFAULTS, find_inline_secrets
from wizard.chart.keys import list_names
from wizard.chart.settings import map_setting
from wizard.errors import Problem
from wizard.formats.messages import show_path
from wizard.formats.yaml_untrusted import parse_yaml_text
from wizard.plan.lists import join_lists
from wizard.plan.render import emitted_values

if TYPE_CHECKING:
    from wizard.plan.render import Rendering

Path = tuple[str, ...]

_NAMES = "the Secrets contain addresses built from the release's name (installation.release)"
_PORTS = "the Secrets contain addresses with the chart's default port"
_JOB = "the Job's script and variables belong together (admin.*)"
_ITEM = "give only items whose name or path no rendered item has; the rendered items stay"
_REPLACED = "it replaces a rendered list; keep its items and add yours after them"
# Settings and the question that owns each setting and everything below it.
_OWNING_QUESTIONS: Mapping[str, str] = {
    "airflowVersion": "installation.airflow",
    "defaultAirflowTag": "installation.airflow",
    "defaultAirflowRepository": "installation.image.repository or installation.image.registry",
    "images.airflow.repository": "installation.image.repository",
    "images.airflow.tag": "installation.image.tag",
    "executor": "executor.kind",
    "config.core.executor": "executor.kind",
    "workers.celery.keda.enabled": "executor.workers.autoscaling",
    "workers.celery.hpa.enabled": "executor.workers.autoscaling",
    "workers.keda.enabled": "executor.workers.autoscaling",
    "workers.hpa.enabled": "executor.workers.autoscaling",
    "postgresql.enabled": "database.kind",
    "postgresql.auth": "database.kind",
    "data": "database.host, database.user, database.sslmode and the questions next to them",
    "data.brokerUrl": "broker.kind and broker.url",
    "data.brokerUrlSecretName": "broker.kind and broker.url",
    "pgbouncer.enabled": "database.pgbouncer.mode",
    "pgbouncer.mountConfigSecret": "database.pgbouncer.mode",
    "pgbouncer.maxClientConn": "database.pgbouncer.max_client_conn",
    "pgbouncer.metadataPoolSize": "database.pgbouncer.metadata_pool",
    "pgbouncer.resultBackendPoolSize": "database.pgbouncer.result_pool",
    "pgbouncer.sslmode": "database.sslmode",
    "redis.enabled": "broker.kind",
    "redis.persistence.enabled": "broker.persistence",
    "dags.gitSync.enabled": "dags.source",
    "dags.gitSync.repo": "dags.repo",
    "dags.gitSync.branch": "dags.ref",
    "dags.gitSync.ref": "dags.ref",
    "dags.gitSync.rev": "dags.ref",
    "dags.gitSync.subPath": "dags.subpath",
    "dags.gitSync.depth": "dags.depth",
    "dags.gitSync.period": "dags.period",
    "dags.gitSync.wait": "dags.period",
    "dags.gitSync.sshKey": "dags.key",
    "createUserJob.enabled": "admin.create",
    "createUserJob.defaultUser": "admin.username, admin.email and the questions next to them",
    "webserver.defaultUser": "admin.username, admin.email and the questions next to them",
    "networkPolicies.enabled": "environment.network_policies",
    "logs.persistence.enabled": "logs.kind",
    "logs.persistence.existingClaim": "logs.existing_claim",
    "env": "environment.variables (or values.extraEnv, for values from a Secret)",
}
# Settings that no question owns and that are fixed, with the reason.
_FIXED_SETTINGS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "fullnameOverride",
            "nameOverride",
            "useStandardNaming",
            "postgresql.fullnameOverride",
            "postgresql.nameOverride",
        ),
        _NAMES,
    ),
    "ports.pgbouncer": _PORTS,
    "ports.redisDB": _PORTS,
    "createUserJob.args": _JOB,
    "createUserJob.env": _JOB,
    "migrateDatabaseJob.args": "migrations bypass PgBouncer (database.pgbouncer.mode)",
    "migrateDatabaseJob.env": "migrations bypass PgBouncer (database.pgbouncer.mode)",
    **dict.fromkeys(("extraEnv", "extraEnvFrom", "volumes", "volumeMounts"), _ITEM),
}
# The chart's defaults for settings that are not rendered: repeating them is allowed.
_CHART_DEFAULTS: Mapping[str, object] = {
    **CHART_DEFAULTS,
    "workers.celery.keda.enabled": False,
    "workers.celery.hpa.enabled": False,
    "workers.keda.enabled": False,
    "workers.hpa.enabled": False,
    "logs.persistence.enabled": False,
    "useStandardNaming": False,
    "fullnameOverride": "",
    "nameOverride": "",
    "ports.pgbouncer": 6543,
    "ports.redisDB": 6379,
}
_MISSING = object()
_LISTS = {"env", "extraEnv", "volumes", "volumeMounts", "extraEnvFrom"}


def check_values(
    values: Mapping[str, Any], emitted: Mapping[str, Any], chart: str
) -> tuple[list[Problem], list[str]]:
    """Return problems and warnings about `values`, compared with the rendered values."""
    problems: dict[str, Problem] = {}
    warnings: list[str] = []
    # A secret is skipped here: the checks refuse it and ask to rotate it.
    secrets = set(find_inline_secrets(values))
    for path, value in _leaves(values, ()):
        if path in secrets:
            continue
        for at, old, new in _find_replaced_values(path, value, emitted):
            key = ".".join(at)
            why = _describe_owner(key, chart)
            if old is _MISSING:
                old = _CHART_DEFAULTS.get(key, _MISSING) if why and not _is_list_rule(key) else new
            if old == new and type(old) is type(new):
                continue
            if _is_extension(old, new) or join_lists(at[-1], old, new) is not None:
                continue
            if why or isinstance(old, list):
                joinable = isinstance(old, list) and join_lists(at[-1], old, old) is not None
                why = why or (_ITEM if joinable else _REPLACED)
                key = f"values.{show_path(path, list_names())}"
                problems.setdefault(key, Problem(key, why))
            else:
                warnings.append(f"values.{key} overrides another answer")
    return list(problems.values()), list(dict.fromkeys(warnings))


def check_overrides(
    rendering: Rendering, values: Mapping[str, Any]
) -> tuple[list[Problem], list[str]]:
    """Return problems and warnings about `values:` in the answers of this rendering."""
    if not values:
        return [], []

    chart = rendering.release.chart
    return check_values(values, emitted_values(rendering.release, rendering.total), chart)


def _leaves(node: Mapping[str, Any], at: Path) -> Iterator[tuple[Path, Any]]:
    for key, value in node.items():
        path = (*at, str(key))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path, value


def _find_replaced_values(
    path: Path, new: object, emitted: object
) -> Iterator[tuple[Path, Any, Any]]:
    """Yield (path, before, after) of each replaced value; replacing a mapping yields several."""
    node, nothing = emitted, isinstance(new, Mapping)
    for number, part in enumerate(path):
        if not isinstance(node, Mapping):
            yield path[:number], node, {}
            return
        if part not in node:
            if not nothing:
                yield path, _MISSING, new
            return
        node = node[part]
    if isinstance(node, Mapping) and nothing:
        return
    if isinstance(node, Mapping) and node:
        for below, old in _leaves(node, path):
            yield below, old, None
        return
    yield path, node, new


def _describe_owner(key: str, chart: str) -> str:
    """Return what to do instead of setting a key, by its nearest owner; "" without an owner."""
    parts = key.split(".")
    owners = {map_setting(setting, chart): text for setting, text in _OWNING_QUESTIONS.items()}
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        if prefix in owners:
            return f"remove it and answer {owners[prefix]} instead"
        if prefix in _FIXED_SETTINGS:
            return f"remove it: {_FIXED_SETTINGS[prefix]}"
    if parts[-2:] == ["podDisruptionBudget", "enabled"]:
        return "remove it and answer environment.disruption_budgets instead"
    return ""


def _is_list_rule(key: str) -> bool:
    """Return whether the key holds a list, which `values` may set if nothing is rendered there."""
    return key.partition(".")[2] in {"args", "env"} or key in _LISTS


def _is_extension(old: object, new: object) -> bool:
    """Return whether `new` is a list that starts with all items of `old` in the same order.

    The chart has some lists as text.
    """
    if isinstance(old, str) and isinstance(new, str) and old.startswith("- "):
        return _is_extension(parse_yaml_text(old), parse_yaml_text(new))
    return isinstance(old, list) and isinstance(new, list) and new[: len(old)] == old
