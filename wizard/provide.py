"""`secrets`: create what the store lacks, show the public deploy key, and record it in the answers.

The order makes it resumable: one write by check-and-set, then one edit of one answers file, and
the second follows from what the first left in the store.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wizard.commands import Console
from wizard.errors import ExitCode, RefusedError, UsageError, WizardError
from wizard.provide_report import Run, record, report, show, tell_written
from wizard.start import begin, open_workspace

if TYPE_CHECKING:
    from wizard.backends.vault import Vault
    from wizard.earlier import Cluster, Signs
    from wizard.proposal import Proposal
    from wizard.provisioning import Inputs, Survey
    from wizard.secrets.deploy_key import DeployKey
    from wizard.secrets.references import SecretRef

_PATIENCE = 10.0


def secrets(arguments: Namespace, console: Console) -> ExitCode:
    """Fill the store and show the public deploy key; asks on a terminal, needs --yes without."""
    from wizard.consent import require_known, target_answers

    if getattr(arguments, "all", False):
        raise UsageError("--all is for plan and check", "name one with --installation")
    if getattr(arguments, "json", False) and not getattr(arguments, "yes", False):
        raise UsageError("--json asks nothing", "run it without --json, or add --yes")
    require_known(getattr(arguments, "allow_reference", None) or ())
    if getattr(arguments, "register", None):
        _token_reference(arguments)
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
    _require_vault(proposal)
    branch = proposal.answers.repository.branch
    agreed = target_answers(workspace, start.existing, branch)
    with _vault(run, agreed) as vault:
        return _provide(run, vault, agreed)


def _require_vault(proposal: Proposal) -> None:
    release = proposal.rendering.release
    if release.store != "vault":
        raise UsageError(
            f"secrets fills Vault, and secrets.store is {release.store}",
            f"{release.runbook} has the commands that make these Secrets",
        )


@contextmanager
def _vault(run: Run, agreed: Any) -> Iterator[Vault]:
    """Vault as the operator; consent first where only the answers say which server it is."""
    from wizard.backends.vault import opened
    from wizard.backends.vault_address import address, credentials
    from wizard.consent import SERVER
    from wizard.fields import get

    own = run.proposal.answers.secrets.vault
    ca = run.proposal.rendering.release.assets.get("secrets.vault.ca.file", "")
    where = address(own.server, ca=ca, namespace=own.namespace)
    known = get(agreed, tuple(SERVER.split("."))) == own.server
    if where.source == SERVER and not known:
        run.agree({SERVER: f"Send your Vault login and new secrets to {where.url}?"})
    who = credentials()
    if who is None:
        raise _no_access(run, where.endpoint)
    with opened(where, who) as vault:
        yield vault


def _no_access(run: Run, endpoint: str) -> WizardError:
    from wizard.backends.vault_address import HOW

    name = run.proposal.answers.installation.name
    return WizardError(
        f"nothing says who you are to Vault at {endpoint}; nothing was done",
        f"{HOW}; or have somebody who may write there run it in this repository: "
        f"airflow-wizard secrets --installation {name}",
    )


def _provide(run: Run, vault: Vault, agreed: Any) -> ExitCode:
    from wizard.provisioning import Inputs, database_client, survey
    from wizard.secrets.filling import VaultStore, fill

    proposal = run.proposal
    settings = proposal.answers.secrets.store_settings(proposal.rendering.release)
    vault.mount(settings.mount)
    found = survey(proposal, VaultStore(vault, settings.mount, settings.path, settings.document))
    if not run.json:
        show(run, found, vault.identity)
    filled = None
    if found.lacking:
        _require_rights(vault, found, settings.data_path)
        _agree_to_references(run, found, agreed)
        inputs = Inputs(proposal.answers, run.start.folder, _prompt(run))
        cluster = _cluster(run) if found.of("generate") else None
        signs = found.signs(inputs, cluster, database_client(proposal))
        signs.require_none(found.of("generate"), found.store.name)
        _tell(run, signs)
        values = _ready(run, found, inputs)
        filled = fill(found.store, found.seen, values)
        tell_written(run, found, filled)
    key = found.deploy_key(filled.payload if filled else found.seen.payload)
    recorded = record(run, key) if key else ""
    left = found.of("others")
    if left:
        run.note(f"left to others: {', '.join(fact.key for fact in left)}")
    report(run, found, filled, key, recorded)
    if key is not None and getattr(run.arguments, "register", None):
        _register(run, key, agreed)
    proven = key is None or not getattr(run.arguments, "prove", False) or _proven(run, key)
    return ExitCode.DONE if proven else ExitCode.REFUSED


def _register(run: Run, key: DeployKey, agreed: Any) -> None:
    """Have the provider know the key, read-only, with the operator's token."""
    from wizard.backends.forge_api import Place, register
    from wizard.consent import REPOSITORY
    from wizard.fields import get
    from wizard.forges import api_of
    from wizard.secrets.resolve import resolve

    repo = run.proposal.answers.dags.repo
    api = api_of(repo)
    if api is None:
        raise UsageError(
            "--register: the provider's API cannot be told from dags.repo",
            "register the key on the repository's page",
        )
    place = Place(*api)  # type: ignore[arg-type]
    reference = _token_reference(run.arguments)
    if get(agreed, tuple(REPOSITORY.split("."))) != repo:
        run.agree({REPOSITORY: f"Send the token from {reference} to {place.api}?"})
    token = resolve(reference, "--register", prompt=_prompt(run))
    title = run.proposal.answers.installation.name
    done = register(place, token, f"airflow-wizard {title}", key.public)
    run.console.say(
        f"{'registered' if done.made else 'registered already'}, read-only: {place.path}"
    )
    if done.note:
        run.console.say(f"warning: {done.note}")


