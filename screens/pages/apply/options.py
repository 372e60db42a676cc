"""What may be chosen on the page of a run while nothing runs, as options of `apply` elsewhere."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from screens.pages.apply.consent import choose_context, prompt_admin
from screens.pages.apply.parts import IDLE_PHASES, TAKE_OVER_TEXT
from screens.pages.apply.plan import ApplyOptions
from screens.pages.apply.progress import find_take_over_id
from screens.pages.apply.run_page import RunPage
from screens.widgets.dialogs import ConfirmDialog


class ApplyOptionsPage(RunPage):
    """Contexts, the administrator of PostgreSQL, and what of another's is taken over."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "context", "context", show=False),
        Binding("h", "hub", "Argo CD's context", show=False),
        Binding("t", "take", "take over", show=False),
        Binding("b", "database", "PostgreSQL's administrator", show=False),
    ]

    def __init__(self, installation: str) -> None:
        super().__init__(installation)
        self.apply_options = ApplyOptions(is_shown=lambda: self in self.app.screen_stack)

    def look(self, *, dry_run: bool | None = None) -> None:
        """Prepare anew; with `dry_run` begin at once, if the plan is the one agreed to."""
        raise NotImplementedError

    def action_context(self) -> None:
        """Choose the context of Airflow's cluster."""
        title = "The cluster that Airflow runs in"
        self._choose(title, "the current context", self.wizard, "context")

    def action_hub(self) -> None:
        """Choose the context of the cluster that Argo CD runs in."""
        self._choose(
            "The cluster that Argo CD runs in", "the same cluster", self.apply_options, "hub"
        )

    def action_database(self) -> None:
        """Say who makes PostgreSQL's role and database."""
        if self.phase in IDLE_PHASES:
            prompt_admin(self.wizard, self.apply_options, self.look)

    def _choose(self, title: str, default: str, holder: object, name: str) -> None:
        if self.phase in IDLE_PHASES and len(self.contexts) > 1:
            choose_context(self.wizard, (title, default, self.contexts), holder, name, self.look)

    def action_take(self) -> None:
        """Let ours what the diff of another's object shows, and no more than that."""
        event, run = self.highlighted_event, self.current_run
        seal = find_take_over_id(event)
        if self.phase != "ended" or event is None or run is None or not seal:
            self.app.bell()
            return

        def agreed() -> None:
            self.apply_options.take_over.append(seal)
            self.look(dry_run=run.dry_run)

        ask = ConfirmDialog(
            "Take over what the diff shows?",
            f"{event.detail}\n\n{TAKE_OVER_TEXT}",
            "take it",
            "leave it",
        )
        self.app.push_screen(ask, lambda yes: agreed() if yes else None)
