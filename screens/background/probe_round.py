"""One round of probes, as in `check --live`: consent, secrets, probes, results.

All dialogs come before the first probe, because no thread may wait for a dialog. Quitting and
`esc` abandon running probes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from screens.draft.outside import LookupResult, summarize_faults
from screens.widgets.prompts import ConfirmListDialog, create_secret_prompt
from wizard.engine.probes import Probe, run_in_thread, run_probes, summarize_results
from wizard.errors import AnswersError, WizardError
from wizard.probes.draft import prepare_situation
from wizard.probes.requirements import ProbeRequirements, dry_run_sources
from wizard.secrets.resolve import SecretError

if TYPE_CHECKING:
    from screens.draft.draft import Draft
    from screens.host import Host
    from wizard.probes.catalogue import ProbeSource
    from wizard.systems.situation import Situation

_WIDTH, _COLUMN = 62, 17
# Probes that report a refused secret under a different question.
_LOGINS = {"dags.key": ("dags.clone",), "dags.credentials.password": ("dags.clone",)}


class RoundResult(NamedTuple):
    """Summary of a round, with `! ` for a failure, and whether any probe ran."""

    text: str
    has_run: bool = False


async def find_required_probes(
    host: Host, sources: Sequence[ProbeSource]
) -> tuple[Situation, tuple[ProbeRequirements, ...]]:
    """Return the probes and consents of these sources; contacts no system. WizardError."""
    draft = host.draft

    def prepare() -> tuple[Situation, tuple[ProbeRequirements, ...]]:
        situation = prepare_situation(
            host.workspace,
            draft.verification.answers,
            existing=host.existing,
            folder=host.folder,
            context=host.context,
            cluster=any(source.kube for source in sources),
            scanner=host.scanner,
        )
        if situation.kube is not None:
            # What cannot be rendered cannot be delivered: the review says why.
            with suppress(WizardError):
                situation = replace(situation, proposal=host.propose())
        return situation, dry_run_sources(situation, sources)

    return await run_in_thread(prepare)


async def run_round(
    host: Host, sources: Sequence[ProbeSource], *, quietly: bool = False
) -> RoundResult:
    """Run a round after asking for missing consents; `quietly` never opens a dialog."""
    draft = host.draft
    try:
        situation, requirements = await find_required_probes(host, sources)
        if not requirements:
            return RoundResult("no probes to run")
        if not await _obtain_consent(host, requirements, quietly=quietly):
            return RoundResult("no probe was run")
        await _prompt_values(host, requirements)
        probes_by_source = await run_in_thread(
            _collect_probes, host, situation, [one.source for one in requirements]
        )
    except AnswersError as error:
        return RoundResult(f"! {error.problems[0] if error.problems else error.message}")
    except WizardError as error:
        return RoundResult(f"! {error.message}")
    return RoundResult(await _run(host, draft, probes_by_source, requirements), has_run=True)


async def _run(
    host: Host,
    draft: Draft,
    probes_by_source: Sequence[tuple[ProbeSource, Sequence[Probe]]],
    requirements: Sequence[ProbeRequirements],
) -> str:
    session = host.session
    session.begin(draft, probes_by_source)
    source_by_probe = {probe.id: source for source, probes in probes_by_source for probe in probes}
    probe_ids = []
    host.show_lookups()
    clock = host.set_interval(1, host.show_lookups)
    try:
        async for probe, result in run_probes(
            [one for _, probes in probes_by_source for one in probes]
        ):
            session.end(draft, source_by_probe[probe.id], probe, result)
            probe_ids.append(probe.id)
            host.show_lookups()
    finally:
        clock.stop()
        session.stop()
        _drop_refused_values(host, requirements)
    host.show_lookups()
    return _summarize_round(
        [one for one in session.results(host.draft) if one.probe.id in probe_ids]
    )


def _summarize_round(results: Sequence[LookupResult]) -> str:
    """Return the result of a round in one line, with the first failure in detail."""
    faults = [one for one in results if one.result.status == "fail"]
    if faults:
        return summarize_faults(faults, faults[0].source.section)
    if not results:
        return "probes: the answers changed during the round"
    unknown = next((one for one in results if one.result.status == "unknown"), None)
    detail = f": {unknown.what}: {unknown.result.detail}" if unknown else ""
    return f"probes: {summarize_results(one.result for one in results)}{detail}"


async def _obtain_consent(
    host: Host, requirements: Sequence[ProbeRequirements], *, quietly: bool
) -> bool:
    """Return whether the user agrees to all of this, now or earlier."""
    session = host.session
    agreements = {one for requirement in requirements for one in requirement.agreements}
    missing_prompts = {
        one for requirement in requirements for one in requirement.prompts
    } - session.secret_values.keys()
    if quietly:
        return agreements <= session.agreements and not missing_prompts
    if not agreements <= session.agreements:
        text = "\n".join(
            line for requirement in requirements for line in _requirement_lines(requirement)
        )
        ask = ConfirmListDialog(
            "Run these probes from this machine? They only read.",
            text,
            yes="run them",
            no="not now",
            yes_first=True,
        )
        if not await host.push_screen_wait(ask):
            return False
        session.agreements |= agreements
    return True


def _requirement_lines(requirement: ProbeRequirements) -> list[str]:
    """Return the dialog lines of a source: its title once, details in the second column."""
    parts = [part for line in requirement.lines for part in wrap(line, _WIDTH - _COLUMN)]
    titles = [requirement.source.title, *[""] * len(parts)]
    return [f"{title:<{_COLUMN}}{part}" for title, part in zip(titles, parts, strict=False)]


async def _prompt_values(host: Host, requirements: Sequence[ProbeRequirements]) -> None:
    """Prompt for the missing secrets; escape skips one."""
    for text in dict.fromkeys(one for requirement in requirements for one in requirement.prompts):
        if text not in host.session.secret_values:
            note = "Kept in memory for this session only, and dropped if it is refused."
            value = await host.push_screen_wait(create_secret_prompt(text, note))
            if value is not None:
                host.session.secret_values[text] = value


def _collect_probes(
    host: Host, situation: Situation, sources: Sequence[ProbeSource]
) -> list[tuple[ProbeSource, list[Probe]]]:
    session = host.session
    agreements = frozenset(session.agreements)
    situation_with_consent = replace(
        situation, consent=agreements.__contains__, prompt=_create_prompt(host)
    )
    return [(source, list(source.probes(situation_with_consent))) for source in sources]


def _create_prompt(host: Host) -> Callable[[str], str]:
    def prompt(text: str) -> str:
        value = host.session.secret_values.get(text)
        if value is None:
            raise SecretError(f"{text}: not typed", "press f5 to be prompted again")
        return value.get_secret_value()

    return prompt


def _drop_refused_values(host: Host, requirements: Sequence[ProbeRequirements]) -> None:
    """Drop typed secrets that were refused, by a server or before they were sent."""
    results = host.session.results(host.draft)
    for text in [one for requirement in requirements for one in requirement.prompts]:
        key = text.partition(" ")[0]
        if any(_is_refusal(one, key) for one in results):
            host.session.secret_values.pop(text, None)


def _is_refusal(one: LookupResult, key: str) -> bool:
    """Return whether this result refuses the value of a secret question."""
    if one.result.status == "fail":
        return one.question == key or one.probe.id in _LOGINS.get(key, ())
    return one.result.status == "unknown" and one.result.detail.startswith(f"{key}: ")
