"""The app: the current page, the draft that all pages share, and the way out.

Pages and models are imported while the first frame is already on screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.scrollbar import ScrollBar

from screens.background.keyboard import Keyboard
from screens.background.lookups import reach_host, scan_host
from screens.background.terminal import LocalEnd, SessionEnd, TerminalDriver
from screens.draft.exit_report import ExitReport
from screens.draft.outside import LookupResults
from screens.draft.start import InitialAnswers, build_draft
from screens.pages.loading import LoadingScreen
from screens.pages.registry import (
    create_apply_page,
    create_page,
    create_preset_page,
    create_result_page,
    load_first_pages,
)
from screens.steps import HOST_KEYS, SETTINGS, START
from screens.text import format_error, plain
from screens.widgets.appearance import AppearanceApp
from screens.widgets.scrollbars import CharacterScrollBar
from wizard.engine.probes import run_in_thread
from wizard.errors import ExitCode, WizardError
from wizard.plan.merge.sides import UNDECIDED
from wizard.workspace.proposal import CommitResult, Proposal
from wizard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from screens.draft.draft import Draft
    from screens.pages.base import Page
    from wizard.answers.questions import FieldSpec
    from wizard.engine.probes import ProbeResult
    from wizard.hostkeys.scan import Scanner

    Reach = Callable[[str, int], ProbeResult]


class WizardApp(AppearanceApp[CommitResult], inherit_bindings=False):
    """The screens of one installation; the return value is the last commit, or None.

    Bindings are not inherited: Textual's own ctrl+q would override that of pages and dialogs.
    """

    CSS_PATH = Path(__file__).with_name("wizard.tcss")
    ENABLE_COMMAND_PALETTE = False
    TITLE = "Airflow Wizard"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "help_quit", show=False, system=True)
    ]

    draft: Draft

    def __init__(
        self,
        workspace: Workspace,
        read: Callable[[], InitialAnswers],
        session_end: SessionEnd | None = None,
    ) -> None:
        """`read` runs once, in a thread; its exception ends the app and is kept in `failure`."""
        super().__init__(driver_class=TerminalDriver)
        ScrollBar.renderer = CharacterScrollBar
        self.workspace = workspace
        self.failure: Exception | None = None
        self.branch = workspace.work_branch
        self.touched: set[str] = set()
        self.visited: set[str] = set()
        self.decisions = UNDECIDED
        # Pages with their questions, from which others were opened: escape goes back there.
        self.trail: list[tuple[str, str]] = []
        self.pasted_keys: dict[tuple[str, int], str] = {}
        self.scanner: Scanner = scan_host
        self.reach: Reach = reach_host
        self.consents: set[str] = set()
        self.session = LookupResults()
        self.committing = False
        self.session_end = session_end or LocalEnd()
        self.is_ending = False
        self.exit_report = ExitReport()
        self.keyboard = Keyboard(self, super().on_event)
        self._read_initial = read

    async def on_event(self, event: events.Event) -> None:
        """Deliver keys and pastes in order, everything else at once."""
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            self.keyboard.put(event)
        else:
            await super().on_event(event)

    def on_mount(self) -> None:
        """Show a frame at once, and the first page when its modules and answers are loaded."""
        self.session_end.react = partial(self._end_soon, asyncio.get_running_loop())
        self.push_screen(LoadingScreen(f"{self.TITLE}   {self.workspace.label}"))
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.run_worker(self._open, exit_on_error=False)  # type: ignore[arg-type]

    async def _open(self) -> None:
        try:
            self.draft = await run_in_thread(self._create_draft)
        except Exception as error:
            self.failure = error
            self.exit(None)
            return
        if self.existing:
            self.visited = {step.name for step in self.draft.pages}
            from screens.background.reload import load_committed_keys

            self.run_worker(partial(load_committed_keys, self), exit_on_error=False)  # type: ignore[arg-type]
        await self.switch_screen(self._create_first_page())
        self.keyboard.start()

    def _create_first_page(self) -> Page:
        return create_preset_page() if self.pick_preset else create_page(self.home)

    @property
    def home(self) -> str:
        """The page where a session begins: settings, or what only the user knows."""
        return SETTINGS if self.existing else START

    def _create_draft(self) -> Draft:
        from screens.background.checks import Checks

        load_first_pages()
        initial = self._read_initial()
        self.checks = Checks(self)
        self.initial_data = dict(initial.data)
        self.existing = initial.existing
        self.pick_preset = initial.pick_preset
        self.folder = initial.folder
        self.suggestions, self.candidates = initial.suggestions, initial.candidates
        self.saved, self.contexts = initial.saved, initial.contexts
        self.chart, self.context = initial.chart, initial.context
        return build_draft(initial, self.workspace.identity)

    @property
    def page(self) -> Page | None:
        """The page on top; None while a dialog or nothing is shown."""
        from screens.pages.base import Page

        return self.screen if isinstance(self.screen, Page) else None

    @property
    def has_waiting_keys(self) -> bool:
        """Whether keys were typed that no widget has got yet."""
        return self.keyboard.has_waiting_keys

    @property
    def page_name(self) -> str:
        """Name of the page on top; empty while a dialog covers it."""
        return self.page.page_name if self.page else ""

    def use_preset(self, preset: str) -> None:
        """Put the preset's answers below the given ones; open what only the user knows."""
        from wizard.answers import presets

        layers = [presets.load_preset(preset).answers] if preset else []
        self.draft = self.draft.with_base(*layers, self.initial_data)
        self.go(START)

    def use_answers(self, data: Mapping[str, Any]) -> None:
        """Put these answers below the given ones; open what only the user knows."""
        self.draft = self.draft.with_base(data, self.initial_data)
        self.go(START)

    def use_committed(self, name: str, draft: Draft) -> None:
        """Continue with the committed answers of an installation, as if just opened."""
        self.draft = draft
        self.initial_data = dict(draft.base)
        self.existing, self.pick_preset, self.folder = name, False, None
        self.visited, self.touched = {step.name for step in draft.pages}, set()
        self.decisions = UNDECIDED

    def go(self, name: str, key: str = "") -> None:
        """Open another page; problems of the page that is left are reported from now on."""
        if self.committing:
            return
        if self.page and self.page.page_name:
            self.trail.append((self.page.page_name, self.page.focused_key))
        self._open_page(name, key)

    def _open_page(self, name: str, key: str) -> None:
        if self.page and self.page.page_name:
            self.page.prepare_leave()
            self._leave(self.page.page_name)
        self.switch_screen(create_page(name, key))

    def go_back(self) -> None:
        """Open the page from which the current one was opened, else the first page."""
        names = {self.home, *(step.name for step in self.draft.pages)}
        while self.trail:
            name, key = self.trail.pop()
            if name in names and name != self.page_name:
                self._open_page(name, key)
                return
        if self.page_name != self.home:
            self._open_page(self.home, "")
        elif self.pick_preset:
            self._leave(self.page_name)
            self.switch_screen(create_preset_page())

    def _leave(self, step: str) -> None:
        self.touched.update(self.draft.problem_keys(step))

    def go_on(self, here: str) -> None:
        """Open the next page; the first page again, if this one was opened from there."""
        if self.trail and self.trail[-1][0] == START:
            self.go_back()
        else:
            self.turn_page(here, 1)

    def turn_page(self, here: str, by: int) -> None:
        """Open the page `by` steps after this one; from a page without a step, the first."""
        names = [step.name for step in self.draft.pages]
        there = names.index(here) + by if here in names else 0
        if there in range(len(names)):
            self.go(names[there])

    def open_apply(self, installation: str, result: CommitResult | None = None) -> None:
        """Open the page that applies an installation; `result` is the commit just made."""
        self.switch_screen(create_apply_page(installation, result))

    def open_result(self, result: CommitResult) -> None:
        """Open the page that shows a commit, unless the session is about to end."""
        self.exit_report.committed = result
        if not self.is_ending:
            self.switch_screen(create_result_page(result))

    def go_to_question(self, key: str) -> None:
        """Open the page of a question and focus the question."""
        from wizard.answers.host_keys import HOST_KEY_QUESTIONS
        from wizard.answers.questions import field_spec

        self.go(HOST_KEYS if key in HOST_KEY_QUESTIONS else field_spec(key).section, key)

    def mark(self, name: str, *, current: str) -> str:
        """Return the state of a step as characters: current, wrong, done, or not visited."""
        from screens.draft.progress import mark_page

        return ">" if name == current else mark_page(self.draft, self.session, name, self.visited)

    def status(self) -> str:
        """Return the progress of the running round, else the problems of the visited pages."""
        from screens.draft.progress import describe_progress

        return describe_progress(self.draft, self.session, self.page_name, self.touched)

    def show_help(self, item: FieldSpec | None) -> None:
        """Show the full help of a question, or the key help without one."""
        from screens.widgets.dialogs import KEY_HELP, MessageDialog, help_text

        if item is None:
            self.push_screen(MessageDialog("Keys", plain(KEY_HELP)))
        else:
            problem = self.draft.problems.get(item.key, "") if item.key in self.touched else ""
            self.push_screen(MessageDialog(item.full_title, help_text(item, problem)))

    def show_note(self, title: str, text: str) -> None:
        """Show a text to read."""
        from screens.widgets.dialogs import MessageDialog

        self.push_screen(MessageDialog(title, plain(text.strip())))

    def show_error(self, error: WizardError) -> None:
        """Show an error in full."""
        self.show_note("Error", format_error(error))

    def show_state(self) -> None:
        """Redraw header, steps and status of the page on top after the draft changed."""
        if self.page:
            self.page.show_state()

    def show_lookups(self) -> None:
        """Show new probe results on the page on top."""
        if self.page and self.page.is_mounted:
            self.page.show_lookups()

    def say(self, text: str) -> None:
        """Show one sentence on the status line of the page on top."""
        if self.page:
            self.page.say(text)

    def propose(self) -> Proposal:
        """Return what the draft would change in the repository; blocking."""
        return self.workspace.propose(
            self.draft.applicable_data,
            typed=self.draft.effective_fingerprints,
            existing=self.existing,
            folder=self.folder,
            scans=self.draft.scans,
            chart=self.chart,
            decisions=self.decisions,
        )

    def commit(self, proposal: Proposal, accepted: Sequence[str] = (), backup: str = "") -> None:
        """Write and commit a proposal in the background; ignored during a commit."""
        from screens.background.commit import commit

        if not self.committing:
            self.committing = True
            work = commit(self, proposal, accepted, backup)
            self.run_worker(work, group="commit", exit_on_error=False)

    def end_commit(self) -> None:
        """Allow other pages again after a commit succeeded or failed."""
        self.committing = False
        if self.is_ending:
            self.end_session()

    def leave(self) -> None:
        """Quit; offers to save first when answers would be lost, refuses during a commit."""
        from screens.widgets.dialogs import QuitDialog

        if self.committing:
            self.say("a commit is in progress; wait until it is done")
        elif isinstance(self.screen, LoadingScreen) or not self.draft.has_changes:
            self.exit(None)
        else:
            self.push_screen(QuitDialog(), self._quit)

    def _quit(self, choice: str | None) -> None:
        if choice is None:
            return
        if choice == "save":
            self.exit_report.keep_answers(self.draft)
        self.exit(None)

    def _end_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the app has ended, and its loop is closed
            loop.call_soon_threadsafe(self.end_session)

    def end_session(self) -> None:
        """End as quitting does that saves the answers, without a question.

        A commit is completed first, and steps of `apply` are stopped.
        """
        from screens.pages.base import Page

        self.is_ending = True
        pages = [screen for screen in self.screen_stack if isinstance(screen, Page)]
        if not pages:
            self.exit(None)
        elif not self.committing:
            if self.draft.has_changes:
                self.exit_report.keep_answers(self.draft)
            pages[-1].end_session()

    def action_help_quit(self) -> None:
        """Handle ctrl+c: the page says how to quit, or asks."""
        if self.page:
            self.page.interrupt()

    async def action_quit(self) -> None:
        """Quit as ctrl+q does."""
        self.leave()

    def _fatal_error(self) -> None:
        """Print the traceback without variables, unlike Textual: any may hold a secret."""
        from rich.segment import Segments
        from rich.traceback import Traceback

        self.bell()
        traceback = Traceback(show_locals=False, width=None)
        segments = self.console.render(traceback, self.console.options)
        self._exit_renderables.append(Segments(segments))
        self._close_messages_no_wait()


def run(
    workspace: Workspace, read: Callable[[], InitialAnswers], session_end: SessionEnd | None = None
) -> ExitReport:
    """Show the screens; return the last commit and the last apply of this session.

    `read` returns the initial answers while the first frame is shown; its exceptions are raised
    here. `session_end` ends the screens from outside, if given. Raises AnswersError for an invalid
    fingerprint, and SystemExit 70 after a crash, whose traceback was printed without variables.
    """
    app = WizardApp(workspace, read, session_end)
    result = app.run()
    if app.failure is not None:
        raise app.failure
    if app.return_code and not app.is_ending:
        raise SystemExit(ExitCode.BUG)
    app.exit_report.committed = result or app.exit_report.committed
    return app.exit_report
