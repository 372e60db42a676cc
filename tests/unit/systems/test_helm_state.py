"""What is told from the labels of a release's revisions, and how its values are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from wizard.errors import ConflictError
from wizard.systems.helm import release
from wizard.systems.helm.release import HelmRelease
from wizard.systems.release.revisions import Revision, find_differing_keys, is_recoverable


def revisions(*found: tuple[str, str]) -> list[Revision]:
    """Status and run of each; the number counts."""
    return [
        Revision(number, status, True, run, f"{number}-{status}")
        for number, (status, run) in enumerate(found, 1)
    ]


MENDED: list[tuple[str, list[tuple[str, str]], bool]] = [
    ("our first", [("pending-install", "a")], True),
    ("our next", [("deployed", "a"), ("pending-upgrade", "b")], True),
    ("by hand, labels carried on", [("deployed", "a"), ("pending-upgrade", "a")], False),
    ("by hand, the first", [("pending-install", "")], False),
    ("our mending", [("pending-install", "a"), ("pending-rollback", "a")], True),
    ("our mending of a mending", [("pending-upgrade", "a"), *[("pending-rollback", "a")] * 2],
     True),
    ("mending of theirs", [("deployed", "a"), ("pending-upgrade", "a"), ("pending-rollback", "a")],
     False),
    ("a rollback by hand", [("superseded", "a"), ("deployed", "b"), ("pending-rollback", "a")],
     False),
    ("nothing to mend", [("deployed", "a")], False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "ours"), [row[1:] for row in MENDED], ids=[row[0] for row in MENDED]
)
def test_whose_pending_revision_it_is(found: list[tuple[str, str]], ours: bool) -> None:
    assert is_recoverable(revisions(*found)) is ours


@pytest.mark.parametrize(
    ("standing", "wanted", "paths"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 1.0}}, []),
        ({"a": 1}, {"a": True}, ["a"]),
        ({"a": {"b": "1"}}, {"a": {"b": 1}}, ["a.b"]),
        ({"a": None}, {}, ["a"]),
        ({}, {"a": {"b": 1}}, ["a"]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}, []),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": None}]}, ["a"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a"]),
        ({"a": {}}, {"a": []}, ["a"]),
        ({"a": {"80": {"true": 1}}}, {"a": {80: {True: 1}}}, []),
        ({"a": {"80": 1}}, {"a": {80: 2, 81: 1}}, ["a.80", "a.81"]),
        ({}, {}, []),
    ],
)
def test_values_are_compared_by_meaning(standing: Any, wanted: Any, paths: list[str]) -> None:
    assert list(find_differing_keys(standing, wanted)) == paths


class Told(HelmRelease):
    """Sees one list of revisions after the other, then the last one for ever."""

    def __init__(self, *seen: Sequence[Revision]) -> None:
        self.seen = list(seen)
        self._name = "airflow"

    def _revisions(self) -> list[Revision]:
        return list(self.seen.pop(0) if len(self.seen) > 1 else self.seen[0])


async def test_a_helm_that_outlives_its_run_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "LOOK_SECONDS", 0.01)
    begun = revisions(("pending-install", "a"))
    done = revisions(("deployed", "a"))
    assert (await Told(begun, begun, done)._wait_until_quiet(begun)).status == "deployed"
    monkeypatch.setattr(release, "QUIET_SECONDS", 0.05)
    assert (await Told(begun)._wait_until_quiet(begun)).is_pending
    theirs = revisions(("failed", "a"), ("pending-upgrade", "a"))
    with pytest.raises(ConflictError, match="another helm"):
        await Told(begun, theirs)._wait_until_quiet(begun)
    with pytest.raises(ConflictError):
        await Told([])._wait_until_quiet(begun)
