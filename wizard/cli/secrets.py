"""`secrets`: create missing values in the store, show the public deploy key and record it.

The command can be repeated after an interruption: it first writes to the store with
check-and-set, then writes the key that the store contains into one answers file.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from wizard.cli.console import Console
from wizard.cli.options import Options
from wizard.cli.secrets_open import open_hand_off, take_hand_off
from wizard.cli.secrets_report import (
    RESTORE,
    UNCHECKED_USE,
    Outcome,
    SecretsPlan,
    SecretsRun,
    collect_public_keys,
    confirm_write,
    describe_unwritten,
    make_prompt,
    open_run_cluster,
    print_items,
    record_public_keys,
    report_outcomes,
    report_written,
    require_known_use,
)
from wizard.cli.secrets_seal import hand_off, require_valid_options
from wizard.cli.selection import open_workspace, read_command_input
from wizard.engine.probes import run_probes
from wizard.errors import ExitCode, RefusedError, UsageError, WizardError
from wizard.formats.messages import UNKNOWN_KEY, show_name
from wizard.provisioning.sealed_file import require_no_earlier_hand_off
from wizard.provisioning.steps import (
    StoreSession,
    find_provider_api,
    list_clone_probes,
    list_login_consents,
    list_login_probes,
    list_read_consents,
    list_token_consents,
    open_store,
    parse_token_reference,
    register_key,
    resolve_store,
)
from wizard.provisioning.survey import Inputs
from wizard.secrets.resolve import resolve_reference
from wizard.stores.registry import store_kind
from wizard.workspace.consent import require_reference_keys

if TYPE_CHECKING:
    from wizard.engine.probes import Probe
    from wizard.provisioning.survey import Survey
    from wizard.secrets.deploy_key import KeyPair
    from wizard.secrets.references import SecretRef
    from wizard.systems.payload_store import FillResult
    from wizard.systems.prior_use import SecretLookup
    from wizard.workspace.deploy_keys import GitKey


def run_secrets(options: Options, console: Console) -> ExitCode:
    """Fill the store and show the public deploy key; asks on a terminal, otherwise needs --yes."""
    if options.all:
        raise UsageError("--all is for plan and check", "name one with --installation")
    if options.json and not options.yes:
        raise UsageError("--json needs --yes", "run it without --json, or add --yes")
    _require_acceptable(options)
    if options.register:
        _token_reference(options)
    require_valid_options(options)
    if options.take_over:
        from wizard.apply.prepare import parse_take_overs

        parse_take_overs(options.take_over)
    workspace = open_workspace(options, console, create=options.yes)
    start = read_command_input(options, workspace)
    if not start.given:
        raise UsageError(
            "there are no answers",
            "give --preset NAME, --answers FILE or --set KEY=VALUE"
            + workspace.other_installations_hint(),
        )
    proposal = workspace.propose(
        start.data, typed=start.typed, existing=start.existing, folder=start.folder
    )
    require_reference_keys(options.allow_reference, proposal.answers)
    run = SecretsRun(options, console, start, proposal)
    outline = store_kind(proposal.rendering.release.store).outline
    if outline is not None and not _asks_for_store(options):
        return _show_outline(run, outline(proposal.rendering.release, proposal.rendering.total))
    agreed = workspace.target_answers(start.existing)
    target = resolve_store(proposal, agreed, workspace.repository, options.context)
    if options.hand_off:
        return hand_off(run, agreed)
    file = open_hand_off(run, target) if options.take else None
    # The server's address comes from the answers alone: ask before anything is sent to it.
    run.require_consent(target.required_consent)
    with open_store(target, target.login()) as session:
        return (
            _fill_store(run, session, agreed) if file is None else take_hand_off(run, session, file)
        )


def _require_acceptable(options: Options) -> None:
    """Raise UsageError for a name of --accept that this command never asks about."""
    known = (RESTORE, UNCHECKED_USE)
    for name in options.accept:
        if name not in known:
            raise UsageError(
                f"--accept {show_name(name, known) or UNKNOWN_KEY}: secrets asks for no such yes",
                f"use one of: {', '.join(known)}",
            )


def _asks_for_store(options: Options) -> bool:
    return any((options.hand_off, options.take, options.register, options.prove))


def _show_outline(run: SecretsRun, outline: str) -> ExitCode:
    """Print the Secrets that others make; the wizard creates nothing."""
    needed = run.proposal.rendering.total.needed
    name = run.proposal.answers.installation.name
    namespace = run.proposal.rendering.release.namespace
    if run.json:
        keys = [{"secret": one.secret, "key": one.key, "question": one.question} for one in needed]
        run.console.data(json.dumps({"namespace": namespace, "created": [], "needed": keys}))
        return ExitCode.DONE
    run.console.data(outline)
    run.note(
        "nothing was created: somebody else makes these Secrets (Sealed Secrets, SOPS, Terraform, "
        f"or a person) in namespace {namespace}, with values that the comments describe"
    )
    run.note(f"once they exist: airflow-wizard check --live --installation {name}")
    return ExitCode.DONE


def _fill_store(run: SecretsRun, session: StoreSession, agreed: Any) -> ExitCode:
    every = session.open_all_paths()
    for text in dict.fromkeys(text for one in every for text in one.warnings):
        run.note(text)
    if not run.json:
        for one in every:
            print_items(run, one.found, f"as {one.store.identity}")
    outcomes: list[Outcome] = []
    cluster = (
        open_run_cluster(run)
        if any(one.found.facts_in_state("generate") for one in every)
        else None
    )
    run.require_own_clone(every)
    # Whose every path is comes before the first write to one of them.
    seals = [run.agree_to_claim(one.found) for one in every]
    plans = [SecretsPlan.of(run, one) for one in every]
    for one, seal, plan in zip(every, seals, plans, strict=True):
        try:
            missing = one.found.missing_facts
            filled = _fill_store_path(run, one, agreed, cluster, seal) if missing else None
            plan.carry_out(filled)
        except WizardError as error:
            error.message += describe_unwritten([each.found for each in every], outcomes)
            raise
        outcomes.append(Outcome(one.found, filled, one.key(filled)))
    recorded = record_public_keys(run, collect_public_keys(outcomes))
    left = [fact.key for one in every for fact in one.found.facts_in_state("others")]
    if left:
        run.note(f"left to others: {', '.join(left)}")
    report_outcomes(run, outcomes, recorded)
    keys = [(about, one.key) for one in outcomes if one.key and (about := one.found.git_key)]
    if run.options.register and (registrable := [*_list_registrable(outcomes)]):
        _register_keys(run, registrable, agreed)
    if not run.options.prove:
        return ExitCode.DONE
    proven = [_prove_clone(run, about, key) for about, key in keys]
    proven += [_prove_logins(run, one, agreed) for one in outcomes]
    return ExitCode.DONE if all(proven) else ExitCode.REFUSED


def _list_registrable(outcomes: Iterable[Outcome]) -> Iterator[tuple[GitKey, KeyPair]]:
    """Yield the deploy keys of the repositories, and the bundles' keys that were generated here."""
    for one in outcomes:
        for about, key in one.keys:
            if not about.label or about.answer.kind == "generate":
                yield about, key


