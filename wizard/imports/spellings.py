"""Helm values that say in another way what a question asks, so that no rendering shows them.

The chart reads them only where no Secret is named, or where the wizard uses another key.
Source: chart 1.22.0, `data.*Connection` and `defaultUser`, and its deprecated keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wizard.chart.keys import load_keys
from wizard.formats.nested import get_value, put_value

_DATABASE = {"host": "host", "port": "port", "db": "name", "user": "user", "sslmode": "sslmode"}
_USER = {
    "username": "username",
    "email": "email",
    "firstName": "first_name",
    "lastName": "last_name",
}
# A path of the values, and the question that it answers.
_ANSWERS: tuple[tuple[tuple[str, ...], str], ...] = (
    *((("data", "metadataConnection", key), f"database.{name}") for key, name in _DATABASE.items()),
    *(
        (("data", "resultBackendConnection", key), f"database.result_backend.{name}")
        for key, name in _DATABASE.items()
        if key != "sslmode"
    ),
    *((("webserver", "defaultUser", key), f"admin.{name}") for key, name in _USER.items()),
    *((("createUserJob", "defaultUser", key), f"admin.{name}") for key, name in _USER.items()),
)
_RESULTS = "database.result_backend."
# The mappings of these values, and the only meaning that answers have for their other keys.
SPELLED = tuple(dict.fromkeys(path[:-1] for path, _ in _ANSWERS))
MEANT = {"protocol": "postgresql", "role": "Admin"}


def list_spellings(values: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str, Any]]:
    """Yield (path in the values, key of the question, answer) of what such values say."""
    for path, key in _ANSWERS:
        value = get_value(values, path)
        if value in (None, "") or isinstance(value, (Mapping, list)):
            continue
        if key.startswith(_RESULTS):
            yield path, f"{_RESULTS}kind", "separate"
        yield path, key, value


def move_deprecated(
    values: Mapping[str, Any], chart: str
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return the values under the keys that replace deprecated ones, and which were moved.

    A key is moved if the chart names its replacement and nothing is set there: the two mean the
    same. A key for all workers goes to those that the executor has.
    """
    moved: list[tuple[str, str]] = []
    result: dict[str, Any] = dict(values)
    executor = str(values.get("executor") or "CeleryExecutor")
    for path, instead in load_keys(chart).deprecated_keys(values):
        if not all(isinstance(part, str) for part in path):
            continue
        source = tuple(str(part) for part in path)
        targets = [tuple(one.strip().split(".")) for one in instead.split(",") if one.strip()]
        targets = [one for one in targets if _is_used(one, executor)]
        value = get_value(result, source)
        if not targets or any("[" in part for one in targets for part in one):
            continue
        if any(get_value(result, one) is not None for one in targets):
            continue
        result = _drop(result, source)
        for one in targets:
            result = put_value(result, one, value)
            moved.append((".".join(source), ".".join(one)))
    return result, moved


def _is_used(path: tuple[str, ...], executor: str) -> bool:
    if path[:2] == ("workers", "celery"):
        return "Kubernetes" not in executor or "Celery" in executor
    if path[:2] == ("workers", "kubernetes"):
        return "Kubernetes" in executor
    return True


def _drop(values: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    head, *rest = path
    if not rest:
        return {key: value for key, value in values.items() if key != head}
    below = _drop(values[head], tuple(rest))
    if not below:
        return {key: value for key, value in values.items() if key != head}
    return {**values, head: below}
