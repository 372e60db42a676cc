"""Scripted runs for the apply page: the events of the engine, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from textual.pilot import Pilot

from screens.app import WizardApp
from screens.host import Host
from screens.pages.apply.options import ApplyOptions
from screens.pages.apply.page import ApplyScreen
from tests.screens.support import app_of, press, wizard
from tests.support.screens import frame, processed, settled
from wizard.apply.prepare import PreparedRun
from wizard.apply.run import Run
from wizard.engine.steps import Step, StepEvent, StepStatus
from wizard.errors import Fix, WizardError
from wizard.workspace.proposal import CommitResult

VAULT = "vault.example.internal:8200"
KUBE = "context prod: https://api.prod.example:6443 as ada (runs `kubelogin get-token`)"
STEPS: Sequence[tuple[str, str, str, str]] = (
    ("cluster.identity", "Compare the cluster with the recorded cluster", "me", KUBE),
    ("vault.mount", "Mount KV version 2 at secret", "vault", VAULT),
    ("vault.policy", "Write policy airflow-external-secrets-read", "vault", VAULT),
    ("vault.auth", "Set up auth mount kubernetes", "vault", VAULT),
    ("vault.role", "Write role external-secrets-airflow", "vault", VAULT),
    ("git.branch", "Wait until the branch holds the planned files", "me", "git.example.com"),
    ("argocd.known-hosts", "Add the SSH host keys of this repository to Argo CD", "platform", KUBE),
    ("argocd.project", "Create AppProject airflow", "platform", KUBE),
    ("argocd.application", "Create Application airflow", "platform", KUBE),
    ("verify.store", "Wait until the store is valid", "me", KUBE),
    ("verify.secrets", "Wait until the Secrets exist", "me", KUBE),
    ("verify.application", "Wait until the Application is synced and healthy", "me", KUBE),
    ("verify.migrations", "Wait until the database is migrated", "me", KUBE),
    ("verify.airflow", "Wait until Airflow is healthy", "me", KUBE),
)
IDENTITIES = (
    "Vault at https://vault.example.internal:8200 (VAULT_ADDR): the token from VAULT_TOKEN",
    f"cluster: {KUBE}",
)


@dataclass
class Clock:
    """A clock that only a test advances."""

    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


class Scripted(Run):
    """A run that yields the events in `script`; None ends it."""

    def __init__(self, plan: ScriptedPlan, *, dry_run: bool) -> None:
        super().__init__(plan.target, plan.planned_steps, dry_run=dry_run)
        self.script: asyncio.Queue[StepEvent | None] = asyncio.Queue()
        self.closed = False

    async def events(self) -> AsyncIterator[StepEvent]:
        try:
            while (event := await self.script.get()) is not None:
                self.past_events.append(event)
                yield event
                self.script.task_done()
            self.script.task_done()
        finally:
            self.closed = True


@dataclass(frozen=True)
class ScriptedPlan(PreparedRun):
    """A plan that keeps its runs for the test."""

    runs: list[Scripted] = field(default_factory=list)

    @property
    def missing_logins(self) -> tuple[str, ...]:
        return ()

    def run(self, *, dry_run: bool = False) -> Run:
        self.runs.append(Scripted(self, dry_run=dry_run))
        return self.runs[-1]


async def _never() -> StepStatus:
    raise AssertionError


def scripted(
    steps: Sequence[tuple[str, str, str, str]] = STEPS, identities: Sequence[str] = IDENTITIES
) -> ScriptedPlan:
    """Return a plan of these steps; each has id, title, owner and endpoint."""
    release = SimpleNamespace(runbook="docs/airflow/RUNBOOK.md")
    target: Any = SimpleNamespace(
        digest="sha256:0", identities=identities, cleanups=[], database=None, release=release
    )
    planned = [Step(name, title, owner, place, _never) for name, title, owner, place in steps]  # type: ignore[arg-type]
    return ScriptedPlan(target, tuple(planned))


class Stage:
    """The apply page with a scripted plan."""

    def __init__(self, plan: ScriptedPlan | None = None) -> None:
        self.plan = plan or scripted()
        self.clock = Clock()
        self.contexts: list[tuple[str, str]] = []
        self.refusal: WizardError | None = None

    def prepare(self, host: Host, name: str, options: ApplyOptions) -> PreparedRun:
        """Return the plan like the core, and record the requested contexts."""
        assert name == "airflow"
        self.contexts.append((host.context, options.hub))
        if self.refusal is not None:
            raise self.refusal
        return self.plan

    async def open(self, pilot: Pilot[Any], done: CommitResult | None = None) -> ApplyScreen:
        """Open the page; nothing runs yet."""
        page = ApplyScreen("airflow", done, prepare=self.prepare, now=self.clock)
        await pilot.app.switch_screen(page)
        await settled(pilot)
        return page

    async def begin(self, pilot: Pilot[Any], done: CommitResult | None = None) -> ApplyScreen:
        """Open the page and confirm the run."""
        page = await self.open(pilot, done)
        await press(pilot, "enter", "down", "enter")
        return page

    @property
    def run(self) -> Scripted:
        """The last run."""
        return self.plan.runs[-1]

    async def tell(
        self, number: int, state: str, detail: str = "", fix: str = "", diff: str = "", *,
        question: str = "", seconds: float = 0.0,
    ) -> None:  # fmt: skip
        """Send an event of a step after these seconds; returns once the page has handled it."""
        name, title, owner, _ = STEPS[number]
        self.clock.at += seconds
        hint = Fix(fix, question)
        event = StepEvent(name, title, owner, state, detail, hint, diff, seconds)  # type: ignore[arg-type]
        self.run.script.put_nowait(event)
        await self.run.script.join()

    async def end(self, pilot: Pilot[Any]) -> str:
        """End the run and return the last frame."""
        self.run.script.put_nowait(None)
        page = page_of(pilot)
        return await until(pilot, lambda _: page.phase == "ended")


def page_of(pilot: Pilot[Any]) -> ApplyScreen:
    """Return the apply page on top."""
    page = app_of(pilot).screen
    assert isinstance(page, ApplyScreen)
    return page


async def until(pilot: Pilot[Any], ready: Callable[[str], bool], seconds: float = 30.0) -> str:
    """Return the frame once `ready` accepts it; AssertionError after a time limit."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not ready(shown := frame(pilot.app)):
        assert loop.time() < deadline, shown
        assert pilot.app.is_running
        await processed(pilot)
        await asyncio.sleep(0.02)
    return await settled(pilot)


def app(folder: Path) -> WizardApp:
    """Return the wizard of any installation; a scripted run does not depend on it."""
    return wizard(folder, "local")
