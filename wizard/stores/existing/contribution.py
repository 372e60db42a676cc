"""Puts the Secrets of others in the place of ours: in the Helm values, and in what is checked.

Where the chart reads a fixed key and the Secret has another one, its own variable is turned off,
and the containers get the same variable from the other key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wizard.manifests.contribution import EnvVar, NeededKey, StepGroup, StepSpec
from wizard.manifests.steps import SECRETS
from wizard.secrets.facts import FactUse
from wizard.stores.existing.contracts import ExistingSecret, list_existing_secrets

if TYPE_CHECKING:
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers

STEP_ID = "existing.secrets"
_SWITCH = "enableBuiltInSecretEnvVars"
# Both Jobs take no variable of `secret`, because they must not take those of `env`.
_JOBS = ("migrateDatabaseJob", "createUserJob")
_CONFIG = "existing-config"
_FOLDER = "/etc/pgbouncer"


def name_existing_secrets(
    secrets: SecretsAnswers, release: Release, total: Contribution
) -> Contribution:
    """Return the contributions with the Secrets that the answers name instead of our own."""
    found = list(list_existing_secrets(secrets, release, total))
    by_name = {one.spec.name: one for one in found}
    settings = {key: _rewrite(value, by_name) for key, value in total.settings.items()}
    env = list(_rename_variables(total.env, by_name))
    for one in found:
        settings.update(dict.fromkeys(one.spec.settings, one.name))
        if one.moved and one.contract.variables:
            env += _move_variables(settings, one, one.moved[1])
    _move_pooler_files(settings, found)
    return replace(
        total,
        settings=settings,
        env=tuple(env),
        secrets=(),
        existing_secrets=_merge_keys(total.existing_secrets, found),
        needed=tuple(_list_needed(found)),
    )


def secrets_step() -> StepSpec:
    """Return the step of whoever makes the Secrets; a change of any name or key needs it again."""
    logs = ("elasticsearch", "opensearch")
    named = ("data", _SWITCH, "secret", "redis", "pgbouncer", "dags.gitSync", *logs, *_JOBS)
    keys = ("fernetKey", "apiSecretKey", "jwtSecret", "webserverSecretKey")
    follows = tuple(f"values#{one}" for one in (*named, *keys))
    title = "Create the Secrets that the runbook lists"
    group = StepGroup(STEP_ID, title, "platform", "values", SECRETS)
    return StepSpec(STEP_ID, title, "platform", follows, group)


def _list_needed(found: Iterable[ExistingSecret]) -> Iterable[NeededKey]:
    for one in found:
        for ours, key in one.keys.items():
            content = one.spec.keys[ours]
            yield NeededKey(one.name, key, content, one.spec.purpose, one.question(ours))


def _merge_keys(
    declared: Mapping[str, tuple[str, ...]], found: Iterable[ExistingSecret]
) -> dict[str, tuple[str, ...]]:
    """Return the keys of every Secret of others; those of one without listed keys stay unknown."""
    merged = dict(declared)
    for one in found:
        known = merged.get(one.name)
        if known != ():
            merged[one.name] = tuple(dict.fromkeys((*(known or ()), *one.keys.values())))
    return merged


def _rewrite(node: Any, by_name: Mapping[str, ExistingSecret]) -> Any:
    """Return a setting whose variables refer to the Secrets of others.

    A variable of which the Secret would hold no secret gets the value itself.
    """
    if isinstance(node, list):
        return [_rewrite(item, by_name) for item in node]
    if not isinstance(node, Mapping):
        return node
    source = node.get("valueFrom")
    ref = source.get("secretKeyRef") if isinstance(source, Mapping) else None
    one = by_name.get(ref["name"]) if isinstance(ref, Mapping) else None
    if ref is None or one is None or ref["key"] not in one.spec.keys:
        return {key: _rewrite(value, by_name) for key, value in node.items()}
    if ref["key"] in one.keys:
        return _variable(node["name"], one.name, one.keys[ref["key"]])
    parts = one.spec.keys[ref["key"]]
    if any(isinstance(part, FactUse) for part in parts):
        raise KeyError(f"{one.spec.name}: {ref['key']} has no question")
    return {"name": node["name"], "value": "".join(map(str, parts))}


def _rename_variables(
    env: Iterable[EnvVar], by_name: Mapping[str, ExistingSecret]
) -> Iterator[EnvVar]:
    """Yield the variables from the Secrets of others, without those whose key is not there."""
    for variable in env:
        one = by_name.get(variable.secret)
        if one is None:
            yield variable
        elif variable.key in one.keys:
            yield replace(variable, secret=one.name, key=one.keys[variable.key])


def _variable(variable: str, name: str, key: str) -> dict[str, object]:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


def _move_variables(settings: dict[str, Any], one: ExistingSecret, key: str) -> Iterator[EnvVar]:
    """Turn the chart's own variables off in `settings`, and yield those that replace them."""
    for variable in one.contract.variables:
        if settings.get(f"{_SWITCH}.{variable}") is False:
            # A section has placed it: single components get it.
            continue
        settings[f"{_SWITCH}.{variable}"] = False
        components = one.contract.components
        yield EnvVar(variable, secret=one.name, key=key, components=components)
        if components:
            continue
        for job in _JOBS:
            if settings.get(f"{job}.enabled") is not False:
                item = _variable(variable, one.name, key)
                settings[f"{job}.env"] = [*settings.get(f"{job}.env", []), item]


def _move_pooler_files(settings: dict[str, Any], found: Iterable[ExistingSecret]) -> None:
    """Mount PgBouncer's files ourselves if they have other keys; the chart's mount is fixed."""
    for one in found:
        if one.contract.question == "pgbouncer_config" and one.moved:
            items = [{"key": key, "path": ours} for ours, key in one.keys.items()]
            volume = {"secretName": one.name, "items": items}
            settings["pgbouncer.mountConfigSecret"] = False
            settings["pgbouncer.extraVolumes"] = [{"name": _CONFIG, "secret": volume}]
            settings["pgbouncer.extraVolumeMounts"] = [
                {"name": _CONFIG, "subPath": ours, "mountPath": f"{_FOLDER}/{ours}",
                 "readOnly": True}
                for ours in one.keys
            ]  # fmt: skip
        if one.contract.question == "pgbouncer_stats" and one.moved:
            settings["pgbouncer.metricsExporterSidecar.statsSecretKey"] = one.moved[1]
