"""`check --live`: runs the probes of a committed installation in parallel and prints results."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from getpass import getpass
from typing import TYPE_CHECKING, Any

from wizard.cli.console import Console, ask_confirmation
from wizard.cli.options import Options
from wizard.engine.probes import STATUS_WORDS, Probe, ProbeResult, run_probes, summarize_results
from wizard.errors import ExitCode
from wizard.formats.terminal import escape_unprintable
from wizard.probes.catalogue import collect_probes
from wizard.state.apply_journal import ApplyHistory, with_remembered_cluster
from wizard.state.unverified import UnverifiedHistory, UnverifiedProbe, format_unverified
from wizard.stores.live import live_store
from wizard.systems.cluster.target_cluster import open_probe_cluster
from wizard.systems.situation import Situation
from wizard.workspace.consent import require_reference_keys

if TYPE_CHECKING:
    from wizard.workspace.installation import CommandInput
    from wizard.workspace.proposal import Proposal


def check_live(
    options: Options, start: CommandInput, proposal: Proposal, console: Console
) -> tuple[ExitCode, dict[str, Any]]:
    """Run every probe that applies; return 4 if a probe fails, and the results as data.

    Prints one line per probe to standard output, or to standard error with --json. A probe without
    a result is listed as unverified and is not a failure. KeyboardInterrupt stops all probes at
    once.
    """
    found = _run_probes(options, start, proposal, console)
    left = _record_unverified(start, found, console)
    if not options.json:
        console.data(render_summary(start.existing, found, left))
    faulty = any(result.status == "fail" for _, result in found)
    return ExitCode.REFUSED if faulty else ExitCode.DONE, {
        "probes": [probe.to_json(result) for probe, result in found],
        "unverified": [one.id for one in left],
        "since": {one.id: one.since for one in left},
    }


def run_preflight(
    options: Options, start: CommandInput, proposal: Proposal, console: Console
) -> bool:
    """Run every probe of answers that are not committed; return whether none failed.

    Nothing is recorded: the installation does not exist yet.
    """
    found = _run_probes(options, start, proposal, console)
    console.data(render_summary(proposal.answers.installation.name, found))
    return all(result.status != "fail" for _, result in found)


def _run_probes(
    options: Options, start: CommandInput, proposal: Proposal, console: Console
) -> list[tuple[Probe, ProbeResult]]:
    """Run the probes side by side and print each result; return them in their order."""
    probes = collect_probes(_prepare_situation(options, start, proposal, console))

    def print_result(probe: Probe, result: ProbeResult) -> None:
        text = render_result(probe, result)
        if options.json:
            console.say(text)
        else:
            console.data(text)

    found = asyncio.run(_collect_results(probes, print_result))
    order = {probe.id: number for number, probe in enumerate(probes)}
    return sorted(found, key=lambda one: order[one[0].id])


async def _collect_results(
    probes: Sequence[Probe], print_result: Callable[[Probe, ProbeResult], None]
) -> list[tuple[Probe, ProbeResult]]:
    results = []
    async for probe, result in run_probes(probes):
        print_result(probe, result)
        results.append((probe, result))
    return results


def _prepare_situation(
    options: Options, start: CommandInput, proposal: Proposal, console: Console
) -> Situation:
    allowed = options.allow_reference
    require_reference_keys(allowed, proposal.answers)
    asks = sys.stdin.isatty() and not options.json
    repository = start.workspace.repository
    answers = with_remembered_cluster(proposal.answers, repository, start.existing)
    kube, no_kube = open_probe_cluster(answers, options.context)
    hub = options.argocd_context
    release = proposal.rendering.release
    return Situation(
        answers=answers,
        release=release,
        agreed=start.workspace.target_answers(start.existing),
        allowed=frozenset(allowed),
        ask=_make_confirm(console) if asks else None,
        prompt=_make_prompt(console) if asks else None,
        folder=start.folder,
        kube=kube,
        argocd=open_probe_cluster(answers, hub)[0] if hub else None,
        no_kube=no_kube,
        mint=live_store(release.store).token_source(kube, answers, release) if kube else None,
        known=ApplyHistory(repository, start.existing).target_identities(),
        repository=repository,
        proposal=proposal,
        say=console.say,
    )


def _make_confirm(console: Console) -> Any:
    return lambda question: ask_confirmation(console, question)


def _make_prompt(console: Console) -> Any:
    return lambda key: getpass(f"{key} (not shown): ", stream=console.err)


def render_result(probe: Probe, result: ProbeResult) -> str:
    """Return one probe's result as a line, with the fix on a second line."""
    # The detail may contain a server's text, which must not move the cursor.
    text = f"{STATUS_WORDS[result.status]:<10} {probe.title} ({probe.endpoint}): {result.detail}"
    shown = escape_unprintable(" ".join(text.splitlines()))
    if result.fix and result.status != "pass":
        shown += f"\n{'':<10} {escape_unprintable(' '.join(result.fix.text.splitlines()))}"
    return shown


def render_summary(
    name: str, found: Sequence[tuple[Probe, ProbeResult]], left: Sequence[UnverifiedProbe] = ()
) -> str:
    """Return one line with the counts of results, and a second with the unverified probes."""
    summary = summarize_results(result for _, result in found)
    more = f"\nnot verified {format_unverified(left)}" if left else ""
    return f"{name}: live: {summary or 'no probes'}{more}"


def _record_unverified(
    start: CommandInput, found: Sequence[tuple[Probe, ProbeResult]], console: Console
) -> tuple[UnverifiedProbe, ...]:
    """Store the probes without a result for later runs, and return them with their dates."""
    unverified = [(one.id, one.endpoint) for one, end in found if end.status in {"unknown", "skip"}]
    history = UnverifiedHistory(start.workspace.repository, start.existing)
    left, stored = history.record_round(unverified, start.workspace.identity.date)
    if not stored:
        console.say(
            "note: your state folder cannot be written, so later runs do not report unverified "
            "probes"
        )
    return left
