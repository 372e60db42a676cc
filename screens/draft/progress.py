"""The state of each page, and of all of them, in a few characters."""

from __future__ import annotations

from collections.abc import Collection

from screens.draft.draft import Draft
from screens.draft.outside import LookupResults, summarize_faults
from screens.steps import DEPLOY_KEY, PREFLIGHT, REVIEW
from screens.text import pluralize, question_label
from wizard.workspace.deploy_keys import has_public_keys


def mark_page(draft: Draft, session: LookupResults, name: str, visited: Collection[str]) -> str:
    """Return the state of a page as characters: wrong, done, or not visited."""
    if name == PREFLIGHT:
        return session.mark(draft)
    if name == REVIEW or name not in visited:
        return ""
    if name == DEPLOY_KEY and not has_public_keys(draft.answers):
        # The keys are optional until somebody creates them.
        return ""
    is_wrong = draft.problem_keys(name) or session.is_faulty(draft, name)
    return "!" if is_wrong else "ok"


def describe_progress(
    draft: Draft, session: LookupResults, here: str, touched: Collection[str]
) -> str:
    """Return the progress of the running round, else the problems of the touched questions.

    `here` is the page on top.
    """
    if session.running:
        return session.progress()
    keys = [key for step in draft.pages for key in draft.problem_keys(step.name) if key in touched]
    if keys:
        labels = ", ".join(map(question_label, keys))
        return f"! {pluralize(len(keys), 'answer')} missing or invalid: {labels}"
    return summarize_faults(session.faults(draft), here)
