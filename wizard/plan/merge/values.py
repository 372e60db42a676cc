"""Merges nested values three ways, key by key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wizard.formats.yaml_writer import dump_yaml
from wizard.plan.merge.sides import (
    MISSING,
    Decide,
    Disagreement,
    Edited,
    Identify,
    Path,
    format_key,
    index_items,
    is_same,
    order_keys,
)

# Merges lists that are in texts: base, mine and new; None if that is not possible.
MergeTexts = Callable[[Path, str, str, str], str | None]
_LONGEST = 2000


def merge_values(
    base: Any, mine: Any, new: Any, decide: Decide, identify: Identify, merge_texts: MergeTexts
) -> tuple[Any, list[Disagreement]]:
    """Return the merged value, and where both sides changed it differently and nobody decided.

    `identify` says which lists are merged item by item; all others are single values. An undecided
    place has the person's value.
    """
    merger = _Merger(decide, identify, merge_texts)
    return merger.merge((), base, mine, new), merger.disagreements


class _Merger:
    def __init__(self, decide: Decide, identify: Identify, merge_texts: MergeTexts) -> None:
        self.decide = decide
        self.identify = identify
        self.merge_texts = merge_texts
        self.disagreements: list[Disagreement] = []

    def merge(self, path: Path, base: Any, mine: Any, new: Any) -> Any:
        """Return the merged value of one place; MISSING if it does not exist afterwards."""
        if is_same(mine, new) or is_same(base, new):
            return mine
        if is_same(base, mine):
            return new
        if isinstance(mine, dict) and (isinstance(new, dict) or _is_dropped(base, new, dict)):
            return self.merge_mappings(path, base, mine, new)
        if mine is not MISSING and self.identify(path) is not None:
            merged = self.merge_lists(path, base, mine, new)
            if merged is not None:
                return merged
        return self.settle(path, base, mine, new)

    def merge_mappings(self, path: Path, base: Any, mine: dict[str, Any], new: Any) -> Any:
        """Merge key by key; a mapping that is no longer rendered keeps the person's own keys."""
        old = base if isinstance(base, dict) else {}
        wanted = new if isinstance(new, dict) else {}
        found = {}
        for key in {**mine, **wanted, **old}:
            sides = (one.get(key, MISSING) for one in (old, mine, wanted))
            value = self.merge((*path, key), *sides)
            if value is not MISSING:
                found[key] = value
        if not found and new is MISSING:
            return MISSING
        return {key: found[key] for key in order_keys([*mine], [*wanted], found)}

    def merge_lists(self, path: Path, base: Any, mine: Any, new: Any) -> Any:
        """Merge item by item; None if items have no identity, or two have the same one."""
        if isinstance(mine, str) and isinstance(new, str):
            text = base if isinstance(base, str) else "[]\n"
            return self.merge_texts(path, text, mine, new)
        if not isinstance(mine, list) or not (
            isinstance(new, list) or _is_dropped(base, new, list)
        ):
            return None
        field = self.identify(path) or ""
        old, own, wanted = (
            index_items(one if isinstance(one, list) else [], field) for one in (base, mine, new)
        )
        if old is None or own is None or wanted is None:
            return None
        found: dict[str, Any] = {}
        for key in {**own, **wanted, **old}:
            sides = (one.get(key, MISSING) for one in (old, own, wanted))
            value = self.merge((*path, key), *sides)
            if value is not MISSING:
                found[key] = value
        if not found and new is MISSING:
            return MISSING
        return [found[key] for key in order_keys([*own], [*wanted], found)]

    def settle(self, path: Path, base: Any, mine: Any, new: Any) -> Any:
        """Return the value that was decided for; note the disagreement if none was."""
        key = format_key(path)
        side = self.decide(key)
        if isinstance(side, Edited):
            return side.value
        if side is None:
            self.disagreements.append(Disagreement(key, *map(describe_value, (base, mine, new))))
        return new if side == "new" else mine


def _is_dropped(base: Any, new: Any, kind: type) -> bool:
    return new is MISSING and isinstance(base, kind)


def describe_value(value: object) -> str | None:
    """Return a value as YAML for a person, shortened; None if it is missing."""
    if value is MISSING:
        return None
    text = dump_yaml(value).rstrip("\n")  # type: ignore[arg-type]
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
