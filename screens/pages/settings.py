"""The settings of a committed installation: search, change one in place, commit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from screens.draft.draft import Draft
from screens.draft.settings import Group, Setting, Settings
from screens.pages.proposal import COMPUTING, ProposalPage, list_remarks
from screens.steps import PREFLIGHT, REVIEW, SETTINGS
from screens.text import fit_text, plain, pluralize
from screens.widgets.choices import MarkedOptionList
from screens.widgets.fields import Line, TextField
from screens.widgets.rows import Row
from wizard.answers.host_keys import HOST_KEY_QUESTIONS
from wizard.answers.questions import FieldSpec, field_spec

TITLE_WIDTH = 56
# Literals of this module, so markup is safe.
_LIST_KEYS = (
    "[@click=screen.edit]enter change[/]  [@click=screen.search]/ search[/]  "
    "[@click=screen.take_back]u take back[/]  [@click=screen.review]^s review[/]  "
    "[@click=screen.help]f1 help[/]  [@click=screen.leave]^q quit[/]"
)
_FIELD_KEYS = (
    "[@click=screen.forward]enter keep[/]  [@click=screen.back]esc discard[/]  "
    "[@click=screen.help]f1 help[/]"
)
_COMMIT_KEYS = (
    "[@click=screen.forward]enter commit[/]  [@click=screen.take_back]u take back[/]  "
    "[@click=screen.back]esc change more[/]  [@click=screen.review]^s review[/]  "
    "[@click=screen.leave]^q quit[/]"
)


class Changes(VerticalScroll, can_focus=True):
    """What is changed and what follows from it; enter commits."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.forward", "commit", show=False)
    ]


