"""What may not change by hand in the desired state file: what it installs, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wizard.deliveries.helmsman.manifests import STATE_LOGICAL
from wizard.formats.nested import format_path
from wizard.formats.yaml_untrusted import parse_yaml

_OTHER = "Helmsman would install something other than what the answers describe"
_MORE = "Helmsman would run or change more than the answers describe"
_FREE = frozenset(("metadata", "settings"))
# How Helm waits, and what the file says to its readers.
_FREE_APP = frozenset(("description", "group", "maxHistory", "protected", "timeout", "wait"))
_FREE_SETTINGS = frozenset(
    ("globalMaxHistory", "kubeContext", "msTeamsWebhook", "skipIgnoredApps", "skipPendingApps",
     "slackWebhook")
)  # fmt: skip


def find_state_edits(logical: str, data: bytes, rendered: bytes) -> Iterator[tuple[str, str]]:
    """Yield place and consequence of each edit that may not be kept."""
    if logical != STATE_LOGICAL:
        return
    mine, ours = _read(data), _read(rendered)
    if not mine:
        yield "", "Helmsman cannot read it as one document"
        return
    for key in sorted({*mine, *ours} - _FREE - {"apps"}):
        if mine.get(key) != ours.get(key):
            yield key, _OTHER
    for key in sorted({*_mapping(mine.get("settings"))} - _FREE_SETTINGS):
        yield f"settings.{key}", _MORE
    apps, wanted = _mapping(mine.get("apps")), _mapping(ours.get("apps"))
    for name in sorted({*apps, *wanted}):
        place = f"apps.{format_path([name])}"
        app, own = _mapping(apps.get(name)), _mapping(wanted.get(name))
        if name not in apps or name not in wanted:
            yield place, _OTHER
            continue
        for key in sorted({*app, *own} - _FREE_APP):
            if app.get(key) != own.get(key):
                yield f"{place}.{key}", _OTHER if key in own else _MORE


def _read(data: bytes) -> Mapping[str, Any]:
    documents, findings = parse_yaml("", data)
    broken = any(finding.is_error for finding in findings)
    return _mapping(documents[0]) if len(documents) == 1 and not broken else {}


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        return {}
    return {str(key): item for key, item in value.items()}
