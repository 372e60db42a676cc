"""Conflicts of hand edits with the answers on the review: how they look, and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.content import Content

from screens.text import plain
from wizard.answers.questions import field_specs
from wizard.errors import AnswersError
from wizard.formats.nested import get_value, put_value
from wizard.formats.yaml_reader import read_yaml
from wizard.formats.yaml_untrusted import parse_yaml_text
from wizard.git.changes import Conflict, Side
from wizard.plan.diff import list_versions
from wizard.plan.merge.sides import UNDECIDED, Decision, Decisions, Edited
from wizard.plan.plan import Plan
from wizard.plan.tree_comparison import WITHHELD

if TYPE_CHECKING:
    from screens.draft.draft import Draft
    from wizard.workspace.workspace import Workspace

# Literals of this module, so markup is safe.
KEYS = (
    "[@click=screen.choose('mine')]m mine[/]  [@click=screen.choose('new')]n answers[/]  "
    "[@click=screen.adopt]a adopt[/]  [@click=screen.edit]e edit[/]  "
    "[@click=screen.undecide]u undo[/]  "
    "[@click=screen.forward]enter details[/]  [@click=screen.back]esc back[/]  "
    "[@click=screen.leave]^q quit[/]"
)
_MEANINGS: dict[Side, str] = {"mine": "the hand edit stays", "new": "the answers count"}
_EDITED = "the value that you typed counts"


def render_conflict(conflict: Conflict, *, adoptable: bool) -> Content:
    """Return a conflict with its three versions and the keys that decide it."""
    lines = [conflict.path, conflict.reason, ""]
    if conflict.has_values:
        for title, text in list_versions(conflict):
            lines += [f"{title}:", *(f"  {line}" for line in text.rstrip("\n").split("\n"))]
        lines.append("")
    if not conflict.choices:
        lines.append(conflict.hint)
    if "mine" in conflict.choices:
        lines.append("m  keep the hand edit")
    if "new" in conflict.choices:
        lines.append("n  take what the answers give")
    if adoptable:
        lines.append("a  make the hand edit the answer")
    if is_editable(conflict):
        lines.append("e  type a value that replaces both")
    return plain("\n".join(lines))


def is_adoptable(conflict: Conflict, values: str) -> bool:
    """Return whether the hand edit can become an answer; `values` is the path of the values."""
    kept = conflict.mine is not None and "mine" in conflict.choices
    return kept and bool(conflict.key) and conflict.path == values


def is_editable(conflict: Conflict) -> bool:
    """Return whether a typed value can replace both sides: a value of a YAML or JSON file."""
    shown = WITHHELD not in (conflict.mine, conflict.new)
    is_value = bool(conflict.key) and conflict.path.endswith((".yaml", ".yml", ".json"))
    return is_value and shown and "mine" in conflict.choices


def read_value(text: str) -> Edited:
    """Return a typed value, which is YAML; ValueError if it is not."""
    if not text.strip():
        raise ValueError("type a value; null for none")
    try:
        return Edited(read_yaml(text, "the value"))
    except AnswersError as error:
        raise ValueError(error.message) from None


def write_value(conflict: Conflict) -> str:
    """Return the hand edit as YAML in one line, to begin an edit with."""
    found = parse_yaml_text(conflict.mine or conflict.new or "")
    is_plain = isinstance(found, str) and bool(found) and parse_yaml_text(found) == found
    return str(found) if is_plain else json.dumps(found, ensure_ascii=False)


def with_decision(decisions: Decisions, conflict: Conflict, side: Decision) -> Decisions:
    """Return the decisions with one more."""
    return replace(decisions, single={**decisions.single, (conflict.path, conflict.key): side})


def has_choices(plan: Plan) -> bool:
    """Return whether a key can decide a conflict of the plan."""
    return any(one.choices for one in plan.conflicts)


def describe_decisions(decisions: Decisions) -> Iterator[str]:
    """Yield a sentence about every decision; `u` takes them back."""
    if decisions == UNDECIDED:
        return
    for (path, key), side in decisions.single.items():
        place = f"{key} in {path}" if key else path
        meaning = _EDITED if isinstance(side, Edited) else _MEANINGS[side]
        yield f"{place}: {meaning} (u takes this back)"


def adopt_edit(workspace: Workspace, draft: Draft, existing: str, conflict: Conflict) -> Draft:
    """Return the draft with a hand edit as an answer; raises WizardError. Blocking."""
    from wizard.workspace.adoption import adopt_edits

    adoption = adopt_edits(workspace, draft.data, existing, [conflict.key])
    answer = adoption.keys[conflict.key]
    for item in field_specs():
        if item.key == answer:
            return draft.with_answer(item, get_value(adoption.data, item.path))
    values = ("values",)
    return replace(draft, base=put_value(draft.base, values, get_value(adoption.data, values)))
