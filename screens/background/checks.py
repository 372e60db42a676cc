"""The checks and probes that f5 runs, one round at a time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING

from screens.background.probe_round import RoundResult, run_round
from screens.background.tasks import save_unverified
from screens.text import pluralize
from wizard.engine.probes import run_in_thread
from wizard.errors import AnswersError, WizardError
from wizard.probes.catalogue import SOURCES, ProbeSource

if TYPE_CHECKING:
    from textual.worker import Worker

    from screens.host import Host


class Checks:
    """Checks and probe rounds of one app; a new one replaces a running one."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.sources: Sequence[ProbeSource] = SOURCES
        self._worker: Worker[None] | None = None

    def check_page(self, section: str) -> None:
        """Check all answers, then run the probes of one section."""
        self._begin(partial(self._check, section))

    def probe_all(self) -> None:
        """Run all probes of the answers."""
        self._begin(self._probe_all)

    def probe_quietly(self, section: str) -> None:
        """Run the probes of one section that have no result yet, if no consent is missing."""
        host = self.host
        sources = self._section_sources(section)
        is_known = all(host.session.probes(source, host.draft) for source in sources)
        if sources and not is_known and host.session.agreements and not self.running:
            self._begin(partial(self._probe_quietly, sources))

    @property
    def running(self) -> bool:
        """Whether a round or a check is running."""
        return self._worker is not None and not self._worker.is_finished

    def stop(self) -> bool:
        """Stop the running round; return whether there was one."""
        if self._worker is None or not self.host.session.running:
            return False
        self._worker.cancel()
        self.host.session.stop()
        self.host.show_lookups()
        self.host.say("stopped; probes without a result stay unverified")
        return True

    def _begin(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        self._worker = self.host.run_worker(
            work, exclusive=True, group="check", exit_on_error=False
        )

    def _section_sources(self, section: str) -> list[ProbeSource]:
        """Return the sources of a section; none while one of its answers is missing or wrong."""
        if self.host.draft.problem_keys(section):
            return []
        return [source for source in self.sources if source.section == section]

    async def _check(self, section: str) -> None:
        self.host.say("running the checks ...")
        text = await run_checks(self.host)
        self.host.say(text)
        sources = self._section_sources(section)
        if sources:
            probe_text = (await self._run_round(sources)).text
            # The probe result comes first: the line may be too short for both.
            rest = text.removeprefix("! ")
            self.host.say(probe_text if probe_text.startswith("!") else f"{probe_text}; {rest}")

    async def _probe_all(self) -> None:
        host, draft = self.host, self.host.draft
        if await self._probe(self.sources):
            host.session.mark_complete(draft)
            if host.existing and not host.draft.has_changes:
                await run_in_thread(save_unverified, host, host.existing)

    async def _probe_quietly(self, sources: Sequence[ProbeSource]) -> None:
        await self._probe(sources, quietly=True)

    async def _probe(self, sources: Sequence[ProbeSource], *, quietly: bool = False) -> bool:
        done = await self._run_round(sources, quietly=quietly)
        if not quietly and not done.has_run:
            self.host.say(done.text)
        return done.has_run

    async def _run_round(
        self, sources: Sequence[ProbeSource], *, quietly: bool = False
    ) -> RoundResult:
        try:
            return await run_round(self.host, sources, quietly=quietly)
        except Exception as error:  # not its text, which may hold a value
            kind = type(error).__name__
            return RoundResult(f"! a bug ({kind}); `airflow-wizard check --live` shows where")


async def run_checks(host: Host) -> str:
    """Return the result of the checks in one line; `! ` marks a problem."""
    try:
        plan = (await run_in_thread(host.propose)).plan
    except AnswersError as error:
        first = f": {error.problems[0]}" if error.problems else ""
        return f"! {pluralize(len(error.problems), 'answer')} missing or invalid{first}"
    except WizardError as error:
        return f"! {error.message}"
    errors = [str(one) for one in plan.findings if one.is_error] + list(plan.missing_evidence)
    if errors:
        return f"! {pluralize(len(errors), 'check')} failed: {errors[0]}"
    return "ok, no check failed"
