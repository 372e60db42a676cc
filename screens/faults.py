"""Review where something outside was proven wrong: a commit over it takes a second word.

A headless commit looks at nothing outside; `check --live` ends with 4 over the same faults. Where
it is not proven who answers there is no commit from here until that is settled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from screens.prompts import Agree
from screens.text import counted

if TYPE_CHECKING:
    from screens.app import WizardApp
    from screens.session import Found


def failed_outside(faults: Sequence[Found]) -> str:
    """The status line of Review."""
    count = counted(len(faults), "check")
    return f"! {count} failed outside, enter says what to do: {faults[0].said}"


def explain(app: WizardApp, faults: Sequence[Found], commit: Callable[[], None]) -> None:
    """Show the faults; `commit` is called after a yes, which failed trust does not offer."""
    text = "\n".join(
        f"- {one.said}" + (f"\n  {one.result.fix}" if one.result.fix else "") for one in faults
    )
    if any(one.is_trust for one in faults):
        end = "Nothing is committed until that is settled; f5 on Pre-flight looks again."
        app.show_note("It is not proven who answers", f"{text}\n\n{end}")
        return
    title = f"{counted(len(faults), 'check')} failed outside. Commit nevertheless?"
    ask = Agree(title, text, yes="commit; it is put right later", no="not yet")
    app.push_screen(ask, lambda yes: commit() if yes else None)
