"""The app's interface for pages and background work; neither imports the app itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
    from pathlib import Path

    from textual.screen import ModalScreen
    from textual.timer import Timer
    from textual.worker import Worker

    from screens.draft.draft import Draft
    from screens.draft.exit_report import ExitReport
    from screens.draft.outside import LookupResults
    from wizard.answers.questions import FieldSpec
    from wizard.engine.probes import ProbeResult
    from wizard.errors import WizardError
    from wizard.hostkeys.scan import Scan
    from wizard.imports.candidates import Candidate
    from wizard.plan.merge.sides import Decisions
    from wizard.probes.catalogue import ProbeSource
    from wizard.workspace.proposal import CommitResult, Proposal
    from wizard.workspace.suggestions import Contexts, Suggestion
    from wizard.workspace.workspace import Workspace

T = TypeVar("T")


class CheckRunner(Protocol):
    """Checks and rounds of probes, one at a time; see `screens.background.checks`."""

    sources: Sequence[ProbeSource]

    def check_page(self, section: str) -> None:
        """Check all answers, then run the probes of one section."""

    def probe_all(self) -> None:
        """Run all probes of the answers."""

    def probe_quietly(self, section: str) -> None:
        """Run the probes of one section if no consent is missing; opens no dialog."""

    def stop(self) -> bool:
        """Stop the running round of probes; False if none is running."""


class Host(Protocol):
    """The app, as pages and background work see it."""

    draft: Draft
    context: str
    visited: set[str]
    # Which side counts where a hand edit and the answers differ, until the next commit.
    decisions: Decisions

    # State of the app.

    @property
    def workspace(self) -> Workspace:
        """The config repository."""

    @property
    def session(self) -> LookupResults:
        """Consents and probe results since the screens were opened."""

    @property
    def checks(self) -> CheckRunner:
        """The checks and probes of this app."""

    @property
    def exit_report(self) -> ExitReport:
        """What the command prints once the screens are closed."""

    @property
    def suggestions(self) -> Mapping[str, Suggestion]:
        """What this machine knows, by question; an answer only once it was shown."""

    @property
    def contexts(self) -> Contexts | None:
        """The contexts of this machine's kubeconfig."""

    @property
    def home(self) -> str:
        """The page where a session begins."""

    @property
    def existing(self) -> str:
        """Name of the committed installation under edit; empty for a new one."""

    @property
    def folder(self) -> Path | None:
        """The folder that file names in the answers are relative to."""

    @property
    def chart(self) -> Path | None:
        """The chart for a full check of the values."""

    @property
    def branch(self) -> str:
        """The work branch of `--branch`; empty for the branch in the answers."""

    @property
    def touched(self) -> set[str]:
        """Questions that lost the focus at least once; only these show errors."""

    @property
    def consents(self) -> set[str]:
        """What the user agreed to, in addition to the agreements in `session`."""

    @property
    def pasted_keys(self) -> dict[tuple[str, int], str]:
        """Text pasted on the host-keys page, by host and port."""

    @property
    def scanner(self) -> Callable[[str, int], Scan]:
        """Return the SSH host keys of a host; blocking."""

    @property
    def reach(self) -> Callable[[str, int], ProbeResult]:
        """Resolve a name and connect to its port; blocking."""

    @property
    def has_waiting_keys(self) -> bool:
        """Whether keys were typed that no widget has got yet."""

    @property
    def page_name(self) -> str:
        """Name of the page on top; empty while a dialog covers it."""

    # Other pages.

    def go(self, name: str, key: str = "") -> None:
        """Open the page of a step, at the question `key`."""

    def go_to_question(self, key: str) -> None:
        """Open the page that asks this question."""

    def go_back(self) -> None:
        """Open the page from which the current one was opened."""

    def go_on(self, here: str) -> None:
        """Open the next page, or the first one again if this one was opened from there."""

    def turn_page(self, here: str, by: int) -> None:
        """Open the page `by` steps after the page `here`."""

    def open_apply(self, installation: str, result: CommitResult | None = None) -> None:
        """Open the page that applies an installation; `result` is the commit before it."""

    def open_result(self, result: CommitResult) -> None:
        """Open the page that shows a commit."""

    # Answers and commits.

    def use_preset(self, preset: str) -> None:
        """Start with the answers of a preset; an empty name means the defaults."""

    @property
    def saved(self) -> tuple[str, Mapping[str, Any]] | None:
        """Name and unfinished answers of a file that an earlier session left."""

    @property
    def candidates(self) -> Sequence[Candidate]:
        """What the repository has to begin from: values, or what declares a release."""

    def use_answers(self, data: Mapping[str, Any]) -> None:
        """Start with unfinished answers, or with imported ones."""

    def use_committed(self, name: str, draft: Draft) -> None:
        """Continue with the committed answers of an installation."""

    def propose(self) -> Proposal:
        """Return what the answers would change in the repository; blocking."""

    def commit(self, proposal: Proposal, accepted: Sequence[str] = (), backup: str = "") -> None:
        """Write and commit a proposal, with its accepted consequences, in the background.

        `backup` is the sentence about a backup of the database, which a migration needs.
        """

    def end_commit(self) -> None:
        """Allow other pages again."""

    # What the user sees.

    def mark(self, name: str, *, current: str) -> str:
        """Return the state of a step as characters."""

    def status(self) -> str:
        """Return the problems of the visited pages in one line."""

    def say(self, text: str) -> None:
        """Show one sentence on the status line of the page on top."""

    def show_state(self) -> None:
        """Redraw header, steps and status of the page on top."""

    def show_lookups(self) -> None:
        """Show new probe results on the page on top."""

    def show_help(self, item: FieldSpec | None) -> None:
        """Show the help of a question, or the key help without one."""

    def show_note(self, title: str, text: str) -> None:
        """Show a text to read."""

    def show_error(self, error: WizardError) -> None:
        """Show an error in full."""

    def leave(self) -> None:
        """Quit; asks first when answers would be lost."""

    # Textual's own.

    theme: str

    def exit(self, result: CommitResult | None = None) -> None:
        """End the app."""

    def push_screen(
        self, screen: ModalScreen[T], callback: Callable[[T | None], None]
    ) -> Awaitable[None]:
        """Show a dialog; `callback` gets its answer."""

    def push_screen_wait(self, screen: ModalScreen[T]) -> Awaitable[T]:
        """Show a dialog and wait for its answer, inside a worker."""

    def run_worker(
        self,
        work: Callable[[], Coroutine[Any, Any, None]],
        *,
        group: str,
        exclusive: bool = False,
        exit_on_error: bool = True,
    ) -> Worker[None]:
        """Run a coroutine function in the background."""

    def set_interval(self, interval: float, callback: Callable[[], None]) -> Timer:
        """Call back every so many seconds."""

    def call_later(self, callback: Callable[[], None]) -> bool:
        """Call back on the app's thread."""
