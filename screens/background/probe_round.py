"""One round of looks outside, as `check --live` makes it: consent, values, probes, results.

Everything a person has to say is asked before the first probe runs, so that no thread ever waits
for a dialog; quitting and `esc` abandon whatever still runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
# Where a refusal of what was typed is not laid at its own question.
_LOGINS = {"dags.key": ("dags.clone",)}


class RoundResult(NamedTuple):
    """How a round ended in words, `! ` before a fault; whether any probe was run."""

    text: str
    has_run: bool = False


async def find_required_probes(
    host: Host, sources: Sequence[ProbeSource]
) -> tuple[Situation, tuple[ProbeRequirements, ...]]:
    """What these sources would need of the draft; asks nobody. Raises WizardError."""
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
        return situation, dry_run_sources(situation, sources)

    return await run_in_thread(prepare)


async def run_round(
    host: Host, sources: Sequence[ProbeSource], *, quietly: bool = False
) -> RoundResult:
    """Make a round, with a yes for what is new; `quietly` never opens a dialog."""
    draft = host.draft
    try:
        situation, requirements = await find_required_probes(host, sources)
        if not requirements:
            return RoundResult("nothing to ask outside")
        if not await _obtain_consent(host, requirements, quietly=quietly):
            return RoundResult("nothing was asked")
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
    """How a round ended, in one line; the first fault in its own words."""
    faults = [one for one in results if one.result.status == "fail"]
    if faults:
        return summarize_faults(faults, faults[0].source.section)
    if not results:
        return "outside: the answers were changed meanwhile"
    unknown = next((one for one in results if one.result.status == "unknown"), None)
    detail = f": {unknown.what}: {unknown.result.detail}" if unknown else ""
    return f"outside: {summarize_results(one.result for one in results)}{detail}"


async def _obtain_consent(
    host: Host, requirements: Sequence[ProbeRequirements], *, quietly: bool
) -> bool:
    """Whether a person said yes to all of this, now or before."""
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
            "Look at these from this machine? It only reads.",
            text,
            yes="look",
            no="not now",
            yes_first=True,
        )
        if not await host.push_screen_wait(ask):
            return False
        session.agreements |= agreements
    return True


def _requirement_lines(requirement: ProbeRequirements) -> list[str]:
    """One source in the dialog: its title once, everything else in the second column."""
    parts = [part for line in requirement.lines for part in wrap(line, _WIDTH - _COLUMN)]
    titles = [requirement.source.title, *[""] * len(parts)]
    return [f"{title:<{_COLUMN}}{part}" for title, part in zip(titles, parts, strict=False)]


async def _prompt_values(host: Host, requirements: Sequence[ProbeRequirements]) -> None:
    """Ask for the values that a person has to type; escape leaves one out."""
    for text in dict.fromkeys(one for requirement in requirements for one in requirement.prompts):
        if text not in host.session.secret_values:
            note = "Held in memory for this session only, and forgotten once it is refused."
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
            raise SecretError(f"{text}: not typed", "f5 asks for it again")
        return value.get_secret_value()

    return prompt


def _drop_refused_values(host: Host, requirements: Sequence[ProbeRequirements]) -> None:
    """Drop what was typed and then refused, by a server or before it got there."""
    results = host.session.results(host.draft)
    for text in [one for requirement in requirements for one in requirement.prompts]:
        key = text.partition(" ")[0]
        if any(_is_refusal(one, key) for one in results):
            host.session.secret_values.pop(text, None)


def _is_refusal(one: LookupResult, key: str) -> bool:
    """Whether this is found against the value of a secret question."""
    if one.result.status == "fail":
        return one.question == key or one.probe.id in _LOGINS.get(key, ())
    return one.result.status == "unknown" and one.result.detail.startswith(f"{key}: ")