def _fill_store_path(
    run: SecretsRun, session: StoreSession, agreed: Any, cluster: SecretLookup | None, seal: str
) -> FillResult:
    """Create and write the missing values of one store path, after confirmation.

    `seal` is that of a yes to a payload whose owner is unknown.
    """
    found = session.found
    _require_no_handoff(run, found)
    if note := session.require_rights():
        run.note(note)
    if found.restore_question:
        run.require_acceptance(RESTORE, found.restore_question)
    run.require_consent(list_read_consents(run.proposal, found.items, found.store.name, agreed))
    inputs = Inputs(run.proposal.answers, run.start.folder, make_prompt(run))
    require_known_use(run, found, session.signs(inputs, cluster))
    confirm_write(run, len(found.missing_facts), found.store.name)
    filled = session.fill(inputs, seal)
    report_written(run, found, filled)
    return filled


def _require_no_handoff(run: SecretsRun, found: Survey) -> None:
    name = run.proposal.answers.installation.name
    made = tuple(fact.key for fact in found.facts_in_state("generate"))
    require_no_earlier_hand_off(run.start.workspace.repository, name, made, found.store.name)


def _register_keys(run: SecretsRun, keys: Sequence[tuple[GitKey, KeyPair]], agreed: Any) -> None:
    """Register the keys, read-only, at the provider of the first key, with the given token."""
    reference = _token_reference(run.options)
    answers = run.proposal.answers
    first = find_provider_api(answers, keys[0][0])
    if first is None:
        raise UsageError(
            f"--register: {keys[0][0].repository} is not at a provider with a known API",
            "register the key on the repository's page",
        )
    token = None
    for about, key in keys:
        place = find_provider_api(answers, about)
        if place is None or place.api != first.api:
            run.note(f"{about.title} not registered: the token is for {first.api}")
            continue
        run.require_consent(list_token_consents(about, place, reference, agreed))
        token = token or resolve_reference(reference, "--register", prompt=make_prompt(run))
        done = register_key(answers, place, token, key.public)
        run.console.say(
            f"{'registered' if done.made else 'already registered'}, read-only: {place.path}"
        )
        if done.note:
            run.console.say(f"warning: {done.note}")


def _token_reference(options: Options) -> SecretRef:
    try:
        return parse_token_reference(options.register)
    except ValueError:
        raise UsageError(
            "--register needs a reference to the token", "give env:NAME, file:PATH or prompt"
        ) from None


def _prove_clone(run: SecretsRun, about: GitKey, key: KeyPair) -> bool:
    """Clone with this key and print each probe's result; return False if one of them failed."""
    try:
        probes = list_clone_probes(run.proposal.answers, key.private, about)
    except RefusedError as error:
        run.console.say(f"{error.message}; {error.hint}")
        return False
    return _report_probes(run, probes)


def _prove_logins(run: SecretsRun, one: Outcome, agreed: Any) -> bool:
    """Clone with the tokens and the further keys at this path; False if one of them failed."""
    probes = list_login_probes(one.found, one.payload)
    if probes:
        run.require_consent(list_login_consents(one.found, agreed))
    return _report_probes(run, probes)


def _report_probes(run: SecretsRun, probes: Sequence[Probe]) -> bool:
    """Run probes and print each result; return False if one of them failed."""

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
