"""What another version of the chart or of Airflow means: keys, parts, Secrets, and what is next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wizard.chart.next_chart import NEXT_CHART, forecast_losses
from wizard.chart.restarts import list_workloads
from wizard.chart.versions import chart_version
from wizard.secrets.scan import withhold_secrets

if TYPE_CHECKING:
    from wizard.plan.render import Rendering

# The consequences of this module, all of grade `none`.
VERSION_CHANGES = ("chart-keys", "new-parts", "next-chart")
_MOST = 15
_AIRFLOW_3 = (3, 0, 0)


def describe_version_change(
    before: Rendering, after: Rendering, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield name and sentences about another chart or Airflow; `old` and `new` are the values.

    Yields nothing if both versions stay.
    """
    then, now = before.release, after.release
    if (then.chart, then.airflow) == (now.chart, now.airflow):
        return
    if text := _describe_keys(before, after, old, new):
        yield "chart-keys", text
    if text := _describe_parts(before, after, old, new):
        yield "new-parts", text
    losses = [*forecast_losses(new, now.airflow)]
    if losses:
        yield "next-chart", f"Chart {NEXT_CHART} is announced to change: {_join(losses, '; ')}."


def _describe_keys(
    before: Rendering, after: Rendering, old: Mapping[str, Any], new: Mapping[str, Any]
) -> str:
    renamed = dict(_find_renames(before, after))
    dropped = _shorten(key for key in _find_missing(old, new) if not _is_below(key, renamed))
    names = renamed.values()
    added = _shorten(key for key in _find_missing(new, old) if not _is_below(key, names))
    parts = []
    if renamed:
        listed = (f"{key} is {name} now" for key, name in renamed.items())
        parts.append(f"Renamed: {_join(listed)}.")
    if dropped:
        parts.append(f"Dropped: {_join(dropped)}.")
    if added:
        parts.append(f"New: {_join(added)}.")
    return f"Keys of the values. {' '.join(parts)}" if parts else ""


def _shorten(keys: Iterator[str]) -> list[str]:
    """Return the first keys, safe to show, and how many more there are."""
    found = [withhold_secrets(key) for key in keys]
    more = [f"{len(found) - _MOST} more"] if len(found) > _MOST else []
    return [*found[:_MOST], *more]


def _find_renames(before: Rendering, after: Rendering) -> Iterator[tuple[str, str]]:
    """Yield old and new key of each setting that both renderings have under another key."""
    then = chart_version(before.release.chart).renames
    now = chart_version(after.release.chart).renames
    used = [key for key in before.total.settings if key in after.total.settings]
    for setting in sorted({*then, *now}):
        old, new = then.get(setting, setting), now.get(setting, setting)
        if old != new and any(_is_below(key, (setting,)) for key in used):
            yield old, new


def _is_below(key: str, parents: Iterable[str]) -> bool:
    return any(key == one or key.startswith(f"{one}.") for one in parents)


def _find_missing(one: Mapping[str, Any], other: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """Yield the keys of `one` that `other` does not have, without those below them."""
    for key, value in one.items():
        path = f"{at}.{key}" if at else str(key)
        if key not in other:
            yield path
        elif isinstance(value, Mapping) and isinstance(other[key], Mapping):
            yield from _find_missing(value, other[key], path)


def _describe_parts(
    before: Rendering, after: Rendering, old: Mapping[str, Any], new: Mapping[str, Any]
) -> str:
    then, now = before.release, after.release
    running = list_workloads(old, then.airflow)
    wanted = list_workloads(new, now.airflow)
    sentences = []
    if started := [name for name in wanted if name not in running]:
        sentences.append(f"These run from now on: {_join(started)}.")
    if stopped := [name for name in running if name not in wanted]:
        sentences.append(f"These run no longer: {_join(stopped)}.")
    known = _list_secrets(before)
    if secrets := [name for name in _list_secrets(after) if name not in known]:
        sentences.append(
            f"Airflow needs the Secrets {_join(secrets)}: their values must be in the store before "
            "the change is live (`airflow-wizard secrets`)."
        )
    if then.airflow < _AIRFLOW_3 <= now.airflow:
        sentences.append(
            "Tasks reach the database through the API server only: DAGs that use it directly fail. "
            "Check them first: `ruff check --select AIR3 DAGS`."
        )
    return " ".join(sentences)


def _list_secrets(rendering: Rendering) -> list[str]:
    return [*(one.name for one in rendering.total.secrets), *rendering.total.existing_secrets]


def _join(texts: Iterable[object], glue: str = ", ") -> str:
    return glue.join(map(str, texts))
