"""Compare two versions of an object by the fields that a person decides about."""

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
    """Return the object without status, running operation and server-side bookkeeping."""
    kept = {name: value for name, value in found.items() if name not in {"status", "operation"}}
    about = {name: v for name, v in found.get("metadata", {}).items() if name not in _VOLATILE}
    notes = {k: v for k, v in (about.get("annotations") or {}).items() if k != _LAST_APPLIED}
    about.pop("annotations", None)
    return {**kept, "metadata": {**about, **({"annotations": notes} if notes else {})}}


def is_contained(wanted: Any, existing: Any) -> bool:
    """Return whether the existing object has all wanted fields; lists must match entirely."""
    if isinstance(wanted, Mapping) and isinstance(existing, Mapping):
        return all(
            name in existing and is_contained(wanted[name], existing[name]) for name in wanted
        )
    if isinstance(wanted, list) and isinstance(existing, list):
        same = len(wanted) == len(existing)
        return same and all(map(is_contained, wanted, existing))
    return bool(wanted == existing)


def merge_manifest(existing: Any, wanted: Any) -> Any:
    """Return the existing object with the wanted fields: an estimate of the result of an apply."""
    if isinstance(wanted, Mapping) and isinstance(existing, Mapping):
        return {
            **existing,
            **{k: merge_manifest(existing.get(k), value) for k, value in wanted.items()},
        }
    if isinstance(wanted, list) and isinstance(existing, list) and len(wanted) == len(existing):
        return list(map(merge_manifest, existing, wanted))
    return wanted


def _sort_keys(found: Any) -> Any:
    if isinstance(found, Mapping):
        return {name: _sort_keys(found[name]) for name in sorted(found)}
    return [_sort_keys(item) for item in found] if isinstance(found, list) else found


def diff_manifests(existing: Mapping[str, Any], wanted: Mapping[str, Any], ref: Ref) -> str:
    """Return the unified diff from the existing object to the wanted one, safe to print."""
    old, new = (
        dump_yaml(_sort_keys(strip_volatile(found))).splitlines() for found in (existing, wanted)
    )
    lines = difflib.unified_diff(old, new, f"{ref} (cluster)", f"{ref} (committed)", lineterm="")
    return "\n".join(escape_unprintable(line) for line in lines)
