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
    made: bool = False


async def find_required_probes(
    host: Host, sources: Sequence[ProbeSource]
) -> tuple[Situation, tuple[ProbeRequirements, ...]]:
    """What these sources would need of the draft; asks nobody. Raises WizardError."""
    draft = host.draft

    def prepare() -> tuple[Situation, tuple[ProbeRequirements, ...]]:
        situation = prepare_situation(
            host.workspace,
            draft.settled.answers,
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
        situation, needed = await find_required_probes(host, sources)
        if not needed:
            return RoundResult("nothing to ask outside")
        if not await _obtain_consent(host, needed, quietly=quietly):
            return RoundResult("nothing was asked")
        await _prompt_values(host, needed)
        asked = await run_in_thread(
            _collect_probes, host, situation, [one.source for one in needed]
        )
    except AnswersError as error:
        return RoundResult(f"! {error.problems[0] if error.problems else error.message}")
    except WizardError as error:
        return RoundResult(f"! {error.message}")
    return RoundResult(await _run(host, draft, asked, needed), made=True)


async def _run(
    host: Host,
    draft: Draft,
    asked: Sequence[tuple[ProbeSource, Sequence[Probe]]],
    needed: Sequence[ProbeRequirements],
) -> str:
    session = host.session
    session.begin(draft, asked)
    of = {probe.id: source for source, probes in asked for probe in probes}
    ended = []
    host.show_lookups()
    clock = host.set_interval(1, host.show_lookups)
    try:
        async for probe, result in run_probes([one for _, probes in asked for one in probes]):
            session.end(draft, of[probe.id], probe, result)
            ended.append(probe.id)
            host.show_lookups()
    finally:
        clock.stop()
        session.stop()
        _drop_refused_values(host, needed)
    host.show_lookups()
    return _summarize_round([one for one in session.found(host.draft) if one.probe.id in ended])


def _summarize_round(found: Sequence[LookupResult]) -> str:
    """How a round ended, in one line; the first fault in its own words."""
    faults = [one for one in found if one.result.status == "fail"]
    if faults:
        return summarize_faults(faults, faults[0].source.section)
    if not found:
        return "outside: the answers were changed meanwhile"
    left = next((one for one in found if one.result.status == "unknown"), None)
    more = f": {left.what}: {left.result.detail}" if left else ""
    return f"outside: {summarize_results(one.result for one in found)}{more}"


async def _obtain_consent(
    host: Host, needed: Sequence[ProbeRequirements], *, quietly: bool
) -> bool:
    """Whether a person said yes to all of this, now or before."""
    session = host.session
    wanted = {one for need in needed for one in need.agreements}
    untyped = {one for need in needed for one in need.prompts} - session.secret_values.keys()
    if quietly:
        return wanted <= session.agreed and not untyped
    if not wanted <= session.agreed:
        text = "\n".join(line for need in needed for line in _lines(need))
        ask = ConfirmListDialog(
            "Look at these from this machine? It only reads.",
            text,
            yes="look",
            no="not now",
            yes_first=True,
        )
        if not await host.push_screen_wait(ask):
            return False
        session.agreed |= wanted
    return True


def _lines(need: ProbeRequirements) -> list[str]:
    """One source in the dialog: its title once, everything else in the second column."""
    parts = [part for line in need.lines for part in wrap(line, _WIDTH - _COLUMN)]
    titles = [need.source.title, *[""] * len(parts)]
    return [f"{title:<{_COLUMN}}{part}" for title, part in zip(titles, parts, strict=False)]


async def _prompt_values(host: Host, needed: Sequence[ProbeRequirements]) -> None:
    """Ask for the values that a person has to type; escape leaves one out."""
    for text in dict.fromkeys(one for need in needed for one in need.prompts):
        if text not in host.session.secret_values:
            note = "Held in memory for this session only, and forgotten once it is refused."
            value = await host.push_screen_wait(create_secret_prompt(text, note))
            if value is not None:
                host.session.secret_values[text] = value


def _collect_probes(
    host: Host, situation: Situation, sources: Sequence[ProbeSource]
) -> list[tuple[ProbeSource, list[Probe]]]:
    session = host.session
    agreed = frozenset(session.agreed)
    real = replace(situation, consent=agreed.__contains__, prompt=_create_prompt(host))
    return [(source, list(source.probes(real))) for source in sources]


def _create_prompt(host: Host) -> Callable[[str], str]:
    def prompt(text: str) -> str:
        value = host.session.secret_values.get(text)
        if value is None:
            raise SecretError(f"{text}: not typed", "f5 asks for it again")
        return value.get_secret_value()

    return prompt


def _drop_refused_values(host: Host, needed: Sequence[ProbeRequirements]) -> None:
    """Drop what was typed and then refused, by a server or before it got there."""
    found = host.session.found(host.draft)
    for text in [one for need in needed for one in need.prompts]:
        key = text.partition(" ")[0]
        if any(_is_refusal(one, key) for one in found):
            host.session.secret_values.pop(text, None)


def _is_refusal(one: LookupResult, key: str) -> bool:
    """Whether this is found against the value of a secret question."""
    if one.result.status == "fail":
        return one.question == key or one.probe.id in _LOGINS.get(key, ())
    return one.result.status == "unknown" and one.result.detail.startswith(f"{key}: ")
