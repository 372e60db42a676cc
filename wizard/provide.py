"""`secrets`: create what the store lacks, show the public deploy key, and record it in the answers.

The order makes it resumable: one write by check-and-set, then one edit of one answers file, and
the second follows from what the first left in the store.
"""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from wizard.commands import Console
from wizard.errors import ExitCode, RefusedError, UsageError
from wizard.provide_report import Run, record, report, show, tell_written
from wizard.start import begin, open_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wizard.earlier import Cluster, Signs
    from wizard.git_keys import GitKey
    from wizard.provisioning import Survey
    from wizard.secrets.deploy_key import DeployKey
    from wizard.secrets.filling import Filled
    from wizard.secrets.references import SecretRef
    from wizard.storing import AtStore


def secrets(arguments: Namespace, console: Console) -> ExitCode:
    """Fill the store and show the public deploy key; asks on a terminal, needs --yes without."""
    from wizard.consent import require_known, target_answers
    from wizard.handoff_make import hand_off, require_sound
    from wizard.handoff_take import opened, take
    from wizard.storing import at_store, way_to_store

    if getattr(arguments, "all", False):
        raise UsageError("--all is for plan and check", "name one with --installation")
    if getattr(arguments, "json", False) and not getattr(arguments, "yes", False):
        raise UsageError("--json asks nothing", "run it without --json, or add --yes")
    require_known(getattr(arguments, "allow_reference", None) or ())
    if getattr(arguments, "register", None):
        _token_reference(arguments)
    require_sound(arguments)
    workspace = open_workspace(arguments, console, create=bool(getattr(arguments, "yes", False)))
    start = begin(arguments, workspace)
    if not start.given:
        raise UsageError(
            "there are no answers to work with",
            "give --preset NAME, --answers FILE or --set KEY=VALUE" + workspace.elsewhere(),
        )
    proposal = workspace.propose(
        start.data, typed=start.typed, existing=start.existing, folder=start.folder
    )
    run = Run(arguments, console, start, proposal)
    agreed = target_answers(workspace, start.existing, proposal.answers.repository.branch)
    way = way_to_store(proposal, agreed)
    if getattr(arguments, "hand_off", None):
        return hand_off(run, agreed)
    handed = opened(run, way) if getattr(arguments, "take", None) else None
    # Only the answers say which server it is: consent before anything is sent.
    run.agree(way.question)
    with at_store(way, way.login()) as session:
        return _provide(run, session, agreed) if handed is None else take(run, session, handed)


def _provide(run: Run, session: AtStore, agreed: Any) -> ExitCode:
    from wizard.provide_report import Outcome, publics

    every = session.every()
    if not run.json:
        for one in every:
            show(run, one.found, f"as {one.vault.identity}")
    outcomes = []
    cluster = asked_cluster(run) if any(one.found.of("generate") for one in every) else None
    for one in every:
        filled = _filled(run, one, agreed, cluster) if one.found.lacking else None
        outcomes.append(Outcome(one.found, filled, one.key(filled)))
    recorded = record(run, publics(outcomes))
    left = [fact.key for one in every for fact in one.found.of("others")]
    if left:
        run.note(f"left to others: {', '.join(left)}")
    report(run, outcomes, recorded)
    keys = [(about, one.key) for one in outcomes if one.key and (about := one.found.git_key)]
    if keys and getattr(run.arguments, "register", None):
        _register(run, keys, agreed)
    if not keys or not getattr(run.arguments, "prove", False):
        return ExitCode.DONE
    proven = [_proven(run, about, key) for about, key in keys]
    return ExitCode.DONE if all(proven) else ExitCode.REFUSED


def _filled(run: Run, session: AtStore, agreed: Any, cluster: Cluster | None) -> Filled:
    """Make and write what lacks at one path, once it is agreed to."""
    from wizard.provisioning import Inputs
    from wizard.storing import new_reads

    found = session.found
    _require_not_handed(run, found)
    session.require_rights()
    run.agree(new_reads(run.proposal, found.items, found.store.name, agreed))
    inputs = Inputs(run.proposal.answers, run.start.folder, prompting(run))
    tell_unknown(run, session.signs(inputs, cluster))
    confirm(run, len(found.lacking), found.store.name)
    filled = session.fill(inputs)
    tell_written(run, found, filled)
    return filled


