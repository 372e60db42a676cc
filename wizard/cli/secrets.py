"""`secrets`: create what the store lacks, show the public deploy key, and record it in the answers.

The order makes it resumable: one write by check-and-set, then one edit of one answers file, and
the second follows from what the first left in the store.
"""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from wizard.cli.console import Console
from wizard.cli.secrets_report import (
    Run,
    asked_cluster,
    confirm,
    prompting,
    record,
    report,
    show,
    tell_unknown,
    tell_written,
)
from wizard.cli.selection import begin, open_workspace
from wizard.errors import ExitCode, RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wizard.provisioning.steps import AtStore
    from wizard.provisioning.survey import Survey
    from wizard.secrets.deploy_key import DeployKey
    from wizard.secrets.references import SecretRef
    from wizard.systems.prior_use import Cluster
    from wizard.systems.vault.payload_store import Filled
    from wizard.workspace.deploy_keys import GitKey


def secrets(arguments: Namespace, console: Console) -> ExitCode:
    """Fill the store and show the public deploy key; asks on a terminal, needs --yes without."""
    from wizard.cli.secrets_open import opened, take
    from wizard.cli.secrets_seal import hand_off, require_sound
    from wizard.provisioning.steps import at_store, way_to_store
    from wizard.workspace.consent import require_known, target_answers

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
    from wizard.cli.secrets_report import Outcome, publics

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
    from wizard.provisioning.steps import new_reads
    from wizard.provisioning.survey import Inputs

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
    from wizard.provisioning.sealed_file import require_not_handed

    name = run.proposal.answers.installation.name
    made = tuple(fact.key for fact in found.of("generate"))
    require_not_handed(run.start.workspace.repository, name, made, found.store.name)


def _register(run: Run, keys: Sequence[tuple[GitKey, DeployKey]], agreed: Any) -> None:
    """Have the provider know the keys, read-only, with the operator's one token for it."""
    from wizard.provisioning.steps import provider, register, token_question
    from wizard.secrets.resolve import resolve

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
    from wizard.provisioning.steps import token_reference

    try:
        return token_reference(arguments.register)
    except ValueError:
        raise UsageError(
            "--register takes where a token comes from: env:NAME, file:PATH or prompt"
        ) from None


def _proven(run: Run, about: GitKey, key: DeployKey) -> bool:
    """Whether nothing speaks against a clone with this very key; each look outside is told."""
    import asyncio

    from wizard.engine.probes import run_probes
    from wizard.provisioning.steps import proof

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
