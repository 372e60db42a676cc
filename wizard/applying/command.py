"""`apply`: make live what was committed, in the order of its actions; safe to repeat."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.applied import Journal
from wizard.applying.progress import line
from wizard.commands import Console
from wizard.errors import ConflictError, ExitCode, RefusedError, UsageError
from wizard.standing import was_shown
from wizard.start import Start, begin, looked_at

if TYPE_CHECKING:
    from wizard.actions import Action, Event
    from wizard.applying.target import Target
    from wizard.proposal import Proposal

# What an interrupted run may still wait for, beside the lock's own.
QUIT_SECONDS = 0.3
_GIVEN = ("answers", "preset", "set", "host_key_fingerprint")


def apply(arguments: Namespace, console: Console) -> ExitCode:
    """Show what will be done and as whom, ask, do it, wait, verify.

    0 when everything holds or could not be read, 5 when another's object is in the way, 6 when a
    step failed; 130 after Ctrl-C, within a second, with what was done and what is left.
    """
    _require_plain(arguments)
    start = begin(arguments, looked_at(arguments))
    if not start.existing:
        raise UsageError(
            "there is no committed installation to apply",
            "commit one first: airflow-wizard commit" + start.workspace.elsewhere(),
        )
    proposal = start.workspace.propose(start.data, existing=start.existing)
    require_committed(proposal)
    require_planned(start, proposal, getattr(arguments, "plan", None))
    from wizard.applying.steps import steps
    from wizard.backends.vault_address import HOW

    target = opened_target(arguments, start, proposal)
    actions = steps(target, getattr(arguments, "only", None))
    if target.vault is None and target.kube is None:
        raise UsageError(
            "nothing says who you are, neither to Vault nor to a cluster",
            f"{HOW}; and name a kubeconfig context with --context, or export KUBECONFIG",
        )
    _show(target, actions, console)
    if not arguments.dry_run:
        _confirm(arguments, console)
    return _carried_out(target, actions, arguments, console)


def _carried_out(
    target: Target, actions: tuple[Action, ...], arguments: Namespace, console: Console
) -> ExitCode:
    told: list[Event] = []
    try:
        asyncio.run(_run(target, actions, arguments, console, told))
    except KeyboardInterrupt:
        for event in interrupted(actions, told):
            _tell(event, arguments, console)
            told.append(event)
        _outcome(told, console)
        console.say("interrupted; what is done stays: run apply again, it goes on from there")
        _end(target, QUIT_SECONDS)
        return ExitCode.INTERRUPTED
    _end(target)
    return _outcome(told, console)


def _require_plain(arguments: Namespace) -> None:
    if getattr(arguments, "all", False):
        raise UsageError("--all is for plan and check", "name one with --installation")
    for name in _GIVEN:
        if getattr(arguments, name, None):
            option = name.replace("_", "-")
            raise UsageError(
                f"apply takes no --{option}: it applies what is committed",
                "change and commit first: airflow-wizard set KEY=VALUE --yes",
            )


def require_committed(proposal: Proposal) -> None:
    """Refuse what is not exactly committed, checked and agreed on.

    Raises ConflictError where the answers lead to other files than those that stand, RefusedError
    for failed checks and deliveries that have nothing to apply.
    """
    plan = proposal.plan
    plan.require_decided()
    if plan.refused:
        raise RefusedError("checks fail on what is committed", "`airflow-wizard check` shows them")
    if plan.differs:
        raise ConflictError(
            "the committed answers lead to other files than those that are committed",
            "look with `airflow-wizard plan`, then `airflow-wizard commit`",
        )
    if proposal.answers.delivery.kind != "argocd":
        raise RefusedError(
            f"delivery {proposal.answers.delivery.kind} is made by hand",
            f"{proposal.rendering.release.runbook} has the commands",
        )


def require_planned(start: Start, proposal: Proposal, plan: str | None) -> None:
    """Hold what stands against what was shown: the given plan, else the commit's trailer.

    Raises ConflictError when they differ, UsageError for a file that is no plan.
    """
    digest = proposal.plan.digest
    if plan is not None:
        if _planned(Path(plan), proposal.plan.installation) != digest:
            raise ConflictError(
                f"{plan} is not about what stands now: files, actions or targets differ",
                f"look again: airflow-wizard plan --out {plan}",
            )
        return
    if not was_shown(start.workspace.repository, digest):
        raise ConflictError(
            "what stands is not what a commit of the wizard showed: it was changed since",
            "look at it and apply exactly that: airflow-wizard plan --out FILE, then "
            "airflow-wizard apply FILE",
        )


def _planned(path: Path, installation: str) -> str:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        name, digest = found["installation"], found["digest"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"{path} is no plan that can be read", "airflow-wizard plan --out FILE writes one"
        ) from None
    if name != installation:
        raise UsageError(f"{path} is about installation {name}", "give the plan of this one")
    return str(digest)


def opened_target(arguments: Namespace, start: Start, proposal: Proposal) -> Target:
    """The files as committed, and the clients this machine is set up for; nothing is sent."""
    from wizard.applying.target import Target
    from wizard.backends.vault_address import address, credentials

    answers, rendering = proposal.answers, proposal.rendering
    own = answers.secrets.vault
    who = credentials() if answers.secrets.store == "vault" else None
    vault = None
    if who is not None:
        ca = rendering.release.assets.get("secrets.vault.ca.file", "")
        vault = (address(own.server, ca=ca, namespace=own.namespace), who)
    context = getattr(arguments, "context", "") or ""
    hub = getattr(arguments, "argocd_context", "") or ""
    kube = _kube(context, named=bool(context))
    changes = [change for change in proposal.plan.changes if change.new is not None]
    return Target(
        answers,
        rendering.release,
        start.workspace.repository,
        proposal.plan.digest,
        {c.logical: c.new for c in changes if c.logical and not c.is_base and c.new is not None},
        {change.path: change.new for change in changes if change.new is not None},
        vault,
        kube,
        _kube(hub, named=True) if hub else kube,
        Journal(start.workspace.repository, start.existing).met(),
    )


def _kube(context: str, *, named: bool) -> Any:
    """The client of a context; None where there is no kubeconfig and none was asked for."""
    from wizard.backends.kube import open_kube

    try:
        return open_kube(context)
    except UsageError:
        if named:
            raise
        return None


def _show(target: Target, actions: tuple[Action, ...], console: Console) -> None:
    console.say(f"apply {target.answers.installation.name} ({target.digest[:19]})")
    for who in target.identities:
        console.say(f"  as  {who}")
    if target.vault is None and target.answers.secrets.store == "vault":
        from wizard.backends.vault_address import HOW

        console.say(f"  Vault is left to its owner: nothing says who you are there ({HOW})")
    if target.kube is None:
        console.say("  the cluster is left to its owner: no kubeconfig context (--context)")
    for action in actions:
        console.say(f"  {action.title} [{action.owner}] {action.endpoint}")


def _confirm(arguments: Namespace, console: Console) -> None:
    import sys

    from wizard.ask import confirmed

    if getattr(arguments, "yes", False):
        return
    if getattr(arguments, "json", False) or not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask on, and no --yes",
            "look with --dry-run, then add --yes",
        )
    if not confirmed(console, "Do this?"):
        raise UsageError("not confirmed; nothing was applied")


async def _run(
    target: Target,
    actions: tuple[Action, ...],
    arguments: Namespace,
    console: Console,
    told: list[Event],
) -> None:
    from wizard.actions import run_actions
    from wizard.applying.lock import RunLock

    kept = True
    journal = None if arguments.dry_run else Journal(target.repository, target.release.installation)
    if journal:
        journal.begin(target.digest)
    async with RunLock.of(target) as lock:
        async for event in run_actions(lock.guard(actions), dry_run=arguments.dry_run):
            told.append(event)
            _tell(event, arguments, console)
            if journal and event.ended and event.state != "left":
                kept = journal.ended(event.id, event.state, target.met)
        if lock.note and any(event.state == "changed" for event in told):
            console.say(f"warning: {lock.note}")
    if not kept:
        console.say("note: your state folder cannot be written: which targets these were is lost")


def _tell(event: Event, arguments: Namespace, console: Console) -> None:
    if getattr(arguments, "json", False):
        console.data(json.dumps(event.to_json()))
    elif event.state != "checking":
        for text in line(event):
            console.say(text)


def interrupted(actions: Sequence[Action], told: Sequence[Event]) -> Iterator[Event]:
    """What is left of a run that was interrupted after these events."""
    from wizard.actions import Event

    ended = {event.id for event in told if event.ended}
    last = {event.id: event.state for event in told}
    for action in actions:
        if action.id not in ended:
            under_way = last.get(action.id) == "changing"
            detail = "interrupted while it was made: it may have been" if under_way else ""
            yield Event(action.id, action.title, action.owner, "left", detail)


def _end(target: Target, seconds: float | None = None) -> None:
    """Revoke what was logged in; with `seconds` no longer than that."""
    import threading

    def work() -> None:
        for end in target.ends:
            end()

    thread = threading.Thread(target=work, name="end", daemon=True)
    thread.start()
    thread.join(seconds)


def _outcome(events: list[Event], console: Console) -> ExitCode:
    counts = Counter(event.state for event in events if event.ended)
    console.say(", ".join(f"{number} {state}" for state, number in counts.items()))
    if counts["blocked"]:
        return ExitCode.CONFLICT
    return ExitCode.PARTIAL if counts["failed"] else ExitCode.DONE