def _token_reference(arguments: Namespace) -> SecretRef:
    from wizard.secrets.references import SecretRef

    try:
        reference = SecretRef.parse(arguments.register)
    except ValueError:
        reference = SecretRef(store=True)
    if reference.kind not in {"env", "file", "prompt"}:
        raise UsageError("--register takes where a token comes from: env:NAME, file:PATH or prompt")
    return reference


def _proven(run: Run, key: DeployKey) -> bool:
    """Whether nothing speaks against a clone with this very key; each look outside is told."""
    import asyncio

    from wizard.backends.git_ssh import Paramiko
    from wizard.live.dags import clone_probes, clone_target, looking
    from wizard.probes import run_probes

    dags = run.proposal.answers.dags
    target = clone_target(run.proposal.answers)
    if target is None:
        run.console.say("not proven: no host key has evidence yet; `airflow-wizard plan` says more")
        return False
    look = looking(Paramiko(target, key.private))

    async def ask() -> bool:
        good = True
        async for probe, result in run_probes(
            clone_probes(target, look, writable=dags.key.writable)
        ):
            word = {"fail": "FAILED", "unknown": "unverified"}.get(result.status, result.status)
            run.console.say(f"{word}: {probe.title} ({probe.endpoint}): {result.detail}")
            if result.fix and result.status != "pass":
                run.console.say(f"  {result.fix}")
            good = good and result.status != "fail"
        return good

    return asyncio.run(ask())


def _cluster(run: Run) -> Cluster | None:
    """How the cluster of the kubeconfig is asked which Secrets it has; None without a kubeconfig.

    A context that was named has to be there.
    """
    from wizard.backends.kube import open_kube
    from wizard.live.targets import existing_secrets

    context = getattr(run.arguments, "context", "") or ""
    try:
        kube = open_kube(context, patience=_PATIENCE)
    except WizardError:
        if context:
            raise
        return None
    run.console.say(f"asking the cluster: {kube.identity}")
    return existing_secrets(kube, run.proposal.answers)


def _require_rights(vault: Vault, found: Survey, path: str) -> None:
    """Before anything is asked or made: may this login write there?"""
    needed = "update" if found.seen.version else "create"
    if not vault.capabilities([path])[path] & {needed, "root"}:
        raise RefusedError(
            f"{vault.identity} may not {needed} {path}; nothing was done",
            "ask Vault's owner for: path \"" + path + '" '
            '{ capabilities = ["create", "read", "update"] }',
        )


def _agree_to_references(run: Run, found: Survey, agreed: Any) -> None:
    from wizard.consent import new_references

    new = new_references(run.proposal.answers, found.of("given"), agreed)
    place = found.store.name
    run.agree(
        {
            key: f"{key} is new here: read {reference} and send it to {place}?"
            for key, reference in new.items()
        }
    )


def _prompt(run: Run) -> Any:
    if not run.asks:
        return None
    from getpass import getpass

    return lambda key: getpass(f"{key} (not shown): ", stream=run.console.err)


def _tell(run: Run, signs: Signs) -> None:
    for place in signs.unknown:
        run.note(
            f"not looked at: {place}. If this installation ran before, stop here and put its "
            "values into the store"
        )


def _ready(run: Run, found: Survey, inputs: Inputs) -> Any:
    """The values, once a person or --yes agreed to the write."""
    from wizard.ask import confirmed

    count = len(found.lacking)
    if not run.yes:
        if not run.asks:
            raise UsageError(
                "there is no terminal to ask on, and no --yes",
                "look at the list above, then add --yes; nothing was written",
            )
        what = "this value" if count == 1 else f"these {count} values"
        if not confirmed(run.console, f"Write {what} to {found.store.name}?"):
            raise UsageError("not confirmed; nothing was written")
    return found.values(inputs)
