"""Opens the wizard on a real, empty config repository, as the command does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from screens.app import WizardApp
from screens.draft.draft import Draft
from screens.draft.start import InitialAnswers
from screens.pages.base import Page
from screens.pages.registry import create_page
from screens.steps import HOST_KEYS
from screens.widgets.dialogs import ConfirmDialog
from screens.widgets.fields import PasteArea, TextField
from screens.widgets.rows import Row
from tests.support.screens import send, settled
from wizard.answers import presets
from wizard.answers.files import apply_assignments
from wizard.engine.probes import ProbeResult, unknown_result
from wizard.hostkeys.keys import HostKey
from wizard.hostkeys.scan import Scan, Scanner
from wizard.workspace.proposal import Acceptance, CommitResult
from wizard.workspace.workspace import Workspace

ADA = Acceptance("Ada Example", "2026-11-21")
# Answers missing in the production preset, with a host whose keys are published.
COMPLETE = (
    "database.host=pg.example.internal",
    "dags.repo=ssh://git@github.com/example/dags.git",
    "secrets.vault.server=https://vault.example.internal:8200",
    "delivery.argocd.repo_url=ssh://git@git.example.com/platform/k8s-infra.git",
)
SELF_HOSTED = "dags.repo=ssh://git@git.example.com/platform/dags.git"
ED25519 = "AAAAC3NzaC1lZDI1NTE5AAAAIEvHJ7tLFlQf0wVqUuNNvWYUSQYfT9UKoUcSjhAaP4Rq"
FINGERPRINT = "SHA256:Pi3Gvbro741OI+/q62MABAI97agmQUaMIMRks17tRGQ"


def opened(folder: Path) -> Workspace:
    """Create a config repository named k8s-infra in this folder."""
    top = folder / "k8s-infra"
    top.mkdir(exist_ok=True)
    workspace = Workspace.open(top, create=True, today=ADA.date)
    workspace.identity = ADA
    return workspace


def answers(preset: str = "", sets: Iterable[str] = ()) -> dict[str, Any]:
    """Return the raw answers of a preset with some questions answered."""
    return apply_assignments(presets.load_preset(preset).answers if preset else {}, sets)


def unreachable(host: str, port: int) -> ProbeResult:
    """Report every host as unresolvable: tests contact only servers that they start."""
    del port
    return unknown_result(f"the name {host} does not resolve here", word="no name")


class Opened(WizardApp):
    """The app with its draft created at once, so that a test can use it before the app runs.

    It opens at the first page of questions, unless a test is about how a session begins.
    """

    def __init__(
        self, workspace: Workspace, given: InitialAnswers, *, from_start: bool = False
    ) -> None:
        super().__init__(workspace, lambda: given)
        self.from_start = from_start
        self.draft = super()._create_draft()
        self.reach = unreachable
        self.checks.sources = ()

    def _create_draft(self) -> Draft:
        return self.draft

    def _create_first_page(self) -> Page:
        if self.from_start or self.pick_preset or self.existing:
            return super()._create_first_page()
        return create_page(self.draft.pages[0].name)


def wizard(folder: Path, preset: str = "", *sets: str, **options: Any) -> WizardApp:
    """Return the app on a new repository, opened with these answers at its first page."""
    return Opened(opened(folder), InitialAnswers(answers(preset, sets), **options))


def newcomer(folder: Path, preset: str = "", *sets: str, **options: Any) -> WizardApp:
    """Return the app on a new repository, opened with these answers where a session begins."""
    given = InitialAnswers(answers(preset, sets), **options)
    return Opened(opened(folder), given, from_start=True)


def commit_preset(folder: Path, preset: str = "production") -> Path:
    """Commit the installation of a preset in a new repository; return the repository."""
    workspace = opened(folder)
    given = answers(preset, COMPLETE if preset == "production" else ())
    workspace.commit(workspace.propose(given))
    return folder / "k8s-infra"


def reopened(top: Path, name: str = "airflow") -> WizardApp:
    """Return the app on a repository with a committed installation, a day later."""
    workspace = Workspace.open(top, today="2026-11-22")
    return Opened(workspace, InitialAnswers(workspace.committed_answers(name) or {}, existing=name))


def page(pilot: Pilot[Any]) -> Page:
    """Return the page on top."""
    assert isinstance(pilot.app.screen, Page)
    return pilot.app.screen


def app_of(pilot: Pilot[Any]) -> WizardApp:
    """Return the app with its type."""
    assert isinstance(pilot.app, WizardApp)
    return pilot.app


async def press(pilot: Pilot[Any], *keys: str) -> str:
    """Press the keys one after the other and return the resulting frame."""
    await send(pilot, *keys)
    return await settled(pilot)


async def type_text(pilot: Pilot[Any], text: str) -> str:
    """Replace the text of the focused field by pasting."""
    return await press(pilot, "end", "ctrl+u", f"paste:{text}")


async def paste(pilot: Pilot[Any], text: str) -> str:
    """Replace the text of the paste area by pasting, as a terminal does."""
    area = page(pilot).query_one(PasteArea)
    area.focus()
    area.clear()
    await settled(pilot)
    return await press(pilot, f"paste:{text}")


async def jump(pilot: Pilot[Any], key: str) -> None:
    """Open a question as the finder does."""
    app_of(pilot).go_to_question(key)
    await settled(pilot)


def showing(*keys: HostKey, **rest: Any) -> Scanner:
    """Return a scanner of a host that presents these keys."""
    return lambda host, port: Scan(host, port, keys, **rest)


async def asked(pilot: Pilot[Any], scanner: Scanner) -> str:
    """Scan the host on the host-keys page and return the frame."""
    await settled(pilot)
    app_of(pilot).scanner = scanner
    await jump(pilot, HOST_KEYS)
    await press(pilot, "f5")
    assert isinstance(pilot.app.screen, ConfirmDialog)
    return await press(pilot, "enter")


def row(pilot: Pilot[Any], key: str) -> Row:
    """Return the row of a question on the page."""
    return next(one for one in page(pilot).query(Row) if one.item.key == key)


def field(pilot: Pilot[Any], key: str) -> TextField:
    """Return the text field of a question on the page."""
    return row(pilot, key).query_one(TextField)


def done(app: WizardApp) -> CommitResult:
    """Return the commit that the app returned."""
    assert app.return_value is not None
    return app.return_value
