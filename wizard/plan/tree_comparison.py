"""Compares the rendering with the repository and with the last rendering, file by file.

A file that both a person and the answers changed is merged key by key (YAML) or line by line.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from wizard.formats.messages import UNKNOWN_KEY
from wizard.formats.shell import quote
from wizard.git.changes import Conflict, FileChange, Side, name_kind
from wizard.manifests.tree import File, Tree
from wizard.plan.merge.sides import UNDECIDED, Decisions, Disagreement, MergeError
from wizard.secrets.scan import find_leaks, is_secret, withhold_secrets

KEPT = "hand edit kept"
WITHHELD = "(not shown: it may contain a secret)"
_BOTH: tuple[Side, ...] = ("mine", "new")
_NOTHING: Mapping[str, str] = MappingProxyType({})
_TAKE = "take what the answers give with `--on-conflict new`"
_KEEP = "keep yours with `--on-conflict mine`"


def compare_tree(
    tree: Tree,
    base: Mapping[str, bytes],
    mine: Mapping[str, bytes | None],
    copies: Mapping[str, str] = _NOTHING,
    moves: Mapping[str, str] = _NOTHING,
    decisions: Decisions = UNDECIDED,
) -> tuple[list[FileChange], list[Conflict]]:
    """Return the changes and the conflicts between the rendering and the repository.

    `base` is the last rendering by path, `mine` the repository's files by path (a missing path is
    not in the repository). An edited file is kept while its rendering is unchanged, and is merged
    once both changed; what both changed differently is a conflict, unless `decisions` has a side
    for it. Changes are in path order; a path in conflict has no change. `copies` names the
    committed copy of the last rendering of a path. `moves` are the former paths of edited files
    that the answers now lead to other paths.
    """
    changes: list[FileChange] = []
    conflicts: list[Conflict] = []
    for path in sorted({*tree, *base} - set(moves.values())):
        file = tree.get(path)
        verdicts: list[FileChange | Conflict]
        if file is None:
            verdicts = _compare_dropped(path, base[path], mine.get(path), decisions)
        elif path in moves:
            verdicts = _compare_moved(file, moves[path], base, mine, decisions)
        else:
            copy = copies.get(path, "")
            verdicts = _compare_rendered(file, base.get(path), mine.get(path), copy, decisions)
        changes += [one for one in verdicts if isinstance(one, FileChange)]
        conflicts += [one for one in verdicts if isinstance(one, Conflict)]
    return sorted(changes, key=lambda one: one.path), conflicts


def _compare_rendered(
    file: File, base: bytes | None, mine: bytes | None, copy: str, decisions: Decisions
) -> list[FileChange | Conflict]:
    path, logical, new = file.path, file.logical, file.data
    if mine == new:
        return [FileChange(path, logical, "same", mine, new)]
    if mine is None:
        if base is None or decisions.find(path) == "new":
            return [FileChange(path, logical, "add", None, new)]
        return [_deletion_conflict(path, changed=base != new)]
    if base is None:
        reason = "conflicts with a file in the repository that Airflow Wizard did not write"
        hint = (
            f"move that file (`git mv {path} ELSEWHERE`) or delete it, commit that, and plan again"
        )
        return [Conflict(path, reason, hint)]
    if mine == base:
        return [FileChange(path, logical, "modify", mine, new)]
    if base == new:
        return [FileChange(path, logical, "same", mine, mine, note=KEPT)]
    merged = _merge(file, base, mine, copy, decisions)
    if not isinstance(merged, bytes):
        return [*merged]
    kind = name_kind(mine, merged)
    return [FileChange(path, logical, kind, mine, merged, note="" if merged == new else KEPT)]


def _compare_moved(
    file: File,
    former: str,
    base: Mapping[str, bytes],
    mine: Mapping[str, bytes | None],
    decisions: Decisions,
) -> list[FileChange | Conflict]:
    """Return the changes that take an edited file to its new path, with the edits."""
    edited = mine[former] or b""
    merged = _merge(file, base[former], edited, "", decisions)
    if not isinstance(merged, bytes):
        return [*merged]
    note = f"moved from {former}; {KEPT}"
    return [
        FileChange(file.path, file.logical, "add", None, merged, note),
        FileChange(former, "", "delete", edited, None),
    ]


def _merge(
    file: File, base: bytes, mine: bytes, copy: str, decisions: Decisions
) -> bytes | list[Conflict]:
    """Return the merged bytes, or the conflicts of a file that both sides changed."""
    from wizard.plan.merge.files import merge_file

    path = file.path
    try:
        merged = merge_file(path, base, mine, file.data, lambda key: decisions.find(path, key))
    except MergeError as error:
        key = withhold_secrets(error.key)
        place = f"{key}: " if key else "the file "
        reason = (
            "was edited by hand, the answers change it too, and the two cannot be merged: "
            f"{place}{error.reason}"
        )
        return [Conflict(path, reason, f"{error.fix}; or {_explain_start(path, copy)}", key)]
    if merged.data is None:
        return [_describe(file, one) for one in merged.disagreements]
    return merged.data


def _explain_start(path: str, copy: str) -> str:
    """Return a way through that always works: begin with the last rendering again."""
    undo = f"`cp {quote(copy)} {quote(path)}`" if copy else "undo the edit"
    return (
        f"keep your lines elsewhere, {undo}, commit that, repeat the change, and add your lines to "
        "the new file"
    )


def _describe(file: File, one: Disagreement) -> Conflict:
    key = withhold_secrets(one.key)
    if one.mine is None:
        reason = "was deleted by hand, and the answers change it"
    elif one.new is None:
        reason = "was edited by hand, and the answers remove it"
    else:
        reason = "was changed by hand and by the answers"
    hint = f"{_TAKE}; {_KEEP}"
    if file.logical == "values" and one.mine is not None and key == one.key:
        hint += f"; or make yours an answer with `--adopt {quote(key)}`"
    return describe_disagreement(file.path, one, reason, hint)


def describe_disagreement(path: str, one: Disagreement, reason: str, hint: str) -> Conflict:
    """Return a disagreement as a conflict; values that may be secrets are not shown."""
    key = withhold_secrets(one.key)
    base, mine, new = (_show(one.key, text) for text in (one.base, one.mine, one.new))
    return Conflict(path, f"{key} {reason}".strip(), hint, key, base, mine, new, _BOTH)


def _show(key: str, text: str | None) -> str | None:
    if text is None:
        return None
    name = key.rpartition(".")[2]
    hidden = is_secret(name, text) or any(find_leaks(text)) or UNKNOWN_KEY in withhold_secrets(key)
    return WITHHELD if hidden else text


def _deletion_conflict(path: str, *, changed: bool) -> Conflict:
    reason = "was deleted by hand, but the answers still require it"
    if changed:
        reason = "was deleted by hand, and the answers now require different contents"
    hint = (
        "write it again with `--on-conflict new`; or change the answer that requires it; your last "
        f"version: `git log --diff-filter=D -- {quote(path)}`"
    )
    return Conflict(path, reason, hint, choices=("new",))


def _compare_dropped(
    path: str, base: bytes, mine: bytes | None, decisions: Decisions
) -> list[FileChange | Conflict]:
    side = decisions.find(path)
    if mine is None or (mine != base and side == "mine"):
        # A file that a person keeps is theirs from now on.
        return []
    if mine == base or side == "new":
        return [FileChange(path, "", "delete", mine, None)]
    return [
        Conflict(
            path,
            "is no longer required, but was edited by hand after it was written",
            "delete it with `--on-conflict new`, or keep it as a file of yours with "
            "`--on-conflict mine`",
            choices=_BOTH,
        )
    ]
