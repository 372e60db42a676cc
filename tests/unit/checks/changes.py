"""What a change to the small, right installation leads to."""

from __future__ import annotations

from collections.abc import Callable

from tests.unit.checks.trees import PROJECT, Case, good

Found = list[tuple[str, str, str]]


def judge(change: Callable[[Case], object]) -> Found:
    """Rule, place and severity of all that is found after the change.

    The project allows every kind, so that only the change itself is judged.
    """
    case = good()
    case.set(PROJECT, "spec.clusterResourceWhitelist", [{"group": "*", "kind": "*"}])
    kept = {(one.rule, one.where, one.severity) for one in case.run()}
    change(case)
    found = [(one.rule, one.where, one.severity) for one in case.run()]
    return [one for one in found if one not in kept]
