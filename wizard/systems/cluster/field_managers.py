"""The field manager of this repository's objects, and the name that all repositories once shared.

The API server keeps a field while any manager owns it, so fields that left the manifests would stay
for ever beside an entry of an earlier name. Therefore this entry becomes one of the new name, and
so does that of a client-side `kubectl apply` of the committed file.
Source: client-go, `util/csaupgrade`, which does the same for entries of `kubectl apply`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wizard.clients.kube.errors import KubeConflictError
from wizard.clients.kube.protocol import FIELD_MANAGER, Kube, KubeObject, Ref
from wizard.errors import ConflictError
from wizard.manifests.ownership import source_manager
from wizard.systems.cluster.client_side_apply import CLIENT_SIDE_MANAGER, is_client_side_entry
from wizard.systems.cluster.source import judge_object

# Returns whether a client-side `kubectl apply` of the committed file made an object.
IsApplied = Callable[[KubeObject], bool]
_ROUNDS = 10
# A member of a set of fields that also has members below it.
_SELF = "."


def choose_manager(found: KubeObject | None, own: str) -> str:
    """Return the field manager under which a dry run shows what an apply would change.

    This is the earlier name while it has the object's only entry of the wizard: a renamed entry
    owns the same fields. `own` is the source of this installation.
    """
    manager = source_manager(own)
    if found is None or judge_object(found, own).is_proven_foreign:
        return manager
    names = _list_appliers(found)
    return FIELD_MANAGER if FIELD_MANAGER in names and manager not in names else manager


def list_earlier_names(found: KubeObject, own: str, is_applied: IsApplied) -> frozenset[str]:
    """Return the other names that own fields of this repository; empty if one name has them all.

    A dry run under one name shows only its part. `is_applied` judges the object, see
    `wizard.systems.cluster.client_side_apply`.
    """
    manager = source_manager(own)
    both = manager != FIELD_MANAGER and {manager, FIELD_MANAGER} <= _list_appliers(found)
    names = [FIELD_MANAGER] if both else []
    return frozenset([*names, *([CLIENT_SIDE_MANAGER] if is_applied(found) else [])])


def rename_earlier_entry(kube: Kube, ref: Ref, own: str, is_applied: IsApplied) -> None:
    """Give the fields of the earlier names to this source's; objects of other sources are left.

    Raises KubeError, and ConflictError if others change the object all the time.
    """
    manager = source_manager(own)
    if manager == FIELD_MANAGER:
        return
    for _ in range(_ROUNDS):
        found = kube.get(ref, metadata=True)
        if found is None or judge_object(found, own).is_proven_foreign:
            return
        about = found["metadata"]
        entries = about.get("managedFields") or []
        renamed = rename_entries(entries, manager, client_side=is_applied(found))
        if renamed == entries:
            return
        try:
            kube.replace_managed_fields(ref, renamed, version=str(about["resourceVersion"]))
        except KubeConflictError as error:
            if error.reason != "Conflict":
                raise
        else:
            return
    raise ConflictError(f"{ref} is being changed by somebody else", "run it again")


def rename_entries(
    entries: Iterable[KubeObject], manager: str, *, client_side: bool = False
) -> list[KubeObject]:
    """Return managedFields in which `manager` has the fields that the earlier names applied.

    With `client_side`, these include what kubectl applied client-side.
    """
    kept, own = list[KubeObject](), list[KubeObject]()
    for one in entries:
        is_own = _is_applied_by(one, {manager, FIELD_MANAGER}) or (
            client_side and is_client_side_entry(one)
        )
        (own if is_own else kept).append(one)
    if not own:
        return kept
    # The entry of the new name decides about the version of the API that the fields are for.
    own.sort(key=lambda one: one["manager"] != manager)
    fields: Any = {}
    for one in own:
        fields = _unite_fields(fields, one.get("fieldsV1") or {})
    return [*kept, {**own[0], "manager": manager, "operation": "Apply", "fieldsV1": fields}]


def _list_appliers(found: KubeObject) -> set[str]:
    entries = found["metadata"].get("managedFields") or []
    return {str(one.get("manager")) for one in entries if _is_applied(one)}


def _is_applied_by(entry: Mapping[str, Any], managers: set[str]) -> bool:
    return _is_applied(entry) and entry.get("manager") in managers


def _is_applied(entry: Mapping[str, Any]) -> bool:
    return entry.get("operation") == "Apply" and not entry.get("subresource")


def _unite_fields(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the union of two sets of fields, as FieldsV1 writes them.

    A name without names below it is a member; one with names below it only if it has a `.` too.
    """
    united = dict(one)
    for name, below in other.items():
        if name not in united:
            united[name] = below
        elif name != _SELF:
            there = united[name]
            both = _unite_fields(there, below)
            united[name] = {_SELF: {}, **both} if both and not (there and below) else both
    return united
