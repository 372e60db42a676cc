"""Review where something outside was proven wrong: a commit over it takes a second word.

A headless commit looks at nothing outside; `check --live` ends with 4 over the same faults. Where
it is not proven who answers there is no commit from here until that is settled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from screens.text import pluralize, question_label
from screens.widgets.prompts import ConfirmListDialog
from wizard.answers.questions import field_specs

if TYPE_CHECKING:
    from screens.app import WizardApp
    from screens.draft.outside import LookupResult


def format_fault_status(faults: Sequence[LookupResult]) -> str:
    """The status line of Review."""
    count = pluralize(len(faults), "check")
    return f"! {count} failed outside, enter says what to do: {faults[0].summary}"


def confirm_faults(
    app: WizardApp, faults: Sequence[LookupResult], commit: Callable[[], None]
) -> None:
    """Show the faults; `commit` is called after a yes, which failed trust does not offer."""
    text = "\n".join(
        f"- {one.summary}" + (f"\n  {one.result.fix}" if one.result.fix else "") for one in faults
    )
    unproven = next((one for one in faults if one.is_trust), None)
    if unproven is not None:
        end = "Nothing is committed until that is settled; f5 on Pre-flight looks again."
        _refuse(app, f"{text}\n\n{end}", unproven.question)
        return
    title = f"{pluralize(len(faults), 'check')} failed outside. Commit nevertheless?"
    ask = ConfirmListDialog(title, text, yes="commit; it is put right later", no="not yet")
    app.push_screen(ask, lambda yes: commit() if yes else None)


def _refuse(app: WizardApp, text: str, key: str) -> None:
    """No commit; the way to the question that settles it, where the wizard asks it."""
    title = "It is not proven who answers"
    if key not in {item.key for item in field_specs() if item.applies(app.draft.answers)}:
        app.show_note(title, text)
        return
    ask = ConfirmListDialog(title, text, yes=f"go to {question_label(key)}", no="not now")
    app.push_screen(ask, lambda yes: app.go_to_question(key) if yes else None)
