"""`check --live`: the probes of what stands committed, side by side, told as they end."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wizard.cli.console import Console
from wizard.engine.probes import STATUS_WORDS, Probe, ProbeResult, run_probes, summarize_results
from wizard.errors import ExitCode
from wizard.systems.situation import Situation

if TYPE_CHECKING:
    from wizard.state.unverified import UnverifiedProbe
    from wizard.workspace.installation import CommandInput
    from wizard.workspace.proposal import Proposal


def check_live(
    arguments: Namespace, start: CommandInput, proposal: Proposal, console: Console
) -> tuple[ExitCode, dict[str, Any]]:
    """Run every probe that applies; 4 for a proven fault, and what was found as data.

    One line a probe on standard output, with --json on standard error. What could not be asked is
    listed as unverified and fails nothing. KeyboardInterrupt ends it at once.
    """
    from wizard.probes.catalogue import collect_probes

    probes = collect_probes(_prepare_situation(arguments, start, proposal, console))
    json = bool(getattr(arguments, "json", False))

    def tell(probe: Probe, result: ProbeResult) -> None:
        text = render_result(probe, result)
        if json:
            console.say(text)
        else:
            console.data(text)

    found = asyncio.run(_collect_results(probes, tell))
    order = {probe.id: number for number, probe in enumerate(probes)}
    found.sort(key=lambda one: order[one[0].id])
    left = _record_unverified(start, found, console)
    if not json:
        console.data(render_summary(start.existing, found, left))
    faulty = any(result.status == "fail" for _, result in found)
    return ExitCode.REFUSED if faulty else ExitCode.DONE, {
        "probes": [probe.to_json(result) for probe, result in found],
        "unverified": [one.id for one in left],
        "since": {one.id: one.since for one in left},
    }


async def _collect_results(probes: Sequence[Probe], tell: Any) -> list[tuple[Probe, ProbeResult]]:
    found = []
    async for probe, result in run_probes(probes):
        tell(probe, result)
        found.append((probe, result))
    return found


def _prepare_situation(
    arguments: Namespace, start: CommandInput, proposal: Proposal, console: Console
) -> Situation:
    from wizard.systems.cluster.target_cluster import make_token_source, open_probe_cluster
    from wizard.workspace.consent import require_reference_keys, target_answers

    allowed = getattr(arguments, "allow_reference", None) or ()
    require_reference_keys(allowed)
    asks = sys.stdin.isatty() and not getattr(arguments, "json", False)
    branch = proposal.answers.repository.branch
    kube, absent = open_probe_cluster(getattr(arguments, "context", "") or "")
    hub = getattr(arguments, "argocd_context", "") or ""
    return Situation(
        answers=proposal.answers,
        release=proposal.rendering.release,
        agreed=target_answers(start.workspace, start.existing, branch),
        allowed=frozenset(allowed),
        ask=_make_confirm(console) if asks else None,
        prompt=_make_prompt(console) if asks else None,
        folder=start.folder,
        kube=kube,
        argocd=open_probe_cluster(hub)[0] if hub else None,
        no_kube=absent,
        mint=make_token_source(kube, proposal.answers, proposal.rendering.release)
        if kube
        else None,
        say=console.say,
    )


def _make_confirm(console: Console) -> Any:
    from wizard.cli.console import ask_confirmation

    return lambda question: ask_confirmation(console, question)


def _make_prompt(console: Console) -> Any:
    from getpass import getpass

    return lambda key: getpass(f"{key} (not shown): ", stream=console.err)


def render_result(probe: Probe, result: ProbeResult) -> str:
    """One probe as a line; what to do next stands below it."""
    from wizard.formats.terminal import escape_unprintable

    # A server's own words may stand in it; they must not move the cursor.
    text = f"{STATUS_WORDS[result.status]:<10} {probe.title} ({probe.endpoint}): {result.detail}"
    shown = escape_unprintable(" ".join(text.splitlines()))
    if result.fix and result.status != "pass":
        shown += f"\n{'':<10} {escape_unprintable(' '.join(result.fix.text.splitlines()))}"
    return shown


def render_summary(
    name: str, found: Sequence[tuple[Probe, ProbeResult]], left: Sequence[UnverifiedProbe] = ()
) -> str:
    """How it ended, in one line; and a second one with what is left to verify."""
    from wizard.state.unverified import format_unverified

    told = summarize_results(result for _, result in found)
    more = f"\nnot verified {format_unverified(left)}" if left else ""
    return f"{name}: live: {told or 'nothing to ask'}{more}"


def _record_unverified(
    start: CommandInput, found: Sequence[tuple[Probe, ProbeResult]], console: Console
) -> tuple[UnverifiedProbe, ...]:
    """The probes that could not find out, or were not tried: since when, kept for later runs."""
    from wizard.state.unverified import UnverifiedHistory

    open_ = [(one.id, one.endpoint) for one, end in found if end.status in {"unknown", "skip"}]
    memory = UnverifiedHistory(start.workspace.repository, start.existing)
    left, kept = memory.record_round(open_, start.workspace.identity.date)
    if not kept:
        console.say("note: your state folder cannot be written: what is unverified is forgotten")
    return left
