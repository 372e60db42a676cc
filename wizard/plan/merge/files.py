"""Merges one rendered file with its hand edits: YAML and JSON key by key, other text by lines."""

from __future__ import annotations

from collections import Counter
from typing import Any

from wizard.findings import Finding
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.plan.lists import find_identity
from wizard.plan.merge.layout import FORM_FIX, Layout
from wizard.plan.merge.lines import merge_lines
from wizard.plan.merge.sides import Decide, Identify, Item, MergedFile, MergeError, Path, is_same
from wizard.plan.merge.source import Source
from wizard.plan.merge.splice import rewrite
from wizard.plan.merge.values import merge_values

_MARK = "\ufeff"
_SUFFIXES = (".yaml", ".yml", ".json")


def decide_nothing(_key: str) -> None:
    """Leave every disagreement undecided."""


def merge_file(
    path: str, base: bytes, mine: bytes, new: bytes, decide: Decide = decide_nothing
) -> MergedFile:
    """Return `mine` with the changes from `base` to `new`, or what both changed differently.

    The suffix of `path` says whether the file is YAML. Raises MergeError for a file that cannot be
    merged, with the place and the remedy.
    """
    if mine in (new, base):
        return MergedFile(new)
    if base == new:
        return MergedFile(mine)
    if path.endswith(_SUFFIXES):
        return merge_yaml(base, mine, new, decide)
    return merge_lines(base, mine, new, decide)


def _identify_values(path: Path) -> str | None:
    return None if not path or isinstance(path[-1], Item) else find_identity(path[-1])


def merge_yaml(
    base: bytes,
    mine: bytes,
    new: bytes,
    decide: Decide = decide_nothing,
    identify: Identify = _identify_values,
) -> MergedFile:
    """Return the YAML text `mine` with the changes from `base` to `new`: see `merge_file`.

    `identify` says which lists are merged item by item.
    """
    before, own, after = _read(base), _read(mine), _read(new)

    def merge_texts(path: Path, *texts: str) -> str | None:
        """Merge a list that the values have as text; its undecided places make it one value."""
        field = identify(path)
        old, kept, wanted = (text.encode() for text in texts)
        try:
            merged = merge_yaml(old, kept, wanted, identify=lambda at: field if not at else None)
        except MergeError:
            return None
        return None if merged.data is None else merged.data.decode()

    want, disagreements = merge_values(before, own, after, decide, identify, merge_texts)
    if disagreements:
        return MergedFile(None, tuple(disagreements))
    if is_same(own, want):
        return MergedFile(mine)
    text = mine.decode("utf-8")
    mark = _MARK if text.startswith(_MARK) else ""
    source = Source(base.decode("utf-8"), new.decode("utf-8"), after)
    layout = Layout(text.removeprefix(mark))
    merged = rewrite(layout, own, want, source, identify)
    _require_merged(layout, merged, want, source)
    return MergedFile((mark + merged).encode("utf-8"))


def _read(data: bytes) -> Any:
    """Return the single document of a file; raises MergeError if programs may read it in two ways.

    An empty file, and a file with a key twice, are refused, too.
    """
    documents, findings = parse_yaml("", data)
    error = next((one for one in findings if one.is_error), None)
    if error is not None:
        raise _fault(error)
    if len(documents) != 1:
        count = "no document" if not documents else "more than one document"
        raise MergeError("", f"has {count}", "keep the one document that was rendered")
    return documents[0]


def _fault(finding: Finding) -> MergeError:
    return MergeError(finding.where, finding.message, finding.fix.text)


def _require_merged(mine: Layout, merged: str, want: Any, source: Source) -> None:
    """Raise MergeError unless the text has exactly the wanted values, and all comments."""
    try:
        found = _read(merged.encode("utf-8"))
        right = is_same(found, want)
        lost = Counter(text for _, text in mine.comments)
        lost -= Counter(text for _, text in Layout(merged).comments)
    except (MergeError, UnicodeEncodeError):
        right, lost = False, Counter()
    if not right or lost.keys() - source.comments:
        raise MergeError("", "cannot be merged key by key", FORM_FIX)
