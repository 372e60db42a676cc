"""The finder behind ctrl+p: questions by name, and the pages without questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.steps import DEPLOY_KEY, HOST_KEYS, OVERVIEW, PREFLIGHT, REVIEW, START, START_TITLE
from screens.widgets.appearance import THEMES
from screens.widgets.dialogs import Finder
from wizard.answers.questions import field_specs
from wizard.answers.search import search_questions

if TYPE_CHECKING:
    from screens.host import Host

_PAGES = frozenset({HOST_KEYS, DEPLOY_KEY, PREFLIGHT, REVIEW})


def find_question(host: Host) -> None:
    """Let the user pick a question or a page, and open it."""
    items = [one for one in field_specs() if one.model.asked and one.applies(host.draft.answers)]
    entries = [(one.key, one.full_title) for one in items]
    # The page of host keys is also that of a question, which may not apply.
    questions = {key for key, _ in entries}
    steps = [one for one in host.draft.pages if one.name in _PAGES - questions]
    pages = {step.name: f"Page > {step.title}" for step in steps}
    pages[OVERVIEW] = "Page > Overview"
    if host.home == START:
        pages[START] = f"Page > {START_TITLE}"

    def answer(key: str | None) -> None:
        if key in pages:
            host.go(key)
        elif key is not None:
            host.go_to_question(key)

    def search(text: str) -> list[str]:
        words = text.casefold().split()
        names = {name: title.casefold() for name, title in pages.items()}
        found = [name for name, title in names.items() if all(one in title for one in words)]
        return [*found, *search_questions(items, text, {}).keys]

    host.push_screen(Finder([*entries, *pages.items()], search), answer)


def choose_theme(host: Host) -> None:
    """Let the user pick the colours of this session; escape keeps those shown now."""

    def search(text: str) -> list[str]:
        words = text.casefold().split()
        return [
            name for name, about in THEMES.items() if all(one in f"{name} {about}" for one in words)
        ]

    def answer(name: str | None) -> None:
        if name is not None:
            host.theme = name

    entries = [
        (name, f"{about} *" if name == host.theme else about) for name, about in THEMES.items()
    ]
    texts = {"title": "Colours of this session", "placeholder": "dark, light or a name"}
    host.push_screen(Finder(entries, search, **texts), answer)


def tune(host: Host) -> None:
    """List all pages with their state; open the one that the user picks."""
    titles = {step.name: step.title for step in host.draft.pages}
    entries = [(name, title) for name, title in titles.items() if name != host.page_name]

    def search(text: str) -> list[str]:
        words = text.casefold().split()
        return [name for name, title in entries if all(one in title.casefold() for one in words)]

    def answer(name: str | None) -> None:
        if name is not None:
            host.go(name)

    texts = {"title": "Tune: every other page has defaults", "placeholder": "words of its title"}
    host.push_screen(Finder(entries, search, **texts), answer)