def _require_not_handed(run: Run, found: Survey) -> None:
    from wizard.handoff import require_not_handed

    name = run.proposal.answers.installation.name
    made = tuple(fact.key for fact in found.of("generate"))
    require_not_handed(run.start.workspace.repository, name, made, found.store.name)


def _register(run: Run, keys: Sequence[tuple[GitKey, DeployKey]], agreed: Any) -> None:
    """Have the provider know the keys, read-only, with the operator's one token for it."""
    from wizard.secrets.resolve import resolve
    from wizard.storing import provider, register, token_question

    reference = _token_reference(run.arguments)
    answers = run.proposal.answers
    first = provider(answers, keys[0][0])
    if first is None:
        raise UsageError(
            f"--register: the provider's API cannot be told from {keys[0][0].repository}",
            "register the key on the repository's page",
        )
    token = None
    for about, key in keys:
        place = provider(answers, about)
        if place is None or place.api != first.api:
            run.note(f"{about.title} is not registered: the token is for {first.api}")
            continue
        run.agree(token_question(about, place, reference, agreed))
        token = token or resolve(reference, "--register", prompt=prompting(run))
        done = register(answers, place, token, key.public)
        run.console.say(
            f"{'registered' if done.made else 'registered already'}, read-only: {place.path}"
        )
        if done.note:
            run.console.say(f"warning: {done.note}")


def _token_reference(arguments: Namespace) -> SecretRef:
    from wizard.storing import token_reference

    try:
        return token_reference(arguments.register)
    except ValueError:
        raise UsageError(
            "--register takes where a token comes from: env:NAME, file:PATH or prompt"
        ) from None


def _proven(run: Run, about: GitKey, key: DeployKey) -> bool:
    """Whether nothing speaks against a clone with this very key; each look outside is told."""
    import asyncio

    from wizard.probes import run_probes
    from wizard.storing import proof

    try:
        probes = proof(run.proposal.answers, key.private, about)
    except RefusedError as error:
        run.console.say(f"{error.message}; {error.hint}")
        return False

    async def ask() -> bool:
        good = True
        async for probe, result in run_probes(probes):
            word = {"fail": "FAILED", "unknown": "unverified"}.get(result.status, result.status)
            run.console.say(f"{word}: {probe.title} ({probe.endpoint}): {result.detail}")
            if result.fix and result.status != "pass":
                run.console.say(f"  {result.fix}")
            good = good and result.status != "fail"
        return good

    return asyncio.run(ask())


def asked_cluster(run: Run) -> Cluster | None:
    """How the cluster of the kubeconfig is asked which Secrets it has; None without a kubeconfig.

    A context that was named has to be there.
    """
    from wizard.storing import cluster_to_ask

    context = getattr(run.arguments, "context", "") or ""
    cluster, identity = cluster_to_ask(run.proposal.answers, context)
    if cluster is not None:
        run.console.say(f"asking the cluster: {identity}")
    return cluster


def prompting(run: Run) -> Any:
    """How values are asked for without echo; None without a terminal."""
    if not run.asks:
        return None
    from getpass import getpass

    return lambda key: getpass(f"{key} (not shown): ", stream=run.console.err)


def tell_unknown(run: Run, signs: Signs) -> None:
    """The places where an earlier life could not be looked for."""
    for place in signs.unknown:
        run.note(
            f"not looked at: {place}. If this installation ran before, stop here and put its "
            "values into the store"
        )


def confirm(run: Run, count: int, place: str) -> None:
    """A person or --yes agrees to the write of so many values."""
    from wizard.ask import confirmed

    if run.yes:
        return
    if not run.asks:
        raise UsageError(
            "there is no terminal to ask on, and no --yes",
            "look at the list above, then add --yes; nothing was written",
        )
    what = "this value" if count == 1 else f"these {count} values"
    if not confirmed(run.console, f"Write {what} to {place}?"):
        raise UsageError("not confirmed; nothing was written")