class SettingsScreen(ProposalPage):
    """All settings in one list, a field for the one to change, and below it what would change."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "search", show=False),
        Binding("u", "take_back", "take back", show=False),
    ]
    AUTO_FOCUS = "#settings"
    page_name = SETTINGS
    has_steps = False
    keys = _LIST_KEYS

    def __init__(self, focus_key: str = "") -> None:
        super().__init__()
        self.focus_key = focus_key
        self.row: Row | None = None
        self._draft_before: Draft | None = None
        self._shown: dict[str, Setting] = {}

    def content(self) -> Iterator[Widget]:
        """Yield title and search line, the list, the field, and the changes."""
        with Horizontal(id="search"):
            yield Static("Settings", classes="title")
            yield TextField(placeholder="/ searches names, answers and help")
            yield Line(id="count")
        yield MarkedOptionList(id="settings", compact=True)
        with Vertical(id="setting"):
            yield Line(id="message")
        with Changes(id="changes"):
            yield Static(id="lines")

    def on_mount(self) -> None:
        """Show all settings, and what was changed before."""
        self._show_settings(self.focus_key)
        self._list.focus()
        self._show_changes()

    @property
    def focused_key(self) -> str:
        """The highlighted setting, where the list is opened again on the way back."""
        return self.item.key if self.item is not None else ""

    @property
    def _list(self) -> OptionList:
        return self.query_one("#settings", OptionList)

    @property
    def _search_line(self) -> TextField:
        return self.query_one("#search TextField", TextField)

    @property
    def item(self) -> FieldSpec | None:
        """The question in the field, else the highlighted one."""
        if self.row is not None:
            return self.row.item
        option = self._list.highlighted_option
        return field_spec(option.id) if option is not None and option.id else None

    # The list.

    def _show_settings(self, key: str = "") -> None:
        """Show the list for what is searched, with this question highlighted."""
        settings, text = Settings(self.draft), self._search_line.value.strip()
        near: tuple[str, ...] = ()
        if text:
            found, near = settings.search(text)
            groups: tuple[Group, ...] = (found,)
        else:
            groups = settings.group()
        self._shown = {one.item.key: one for group in groups for one in group.settings}
        self._list.clear_options()
        self._list.add_options(_list_options(groups, text, near, self.app.size.width))
        self.query_one("#count", Line).put(f"{len(self._shown)} of {len(settings.items)}")
        self._highlight(key)
        self.show_message()

    def _highlight(self, key: str) -> None:
        keys = list(self._shown)
        wanted = key if key in self._shown else keys[0] if keys else ""
        self._list.highlighted = self._list.get_option_index(wanted) if wanted else None

    @on(OptionList.OptionHighlighted, "#settings")
    def _show_highlighted(self) -> None:
        self.show_message()

    @on(OptionList.OptionSelected, "#settings")
    async def _select(self) -> None:
        await self.action_edit()

    @on(Input.Changed, "#search TextField")
    def _search(self) -> None:
        self._show_settings()

    def action_search(self) -> None:
        """Focus the search line; what was searched before is selected."""
        if self.row is None:
            self._search_line.focus()
            self._search_line.action_select_all()

    def on_key(self, event: events.Key) -> None:
        """Move in the list while the search line has the focus."""
        if self.focused is self._search_line and event.key in {"up", "down", "pageup", "pagedown"}:
            event.stop()
            event.prevent_default()
            getattr(self._list, _MOVES[event.key])()

    # The field.

    async def action_edit(self) -> None:
        """Open the field of the highlighted setting; host keys have a page of their own."""
        item = self.item
        if item is None or self.row is not None:
            return
        if item.key in HOST_KEY_QUESTIONS:
            self.host.go_to_question(item.key)
            return
        if len(item.choices) == 1:
            self.say(f"there is only one choice: {item.label(item.choices[0])}")
            return
        self._draft_before = self.draft
        self.row = Row(item, self.draft.value(item))
        await self.query_one("#setting").mount(self.row, before="#message")
        field = self.row.fields[-1] if item.kind == "secret" else self.row.fields[0]
        field.focus()
        if isinstance(field, TextField):
            field.action_select_all()
        self.show_state()

    def on_row_answered(self, event: Row.Answered) -> None:
        """Keep a changed answer, and show it."""
        self.host.draft = self.draft.with_answer(event.item, event.value)
        self.show_message()
        self._show_changes()

    def _close_field(self) -> None:
        assert self.row is not None  # noqa: S101
        row, self.row = self.row, None
        row.remove()
        self._show_settings(row.item.key)

    async def action_forward(self) -> None:
        """Keep the answer in the field, else commit, or edit the highlighted setting."""
        if self.row is not None:
            self._keep()
        elif self.focused is self.query_one(Changes):
            self._commit()
        else:
            await self.action_edit()

    def _keep(self) -> None:
        assert self.row is not None  # noqa: S101
        key = self.row.item.key
        self.host.touched.add(key)
        if key in self.draft.problems:
            self.show_message()
            self.app.bell()
            return
        self._close_field()
        self._show_changes()
        (self.query_one(Changes) if self.draft.changed_items else self._list).focus()
        self.show_state()

    # The changes.

    def _show_changes(self) -> None:
        """Show what is changed; what follows is computed once no field is open."""
        changes = self.query_one(Changes)
        changes.display = bool(self.draft.changed_items)
        if self.draft.changed_items and self.row is None:
            self.propose()
        self._show_lines()

    def show_proposal(self) -> None:
        """Show what follows from the changes."""
        self._show_lines()
        self.show_state()

    def _show_lines(self) -> None:
        lines = list(Settings(self.draft).describe_changes())
        if self.row is None:
            if self.proposal is not None:
                lines += list_remarks(self.proposal.plan, self.faults)
            lines += [f"! {one}" for one in self.problems]
        self.query_one("#lines", Static).update(plain("\n".join(lines)))

    def _commit(self) -> None:
        if not self.draft.changed_items or self.block_reason == COMPUTING:
            self.app.bell()
        elif self.proposal is None and self.problems:
            self._go_to_problem()
        elif self.proposal is not None and self.proposal.plan.conflicts:
            self.host.go(REVIEW)
        else:
            self.commit_proposal()

    def _go_to_problem(self) -> None:
        """Open the field of the first answer to change."""
        key = self.problems[0].key
        if key not in {one.key for one in Settings(self.draft).items}:
            self.app.bell()
            return
        self.host.touched.add(key)
        self._search_line.value = ""
        self._show_settings(key)
        self.call_after_refresh(self.action_edit)

    def action_take_back(self) -> None:
        """Restore the committed answer of the highlighted setting, else of the last changed one."""
        changed = {one.key: one for one in self.draft.changed_items}
        if self.row is not None or not changed:
            self.app.bell()
            return
        item = self.item
        key = item.key if item is not None and item.key in changed else list(changed)[-1]
        self.host.draft = self.draft.without_answer(changed[key])
        self._show_settings(key)
        self._show_changes()
        if not self.draft.changed_items:
            self._list.focus()
        self.show_state()

    # Help, status and keys.

    def show_message(self) -> None:
        """Show what is wrong with the answer in the field, else the help of the question."""
        line, item = self.query_one("#message", Line), self.item
        problem = self.draft.problems.get(item.key, "") if item is not None else ""
        is_wrong = bool(problem) and item is not None and item.key in self.host.touched
        text = f"! {problem}" if is_wrong else item.help if item is not None else ""
        width, height = line.content_size
        more = "" if is_wrong or item is None else item.key
        line.put(fit_text(text, more, width, height) if width else text)
        line.set_class(is_wrong, "wrong")

    def on_resize(self) -> None:
        """Fit list and help to the new size."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        item = self.item
        if self.row is None:
            self._show_settings(item.key if item is not None else "")
        self.show_message()

    def on_descendant_focus(self) -> None:
        """Show the keys of what has the focus now."""
        self.show_status()

    def show_status(self) -> None:
        """Show what enter does now."""
        focused = self.focused
        on_changes = focused is self.query_one(Changes)
        keys = _FIELD_KEYS if self.row is not None else _COMMIT_KEYS if on_changes else _LIST_KEYS
        self.query_one("#keys", Static).update(keys)
        count = pluralize(len(self.draft.changed_items), "change")
        if not self.draft.changed_items or self.row is not None:
            self.say("")
        elif self.block_reason:
            self.say(self.block_reason)
        else:
            assert self.proposal is not None  # noqa: S101
            branch = self.host.branch or self.proposal.answers.repository.branch
            how = f"enter commits {count} to {branch}"
            self.say(how if on_changes else f"{count} not committed; tab goes there")

    def action_help(self) -> None:
        """Show the help of the question in the field or the highlighted one."""
        self.host.show_help(self.item)

    def action_back(self) -> None:
        """Discard the field, leave the changes, or empty the search line."""
        if self.row is not None:
            assert self._draft_before is not None  # noqa: S101
            self.host.draft = self._draft_before
            self._close_field()
            self._show_changes()
        elif self.focused is self._list or self.focused is None:
            self._search_line.value = ""
        self._list.focus()
        self.show_state()

    def action_check(self) -> None:
        """Open the page that runs all probes."""
        self.host.go(PREFLIGHT)


_MOVES = {
    "up": "action_cursor_up",
    "down": "action_cursor_down",
    "pageup": "action_page_up",
    "pagedown": "action_page_down",
}


def _list_options(
    groups: tuple[Group, ...], text: str, near: tuple[str, ...], width: int
) -> Iterator[Option]:
    """Yield headings and settings; without any, a sentence and what is near."""
    if not any(group.settings for group in groups):
        hint = f"; similar words: {', '.join(near)}" if near else ""
        yield Option(plain(f"No setting matches {text}{hint}"), disabled=True)
        return
    for group in groups:
        if group.heading:
            yield Option(plain(group.heading, "bold"), disabled=True)
        for one in group.settings:
            yield Option(_describe(one, width), id=one.item.key)


def _describe(one: Setting, width: int) -> Content:
    """Return title and answer in two columns, and the committed answer of a changed one."""
    size = max(24, min(TITLE_WIDTH, width // 2))
    title = one.title if len(one.title) < size else f"{one.title[: size - 2]}…"
    was = f"   was {one.committed}" if one.committed is not None else ""
    return Content.assemble(
        plain(f"{title:<{size}}"), plain(one.answer, "bold"), plain(was, "$text-primary")
    )
