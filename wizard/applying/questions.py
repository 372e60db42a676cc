"""Leads from what became of a step to the question that mends it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.remedies import question_in

if TYPE_CHECKING:
    from wizard.actions import Event


def led(event: Event) -> Event:
    """The event with the question that its remedy names; one that names it already is kept."""
    if event.question or not event.fix:
        return event
    return replace(event, question=question_in(event.fix))
