"""What two versions of an object differ in, as far as a person decides about it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from wizard.clients.kube.protocol import Ref
from wizard.formats.terminal import escape_unprintable
from wizard.formats.yaml_writer import dump_yaml

_VOLATILE = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def strip_volatile(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a person decides about: no status, no running operation, no bookkeeping."""
    kept = {name: value for name, value in found.items() if name not in {"status", "operation"}}
    about = {name: v for name, v in found.get("metadata", {}).items() if name not in _VOLATILE}
    notes = {k: v for k, v in (about.get("annotations") or {}).items() if k != _LAST_APPLIED}
    about.pop("annotations", None)
    return {**kept, "metadata": {**about, **({"annotations": notes} if notes else {})}}


def is_contained(wanted: Any, standing: Any) -> bool:
    """Whether what stands has all that is wanted; lists count as a whole."""
    if isinstance(wanted, Mapping) and isinstance(standing, Mapping):
        return all(
            name in standing and is_contained(wanted[name], standing[name]) for name in wanted
        )
    if isinstance(wanted, list) and isinstance(standing, list):
        same = len(wanted) == len(standing)
        return same and all(map(is_contained, wanted, standing))
    return bool(wanted == standing)


def merge_manifest(standing: Any, wanted: Any) -> Any:
    """What stands with what is wanted in it: what an apply comes to, as far as it shows here."""
    if isinstance(wanted, Mapping) and isinstance(standing, Mapping):
        return {
            **standing,
            **{k: merge_manifest(standing.get(k), value) for k, value in wanted.items()},
        }
    if isinstance(wanted, list) and isinstance(standing, list) and len(wanted) == len(standing):
        return list(map(merge_manifest, standing, wanted))
    return wanted


def _sort_keys(found: Any) -> Any:
    if isinstance(found, Mapping):
        return {name: _sort_keys(found[name]) for name in sorted(found)}
    return [_sort_keys(item) for item in found] if isinstance(found, list) else found


def diff_manifests(standing: Mapping[str, Any], wanted: Mapping[str, Any], ref: Ref) -> str:
    """The unified diff from what stands to what is wanted, safe to print."""
    old, new = (
        dump_yaml(_sort_keys(strip_volatile(found))).splitlines() for found in (standing, wanted)
    )
    lines = difflib.unified_diff(old, new, f"{ref} (cluster)", f"{ref} (committed)", lineterm="")
    return "\n".join(escape_unprintable(line) for line in lines)
