"""Renders answers to files: a pure function of answers, public assets and the wizard's version.

Rendering uses no clock, environment, randomness or network, so it gives the same bytes everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from wizard.answers.files import answers_text
from wizard.answers.model import Answers, applicable_sections
from wizard.answers.questions import field_spec
from wizard.chart.key_order import sort_keys
from wizard.chart.settings import SharedKeyError, map_settings, pull_secret_settings
from wizard.errors import AnswersError, Problem
from wizard.formats.nested import get_value
from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.contribution import Contribution, EnvVar, combine_contributions
from wizard.manifests.release import Release
from wizard.manifests.tree import File, Tree
from wizard.plan.admin import describe_unused_admin, find_manager_without_users, without_admin
from wizard.plan.derive import derive_release
from wizard.plan.lists import join_lists
from wizard.stores.registry import store_kind

_TEXT_LIST = "extraEnv"
# The keys of components whose label is spelled differently. Source: chart 1.22.0.
_KEYS = {
    "create-user-job": "createUserJob",
    "dag-processor": "dagProcessor",
    "database-cleanup": "databaseCleanup",
    "run-airflow-migrations": "migrateDatabaseJob",
}


@dataclass(frozen=True, slots=True)
class Rendering:
    """A rendered installation: the release, all contributions, and the files.

    `warnings` say which answers have no effect by the configuration in effect.
    """

    release: Release
    total: Contribution
    tree: Tree
    warnings: tuple[str, ...] = ()


def render(answers: Answers, assets: Mapping[str, str] | None = None) -> Rendering:
    """Return the files that these applicable, complete answers write into the repository.

    Raises AnswersError when the chart has a single key for two answers that differ.
    """
    used = answers
    warnings: tuple[str, ...] = ()
    release, total = contribute(used, assets)
    if release.admin and (manager := find_manager_without_users(release, total.values)):
        used, warnings = without_admin(answers), (describe_unused_admin(manager),)
        release, total = contribute(used, assets)
    for section in applicable_sections(used).values():
        total = combine_contributions([total, section.compose(release, total)])
    files = [
        File("answers", release.paths.answers, answers_text(answers)),
        _values_file(answers, release, total),
        *total.manifests,
        *total.files,
    ]
    files += [_asset_file(answers, release, key) for key in release.assets]
    return Rendering(release, total, Tree(files), warnings)


def contribute(answers: Answers, assets: Mapping[str, str] | None) -> tuple[Release, Contribution]:
    """Return the release, and what all sections give it, with the Helm values in effect."""
    release = derive_release(answers, assets)
    sections = applicable_sections(answers).values()
    total = combine_contributions(section.contribute(release) for section in sections)
    total = store_kind(release.store).adapt(answers.secrets, release, total)
    return release, replace(total, values=_effective_values(answers, release, total))


def _asset_file(answers: Answers, release: Release, key: str) -> File:
    item = field_spec(key, type(answers))
    kind = item.ask.asset
    logical = kind.logical if kind else key
    path = f"{release.paths.own}/{get_value(answers, item.path)}"
    return File(f"{logical}/{key}", path, release.assets[key])


def emitted_values(release: Release, total: Contribution) -> dict[str, Any]:
    """Return the Helm values that the questions give, without `values:` of the answers.

    Raises AnswersError when an older chart has a single key for two answers that differ.
    """
    try:
        keyed = map_settings({**total.settings, **_pod_settings(release, total)}, release.chart)
    except SharedKeyError as error:
        problem = Problem(
            "installation.chart",
            f"chart {release.chart} has one key, {error.key}, for {error.settings[0]} and "
            f"{error.settings[1]}: make them equal or choose a newer chart",
        )
        raise AnswersError("the chart cannot express both answers", [problem]) from None
    values: dict[str, Any] = {}
    for key, value in keyed.items():
        _put(values, key.split("."), value)
    return sort_keys(values)


def _effective_values(answers: Answers, release: Release, total: Contribution) -> dict[str, Any]:
    """Return the Helm values of the questions, and over them those of `values:`."""
    values = emitted_values(release, total)
    _merge(values, answers.values)
    return values


def _values_file(answers: Answers, release: Release, total: Contribution) -> File:
    values = _effective_values(answers, release, total)
    comments: dict[tuple[str | int, ...], str] = {
        tuple(key.split(".")): text
        for setting, text in total.comments.items()
        for key in map_settings({setting: None}, release.chart)
    }
    header = (
        f"Helm values of {release.installation}: chart {release.chart}, without secrets.\n"
        "Secrets are referenced by name and created outside Git."
    )
    return File("values", release.paths.values, dump_yaml(values, comments, header))


def _pod_settings(release: Release, total: Contribution) -> dict[str, Any]:
    """Return the settings of the pods: pull secrets, variables and mounts."""
    settings: dict[str, Any] = pull_secret_settings(
        total.pull_secrets, release.chart, bundled_database=release.bundled_database
    )
    for variable in total.env:
        for setting, item in _place_variable(variable, release):
            own = total.settings.get(setting)
            settings.setdefault(setting, [*own] if isinstance(own, list) else []).append(item)
    if _TEXT_LIST in settings:
        settings[_TEXT_LIST] = dump_yaml(settings[_TEXT_LIST])
    if total.mounts:
        settings["volumes"] = [mount.to_volume() for mount in total.mounts]
        settings["volumeMounts"] = [
            {"name": mount.name, "mountPath": mount.path, "readOnly": True}
            for mount in total.mounts
        ]
    return settings


def _place_variable(variable: EnvVar, release: Release) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield each list of the chart that the variable is in, and its item there.

    The list of all containers, `env`, takes values only; `secret` is its twin for Secrets, and
    `extraEnv`, which is text, takes the rest.
    """
    for component in variable.components:
        for key in _list_component_keys(component, release):
            yield f"{key}.env", variable.to_values()
    if variable.components:
        return
    if variable.field:
        yield _TEXT_LIST, variable.to_values()
    elif variable.secret:
        yield "secret", variable.to_reference()
    else:
        yield "env", variable.to_values()


def _list_component_keys(component: str, release: Release) -> Iterator[str]:
    """Yield the keys of a component in the chart, by its label. Source: chart 1.22.0."""
    if component == "worker":
        yield from ["workers.celery"] if release.celery else []
        yield from ["workers.kubernetes"] if release.kubernetes else []
    elif component == "api-server":
        yield release.web_key
    else:
        yield _KEYS.get(component, component)


def _put(values: dict[str, Any], path: Iterable[str], value: object) -> None:
    *parents, last = path
    for part in parents:
        values = values.setdefault(part, {})
    values[last] = value


def _merge(values: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Merge `more` into `values` in place: mappings key by key; other values are replaced.

    Some lists are joined: see `wizard.plan.lists`.
    """
    for key, value in more.items():
        below = values.get(key)
        if isinstance(below, dict) and isinstance(value, Mapping):
            _merge(below, value)
            continue
        joined = join_lists(key, below, value)
        values[key] = value if joined is None else joined
