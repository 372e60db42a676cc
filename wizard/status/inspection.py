"""Looks at the state of an installation's next steps; nothing is changed and nothing is asked for.

The looks are those of `apply`, of `secrets` and of the clone with a deploy key. A system without a
login on this machine, or that does not answer, leaves its steps unknown, with the reason.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from wizard.answers.questions import list_secret_variables
from wizard.apply.branch import build_branch_step
from wizard.apply.connect import build_target
from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.errors import NoContextError
from wizard.deliveries.live import live_delivery
from wizard.engine.probes import run_in_thread, run_probes
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError, Fix, UsageError, WizardError
from wizard.manifests.steps import BRANCH, PUSH_COMMAND
from wizard.provisioning.steps import list_clone_probes, resolve_store
from wizard.status.next_steps import Look, list_next_steps, list_repository_steps
from wizard.stores.live import live_store
from wizard.systems.cluster.identity import build_identity_step
from wizard.workspace.deploy_keys import list_dag_keys
from wizard.workspace.merge_request import list_push_commands
from wizard.workspace.store_paths import list_store_paths

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.secrets.facts import Fact
    from wizard.status.next_steps import NextStep, State
    from wizard.stores.live import StoreRun
    from wizard.systems.store_login import StoreLogin
    from wizard.systems.target import Target
    from wizard.workspace.deploy_keys import GitKey
    from wizard.workspace.installation import CommittedInstallation

SECONDS = 30.0
# Failures of a whole system: the other steps there would fail in the same way.
_FAILED_SYSTEM = frozenset({"unreachable", "tls", "login", "sealed", "busy"})

_STATES: Mapping[str, State] = {"holds": "done", "kept": "done", "unknown": "unknown"}


@dataclass
class Inspection:
    """The looks at one installation with this machine's logins, opened once and usable again.

    `notes` say what is not looked at and why. `no_cluster` is what the steps in the cluster show
    without a client for it.
    """

    found: CommittedInstallation
    target: Target
    notes: tuple[str, ...] = ()
    no_cluster: Look | None = None
    needed: Collection[str] | None = None
    _run: StoreRun | None = None
    _looks: dict[str, Look] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._run = live_store(self.target.release.store).open_run(self.target)

    @property
    def identities(self) -> tuple[str, ...]:
        """The logins in use, one sentence each."""
        return self.target.identities

    @property
    def has_installer(self) -> bool:
        """Whether `apply` installs; otherwise somebody does so by hand."""
        return live_delivery(self.target.release.delivery).installer is not None

    @property
    def steps(self) -> tuple[NextStep, ...]:
        """The next steps as far as they have been looked at."""
        proposal = self.found.proposal
        return (
            *list_repository_steps(proposal.plan, self._complete),
            *list_next_steps(
                proposal.answers, proposal.rendering, self._looks, self._complete, self.needed
            ),
        )

    async def look_at_branch(self) -> tuple[NextStep, ...]:
        """Look at the branch only, with the login of Git; no other system is asked."""
        if self._is_listed(BRANCH.id):
            self._looks[BRANCH.id] = await _look(build_branch_step(self.target))
        return self.steps

    async def look(self) -> tuple[NextStep, ...]:
        """Look at everything, and return the next steps."""
        await asyncio.gather(self.look_at_branch(), self._look_at_systems())
        return self.steps

    def end(self) -> None:
        """Revoke the logins that were made here; may block."""
        for work in self.target.cleanups:
            work()

    def _is_listed(self, step: str) -> bool:
        return any(one.id == step for one in self.found.proposal.rendering.total.steps)

    async def _look_at_systems(self) -> None:
        target, run = self.target, self._run
        values = run.build_payload_looks(self._list_facts()) if run else ()
        await self._look_at([*values, *self._build_key_steps()])
        stored = run.build_steps() if run else ()
        delivered = self._build_delivered()
        identity, silent = build_identity_step(target), dict[str, Look]()
        if self.no_cluster is not None:
            if self.no_cluster.state == "unknown":
                await self._look_at(stored)
            left = (identity, *stored, *delivered)
            self._looks |= {one.id: self.no_cluster for one in left if one.id not in self._looks}
            return
        look = self._looks[identity.id] = await _look(identity, silent)
        if silent:
            self._looks |= {step.id: look for step in (*stored, *delivered)}
        elif look.state == "open":
            # What another cluster has says nothing about this installation.
            other = Look("unknown", f"not checked: {look.detail}", look.fix)
            self._looks |= {step.id: other for step in (*stored, *delivered)}
        else:
            await self._look_at((*stored, *delivered))

    def _build_delivered(self) -> Sequence[Step]:
        live = live_delivery(self.target.release.delivery)
        if live.installer is None:
            return live.list_looks(self.target)
        return live.installer.build_steps(self.target)

    async def _look_at(self, steps: Sequence[Step]) -> None:
        """Look at the steps that are listed, one after the other; skip a system that failed."""
        failed: dict[str, Look] = {}
        for step in steps:
            if not self._is_listed(step.id):
                continue
            look = failed.get(step.endpoint) or await _look(step, failed)
            self._looks[step.id] = look

    def _list_facts(self) -> dict[str, Sequence[Fact]]:
        paths = list_store_paths(self.found.proposal)
        return {path.store.reader: path.facts for path in paths}

    def _build_key_steps(self) -> list[Step]:
        login = self._run.login if self._run and self.target.access is not None else None
        return [self._build_key_step(login, key) for key in list_dag_keys(self.target.answers)]

    def _build_key_step(self, login: StoreLogin | None, key: GitKey) -> Step:
        answers = self.target.answers
        facts = {fact.key: fact for fact in self._list_facts().get("", ())}

        async def check() -> StepStatus:
            if login is None:
                return StepStatus("unknown", "not tried: the private key is not read from here")
            payload, why = await run_in_thread(login.read_payload)
            if payload is None:
                return StepStatus("unknown", why)
            fact = facts.get(key.fact)
            value = payload.get(fact) if fact else None
            if value is None:
                return StepStatus("wanted", f"{login.place} has no key yet")
            probes = list_clone_probes(answers, SecretStr(value), key)
            results = [result async for _, result in run_probes(probes)]
            wrong = [one for one in results if one.status == "fail"]
            unseen = [one for one in results if one.status in {"unknown", "skip"}]
            if wrong:
                return StepStatus("wanted", wrong[0].detail, wrong[0].fix)
            if unseen:
                return StepStatus("unknown", unseen[0].detail, unseen[0].fix)
            return StepStatus("holds", f"the key can read {key.location.host}/{key.location.path}")

        return Step(key.step, "", "platform", key.location.host, check)

    def _complete(self, command: str) -> str:
        """Return a command as it is typed in the folder in which this process runs."""
        repository, release = self.target.repository, self.target.release
        folder = repository.top / repository.prefix if repository.prefix else repository.top
        here = Path.cwd() == folder
        place = shlex.quote(str(folder))
        if command.startswith("airflow-wizard "):
            option = "" if here else f" --repo {place}"
            return f"{command} --installation {release.installation}{option}"
        if command == PUSH_COMMAND:
            branch = repository.head.branch or self.target.answers.repository.branch
            command = next(iter(list_push_commands(repository, branch)), "")
            return command if here or not command else command.replace("git", f"git -C {place}", 1)
        return command if here or not command else f"cd {place} && {command}"


def open_inspection(
    found: CommittedInstallation,
    *,
    context: str = "",
    argocd_context: str = "",
    needed: Collection[str] | None = None,
) -> Inspection:
    """Return the looks at a committed installation; nothing is sent yet.

    A store whose address is not on the target branch yet is not asked: it could be anybody's, and
    would get the login. Raises UsageError for a context that does not exist.
    """
    proposal = found.proposal
    answers, release = proposal.answers, proposal.rendering.release
    hidden = list_secret_variables(answers)
    notes: list[str] = []
    no_cluster: Look | None = None
    kube: Kube | None = None
    own = live_delivery(release.delivery).context(release)
    try:
        kube = open_kube(context or own, hidden=hidden)
    except UsageError as error:
        if own and not context:
            # A cluster of this machine: without its context, it was not created.
            no_cluster = Look("open", f"there is no kubeconfig context {own}, so no cluster")
        elif isinstance(error, NoContextError) and not context:
            no_cluster = Look(
                "unknown", "no kubeconfig context names the cluster", Fix("name it with --context")
            )
        else:
            raise
    argocd = open_kube(argocd_context, hidden=hidden) if argocd_context else kube
    target = build_target(found, kube=kube, argocd=argocd, context=context or own)
    live = live_store(release.store)
    if live.locate is not None and target.access is not None:
        agreed = found.start.workspace.target_answers(found.name)
        asks = resolve_store(
            proposal, agreed, found.start.workspace.repository, context
        ).required_consent
        if asks:
            target = build_target(
                found, kube=kube, argocd=argocd, context=context or own, has_access=False
            )
            notes += [f"not asked: {text}" for text in asks.values()]
    elif target.access is None and live.missing_access:
        notes.append(live.missing_access)
    return Inspection(found, target, tuple(notes), no_cluster, needed)


async def _look(step: Step, failed: dict[str, Look] | None = None) -> Look:
    """Return the state of a step; adds its endpoint to `failed` if the whole system fails."""
    try:
        status = await asyncio.wait_for(step.check(), SECONDS)
    except TimeoutError:
        look = Look("unknown", f"no answer within {SECONDS:.0f} seconds")
        if failed is not None:
            failed[step.endpoint] = look
        return look
    except WizardError as error:
        return _judge_error(error, step, failed)
    except Exception as error:  # not its text, which may hold a value
        return Look("unknown", f"the check itself failed ({type(error).__name__})")
    if status.is_unread:
        return Look("unknown", status.detail, status.fix)
    return Look(_STATES.get(status.state, "open"), status.detail, status.fix)


def _judge_error(error: WizardError, step: Step, failed: dict[str, Look] | None) -> Look:
    """Return unknown for a system that gave no answer, and open for what a person must decide."""
    kind = getattr(error, "kind", "")
    if (kind and not isinstance(error, ConflictError)) or isinstance(error, UsageError):
        look = Look("unknown", error.message, error.fix)
        if failed is not None and kind in _FAILED_SYSTEM:
            failed[step.endpoint] = look
        return look
    return Look("open", error.message, error.fix)
