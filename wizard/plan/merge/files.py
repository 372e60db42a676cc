"""Merges one rendered file with its hand edits: YAML and JSON key by key, other text by lines."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Sequence
from typing import Any

from wizard.findings import Finding
from wizard.formats.yaml_untrusted import compose_yaml, parse_yaml
from wizard.plan.lists import find_identity
from wizard.plan.merge.layout import FORM_FIX, Layout
from wizard.plan.merge.lines import merge_lines
from wizard.plan.merge.sides import Decide, Identify, Item, MergedFile, MergeError, Path, is_same
from wizard.plan.merge.source import Source
from wizard.plan.merge.splice import rewrite
from wizard.plan.merge.values import merge_values

_FAILED = "cannot be merged key by key"
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
    mark = codecs.BOM_UTF8 if mine.startswith(codecs.BOM_UTF8) else b""
    own, layout = _compose(mine.removeprefix(mark))
    before, after = (_require_one(*parse_yaml("", data)) for data in (base, new))

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
    source = Source(base.decode("utf-8"), new.decode("utf-8"), after)
    merged = rewrite(layout, own, want, source, identify).encode("utf-8")
    _require_merged(layout, merged, want, source)
    return MergedFile(mark + merged)


def _compose(data: bytes) -> tuple[Any, Layout]:
    """Return the value and the layout of a file."""
    documents, nodes, findings = compose_yaml(data)
    found = _require_one(documents, findings)
    return found, Layout(data.decode("utf-8"), nodes[0])


def _require_one(documents: Sequence[Any], findings: Sequence[Finding]) -> Any:
    """Return the single document of a file; raises MergeError if programs may read two values.

    An empty file, and a file with a key twice, are refused, too.
    """
    error = next((one for one in findings if one.is_error), None)
    if error is not None:
        raise _fault(error)
    if len(documents) != 1:
        count = "no document" if not documents else "more than one document"
        raise MergeError("", f"has {count}", "keep the one document that was rendered")
    return documents[0]


def _fault(finding: Finding) -> MergeError:
    return MergeError(finding.where, finding.message, finding.fix.text)


def _require_merged(mine: Layout, merged: bytes, want: Any, source: Source) -> None:
    """Raise MergeError unless the text has exactly the wanted values, and all comments."""
    try:
        found, layout = _compose(merged)
    except MergeError:
        raise MergeError("", _FAILED, FORM_FIX) from None
    lost = Counter(text for _, text in mine.comments)
    lost -= Counter(text for _, text in layout.comments)
    if not is_same(found, want) or lost.keys() - source.comments:
        raise MergeError("", _FAILED, FORM_FIX)
