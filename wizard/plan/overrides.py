"""`values:` of the answers against the answers themselves: one question, one place to answer it.

What a question owns may not be set a second time where that decides which Secrets, hosts or
components exist: the rendering would follow one of the two and the Secrets the other. Tuning may
be overridden, and is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wizard.chart.contract import CHART_DEFAULTS, find_inline_secrets
from wizard.chart.settings import map_setting
from wizard.errors import Problem
from wizard.plan.render import emitted_values

if TYPE_CHECKING:
    from wizard.plan.render import Rendering

Path = tuple[str, ...]

_NAMES = "the Secrets hold addresses made of the release's name (installation.release)"
_PORTS = "the Secrets hold addresses with the chart's own port"
_JOB = "the Job's script and variables belong together (admin.*)"
# Settings and the question that owns each; a setting owns what stands below it.
_OWNING_QUESTIONS: Mapping[str, str] = {
    "airflowVersion": "installation.airflow",
    "defaultAirflowTag": "installation.airflow",
    "defaultAirflowRepository": "installation.image.repository",
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
    "data": "database.host, database.user, database.sslmode and their neighbours",
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
    "createUserJob.defaultUser": "admin.username, admin.email and their neighbours",
    "webserver.defaultUser": "admin.username, admin.email and their neighbours",
    "networkPolicies.enabled": "environment.network_policies",
    "logs.persistence.enabled": "components.logs.persistence",
    "env": "environment.variables (or values.extraEnv, for what comes from a Secret)",
}
# Settings without a question of their own, and what hangs on them.
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
    "migrateDatabaseJob.args": "migrations go past PgBouncer (database.pgbouncer.mode)",
    "migrateDatabaseJob.env": "migrations go past PgBouncer (database.pgbouncer.mode)",
    "volumes": "certificates and keys are mounted by it; add to the items, drop none",
    "volumeMounts": "certificates and keys are mounted by it; add to the items, drop none",
}
# What the chart does where the rendering is silent: saying the same again is no contradiction.
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


def check_values(
    values: Mapping[str, Any], emitted: Mapping[str, Any], chart: str
) -> tuple[list[Problem], list[str]]:
    """Problems and warnings of `values`, held against the values that the answers come to."""
    problems: dict[str, Problem] = {}
    warnings: list[str] = []
    # A secret is refused by the checks, which also say to rotate it.
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
            if isinstance(old, list) and isinstance(new, list) and _is_extension(old, new):
                continue
            if why or isinstance(old, list):
                name = ".".join(path)
                why = why or "it replaces a list of the answers' own; keep its items, add to them"
                problems.setdefault(name, Problem(f"values.{name}", why))
            else:
                warnings.append(f"values.{key} overrides what another answer says")
    return list(problems.values()), list(dict.fromkeys(warnings))


def check_overrides(
    rendering: Rendering, values: Mapping[str, Any]
) -> tuple[list[Problem], list[str]]:
    """Problems and warnings of `values` of the answers that `rendering` was made of."""
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
    """(where, before, after) of everything that a leaf replaces: more than one below a mapping."""
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
    """Whose a key is, the nearest first; "" where nobody owns it."""
    parts = key.split(".")
    owners = {map_setting(setting, chart): text for setting, text in _OWNING_QUESTIONS.items()}
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        if prefix in owners:
            return f"leave it out and answer {owners[prefix]} instead"
        if prefix in _FIXED_SETTINGS:
            return f"leave it alone: {_FIXED_SETTINGS[prefix]}"
    if parts[-2:] == ["podDisruptionBudget", "enabled"]:
        return "leave it out and answer environment.disruption_budgets instead"
    return ""


def _is_list_rule(key: str) -> bool:
    """Free where the answers come to no such list."""
    return key.partition(".")[2] in {"args", "env"} or key in {"env", "volumes", "volumeMounts"}


def _is_extension(old: list[Any], new: list[Any]) -> bool:
    """Whether every item stays, in its order, and others only come after them."""
    return new[: len(old)] == old
