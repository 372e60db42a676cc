"""The deploy-key page on a real Vault and a real sshd, with the dialogs of each task."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.app import WizardApp
from screens.draft.draft import Draft
from screens.draft.start import InitialAnswers
from screens.pages.deploy_key.page import DeployKeyScreen
from screens.pages.deploy_key.store import GIT_KEY, StoreContents
from screens.pages.deploy_key.tasks import get_key_tasks
from screens.steps import DEPLOY_KEY
from screens.widgets.dialogs import ConfirmDialog
from screens.widgets.prompts import PromptDialog
from tests.integration.ssh.test_clone_proof import FILES, Forge, fill
from tests.screens.support import (
    COMPLETE,
    SELF_HOSTED,
    Opened,
    answers,
    app_of,
    opened,
    page,
    press,
    wizard,
)
from tests.support.canary import Canary
from tests.support.process import Terminal
from tests.support.screens import processed, send, settled
from tests.testbed.databases import Postgres
from tests.testbed.fixtures import StartSshd
from tests.testbed.sshd import KeySet, keygen
from tests.testbed.vault import RefusedError, Vault
from wizard.clients.forge import ProviderRepository, RegistrationResult
from wizard.clients.postgres.client import PostgresTarget as Database
from wizard.clients.postgres.client import PsycopgClient
from wizard.clients.ssh.routes import DirectRoute
from wizard.clients.ssh.session import CloneTarget
from wizard.formats.nested import put_value
from wizard.provisioning.items import StoreItem
from wizard.secrets.deploy_key import KeyPair, fingerprint, generate_key_pair, is_same_key
from wizard.secrets.facts import Fact, Form
from wizard.secrets.references import SecretRef
from wizard.systems.prior_use import PriorUse, find_database_use

PATH = "airflow-install/airflow/config"
GENERATED = {"fernetKey", "apiSecretKey", "jwtSecret", "redisPassword", "adminPassword", GIT_KEY}


@dataclass
class Stage:
    """The page and a mount in a real Vault for one test; records every frame."""

    vault: Vault
    folder: Path
    canary: Canary
    patch: pytest.MonkeyPatch
    mount: str = field(default_factory=lambda: f"m{secrets.token_hex(4)}")
    seen: list[str] = field(default_factory=list)

    def app(self, *sets: str, data: dict[str, Any] | None = None, **options: Any) -> WizardApp:
        mount = f"secrets.vault.mount={self.mount}"
        raw = data or answers("production", [*COMPLETE, mount, *sets])
        return Opened(opened(self.folder), InitialAnswers(raw, folder=self.folder, **options))

    async def open(self, pilot: Pilot[Any]) -> str:
        await settled(pilot)
        app_of(pilot).go(DEPLOY_KEY)
        return await self.press(pilot)

    async def press(self, pilot: Pilot[Any], *keys: str) -> str:
        self.seen.append(await press(pilot, *keys))
        return self.seen[-1]

    async def look(self, pilot: Pilot[Any]) -> str:
        assert "Connect to Vault at" in await self.press(pilot, "f5")
        return await self.press(pilot, "enter")

    def login(self, rules: dict[str, list[str]]) -> None:
        self.vault.policy(self.mount, rules)
        self.patch.setenv("VAULT_TOKEN", self.vault.new_token(self.mount))

    def put(self, data: dict[str, Any]) -> None:
        self.vault.request("POST", f"{self.mount}/data/{PATH}", {"data": data})

    @property
    def values(self) -> dict[str, str]:
        try:
            found = self.vault.request("GET", f"{self.mount}/data/{PATH}")
        except RefusedError:
            return {}
        return dict(found["data"]["data"] or {})

    def assert_nothing_leaked(self, draft: Draft, *more: str) -> None:
        told = "".join(self.seen) + json.dumps(draft.data) + repr(draft) + "".join(more)
        told += "".join(told.split())
        self.canary.assert_absent(told, self.folder / "k8s-infra")
        for value in [*self.values.values(), self.vault.token]:
            for line in value.splitlines():
                assert len(line) < 20 or line.startswith("-----") or line not in told


@pytest.fixture
def stage(vault: Vault, tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(vault, tmp_path, canary, monkeypatch)
    vault.mount(made.mount)
    monkeypatch.setenv("VAULT_ADDR", vault.url)
    monkeypatch.setenv("VAULT_CACERT", str(vault.ca))
    monkeypatch.setenv("VAULT_TOKEN", vault.token)
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", canary.hostile("database"))
    # No test waits for an unresolvable name; one test uses a real database.
    monkeypatch.setattr("wizard.provisioning.survey.find_database_use", lambda *_: PriorUse())
    return made


def one_line(shown: str) -> str:
    """Return the frame without line ends, steps and scroll bar, for wrapped sentences."""
    return " ".join(line[18:].strip(" ┃") for line in shown.splitlines())


def public(app: WizardApp) -> str:
    return app.draft.answers.dags.key.public


# --- success


async def test_the_page_is_there_only_over_ssh(tmp_path: Path) -> None:
    over_https = wizard(tmp_path, "local")
    assert DEPLOY_KEY not in [step.name for step in over_https.draft.pages]
    names = [step.name for step in wizard(tmp_path, "production", *COMPLETE).draft.pages]
    assert names[names.index("dags") : names.index("access")] == [
        "dags",
        "dags.host_keys",
        DEPLOY_KEY,
    ]


async def test_the_key_is_created_registered_tested_and_committed(
    stage: Stage,
    sshd: StartSshd,
    host_key_sets: tuple[KeySet, KeySet],
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = sshd()
    bare = fill(stage.folder, FILES)
    stage.patch.setattr(
        "wizard.clients.ssh.clone.DirectRoute", lambda *_: DirectRoute(server.host, server.port)
    )
    pinned = host_key_sets[0].public("ssh-ed25519")
    repo = f"ssh://{server.user}@gitlab.example.com{bare}"
    data = answers("production", [*COMPLETE, f"secrets.vault.mount={stage.mount}"])
    data["dags"]["repo"] = repo
    data["dags"]["host_keys"] = [
        {"host": "gitlab.example.com", "type": pinned.type, "key": pinned.key}
    ]
    app = stage.app(data=data, fingerprints=[pinned.fingerprint])
    async with app.run_test(size=(80, 32), notifications=True) as pilot:
        shown = await stage.open(pilot)
        assert "generated here once, in memory: ed25519" in shown
        assert f"{stage.mount}/{PATH}" in shown
        assert "public    none recorded yet" in shown
        shown = await stage.press(pilot, "f5")
        assert f"Connect to Vault at 127.0.0.1:{stage.vault.port}?" in shown
        assert "As the token from VAULT_TOKEN; VAULT_ADDR names this server." in shown
        shown = await stage.press(pilot, "enter")
        assert "! the key is missing" in shown
        assert "databasePassword  from env:AIRFLOW_DB_PASSWORD" in shown
        assert "gitSshKey         generated" in shown
        assert stage.values == {}

        shown = await stage.press(pilot, "m")
        assert "- database.password is new here: read env:AIRFLOW_DB_PASSWORD" in shown
        assert "- check as airflow whether the database pg.example.internal:5432" in shown
        shown = await stage.press(pilot, "enter")
        assert f"Write 7 values to {stage.mount}/{PATH}?" in shown
        assert "! not checked: the cluster" in shown
        # Enter alone creates nothing.
        await stage.press(pilot, "enter")
        assert stage.values == {}
        await stage.press(pilot, "m")
        shown = await stage.press(pilot, "down", "enter")
        assert set(stage.values) == {*GENERATED, "databasePassword"}
        assert "written: 7 values, version 1" in shown
        assert fingerprint(public(app)) in shown
        line = "".join(one_line(shown).split())
        assert public(app).split()[1] in line
        assert "register this line, read-only" in shown.casefold()

        await _copied(pilot, public(app))
        await _registered(stage, pilot)
        shown = await _proven(stage, pilot, server, bare, pinned)
        assert "clone     pass: main at" in shown
        assert "read-only pass: the host refuses a push" in shown

        await stage.press(pilot, "ctrl+s")
        await stage.press(pilot, "enter")
        committed = app.workspace.committed_answers("airflow") or {}
        assert committed["dags"]["key"] == {"generate": True, "public": public(app)}
    stage.assert_nothing_leaked(app.draft, caplog.text)


async def _copied(pilot: Pilot[Any], line: str) -> None:
    """Check that the whole line is copied in one piece (OSC 52)."""
    await press(pilot, "c")
    assert app_of(pilot).clipboard == line
    # A headless terminal cannot be suspended.
    assert "c copies the line" in await press(pilot, "v")


async def _registered(stage: Stage, pilot: Pilot[Any]) -> None:
    asked: list[tuple[str, str, str]] = []

    def register(
        place: ProviderRepository, token: Any, title: str, line: str
    ) -> RegistrationResult:
        del title
        asked.append((place.api, token.get_secret_value(), line))
        return RegistrationResult(made=True, note="it depends on the token")

    stage.patch.setattr("wizard.clients.forge.register_deploy_key", register)
    stage.patch.setenv("FORGE", stage.canary.secret("forge"))
    await stage.press(pilot, "r")
    await press(pilot, f"paste:{stage.canary.secret('typed')}")
    assert "! enter env:NAME, file:PATH or prompt" in await stage.press(pilot, "enter")
    await stage.press(pilot, "end", "ctrl+u")
    shown = await stage.press(pilot, "paste:env:FORGE", "enter")
    assert "Send the token from env:FORGE to https://gitlab.example.com/api/v4?" in shown
    assert asked == []
    shown = await stage.press(pilot, "enter")
    api, token, line = asked[0]
    assert api == "https://gitlab.example.com/api/v4"
    assert token == stage.canary.secret("forge")
    assert line == public(app_of(pilot))
    assert "ok, registered, read-only" in shown
    assert "! it depends on the token" in shown


async def _proven(stage: Stage, pilot: Pilot[Any], server: Any, bare: Path, pinned: Any) -> str:
    await stage.press(pilot, "p")
    shown = await stage.press(pilot, "enter")
    assert "clone     ! FAIL: gitlab.example.com does not accept the key" in shown
    target = CloneTarget(
        server.host, server.port, server.user, str(bare), "main", "dags", (pinned,)
    )
    forge = Forge(server, stage.folder, target)
    forge.register(KeyPair(stage.values[GIT_KEY], public(app_of(pilot))))  # type: ignore[arg-type]
    return await stage.press(pilot, "p")


BUNDLES = (
    "dags.source=bundle",
    "dags.repo=https://github.com/example/dags.git",
    "dags.bundles=[{name: fin, repo: 'ssh://git@github.com/example/fin.git', "
    "login: {generate: true}}, "
    "{name: hr, repo: 'ssh://git@gitlab.com/example/hr.git', login: {generate: true}}]",
)


def bundle_keys(app: WizardApp) -> list[str]:
    return [one.login.public for one in app.draft.answers.dags.bundles if one.login]


async def test_the_keys_of_bundles_are_created_shown_and_copied(stage: Stage) -> None:
    app = stage.app(*BUNDLES)
    async with app.run_test(size=(80, 40), notifications=True) as pilot:
        shown = await stage.open(pilot)
        assert "Deploy key of github.com/example/fin.git" in shown
        assert ">    github.com/example/fin.git  bundle fin" in shown
        await stage.look(pilot)
        await stage.press(pilot, "m")
        await stage.press(pilot, "enter")
        shown = await stage.press(pilot, "down", "enter")
        stored = stage.values
        assert {"gitSshKeyFin", "gitSshKeyHr"} <= stored.keys()
        fin, hr = bundle_keys(app)
        for name, line in (("gitSshKeyFin", fin), ("gitSshKeyHr", hr)):
            private = stage.folder / name
            private.touch(0o600)
            private.write_text(stored[name])
            assert is_same_key(line, keygen("-y", "-f", private))
        assert "https://github.com/example/fin/settings/keys" in shown
        assert 'leave "Allow write access" off' in shown
        await _copied(pilot, fin)
        shown = await stage.press(pilot, "down")
        assert "Deploy key of gitlab.com/example/hr.git" in shown
        assert "> ok gitlab.com/example/hr.git" in shown
        assert "https://gitlab.com/example/hr/-/settings" in "".join(one_line(shown).split())
        await _copied(pilot, hr)
        # Another check finds the same keys, and creates none.
        await stage.press(pilot, "f5")
        assert bundle_keys(app) == [fin, hr]
        assert stage.values == stored
        assert (
            app.propose().answers.dags.bundles[1].login == app.draft.answers.dags.bundles[1].login
        )
    stage.assert_nothing_leaked(app.draft)


async def test_an_existing_key_is_recorded_and_results_stay(stage: Stage) -> None:
    key = generate_key_pair("ed25519", "theirs")
    stage.put({GIT_KEY: key.private.get_secret_value(), "foreign": "kept"})
    app = stage.app()
    async with app.run_test(size=(140, 45)) as pilot:
        await stage.open(pilot)
        shown = await stage.look(pilot)
        assert "ok, version 1; checked as the token from" in shown
        assert is_same_key(public(app), key.public)
        assert "+--[ED25519 256]--+" in shown
        assert "https://github.com/example/dags/settings/keys" in shown
        assert 'leave "Allow write access" off' in shown
        await stage.press(pilot, "escape")
        assert "ok, version 1" in await stage.open(pilot)
        # The key of a different repository was never checked.
        app.draft = app.draft.with_answer(_spec("dags.repo"), SELF_HOSTED.partition("=")[2])
        assert "not checked yet" in await stage.open(pilot)
    assert set(stage.values) == {GIT_KEY, "foreign"}
    stage.assert_nothing_leaked(app.draft)


def _spec(key: str) -> Any:
    from wizard.answers.questions import field_spec

    return field_spec(key)


async def test_prompted_secrets_are_masked(stage: Stage, tmp_path: Path) -> None:
    """Also a key of several lines, with the line ends that some terminals paste."""
    keygen("-q", "-N", "", "-t", "ed25519", "-C", "", "-f", tmp_path / "own")
    private = (tmp_path / "own").read_text()
    app = stage.app("dags.key=prompt", "database.password=prompt")
    async with app.run_test(size=(80, 24)) as pilot:
        await stage.open(pilot)
        await stage.look(pilot)
        assert isinstance(pilot.app.screen, PromptDialog)
        pasted = private.replace("\n", "\r\n")
        shown = await stage.press(pilot, f"paste:{pasted}")
        assert "dags.key (hidden)" in shown
        assert "•••" in shown
        shown = await stage.press(pilot, "enter")
        assert "ok, a private key without a passphrase" in shown
        assert "fixed when stored" in shown
        await stage.press(pilot, "m")
        await stage.press(pilot, "enter")
        typed = {"database.password": stage.canary.hostile("typed"), "dags.key": private}
        for _ in typed:
            assert isinstance(pilot.app.screen, PromptDialog)
            key = pilot.app.screen.title_text.partition(" ")[0]
            await stage.press(pilot, f"paste:{typed[key]}", "enter")
        await stage.press(pilot, "down", "enter")
        assert stage.values["databasePassword"] == typed["database.password"]
        assert stage.values[GIT_KEY] == private
        assert get_key_tasks(app)._secrets == {}
    stage.assert_nothing_leaked(app.draft)


# --- failures


async def test_errors_of_vault_are_shown_with_a_hint(stage: Stage) -> None:
    """A wrong token, a sealed server, a mount of version 1, and incomplete answers."""
    app = stage.app()
    async with app.run_test(size=(80, 40)) as pilot:
        stage.patch.setenv("VAULT_TOKEN", f"hvs.{stage.canary.secret('wrong')}")
        await stage.open(pilot)
        shown = one_line(await stage.look(pilot))
        assert "! " in shown
        assert "airflow-wizard secrets --installation airflow" in shown
        stage.patch.setenv("VAULT_TOKEN", stage.vault.token)
        stage.vault.seal()
        try:
            shown = await stage.press(pilot, "f5")
        finally:
            stage.vault.unseal()
        assert "sealed" in shown
        stage.vault.mount(f"{stage.mount}-v1", version=1)
        app.draft = app.draft.with_answer(_spec("secrets.vault.mount"), f"{stage.mount}-v1")
        assert "KV version 1" in await stage.press(pilot, "f5")
        app.draft = app.draft.with_answer(_spec("database.host"), "")
        shown = one_line(await stage.press(pilot, "f5"))
        assert "the answers are incomplete: database.host" in shown
        assert "m create" not in shown
        assert "step" in await stage.press(pilot, "enter")
        assert page(pilot).page_name == "access"
    assert public(app) == ""
    stage.assert_nothing_leaked(app.draft)


async def test_a_changed_reference_requires_a_new_check(
    stage: Stage,
) -> None:
    stage.patch.delenv("AIRFLOW_DB_PASSWORD")
    app = stage.app("delivery.argocd.credential=store")
    async with app.run_test(size=(80, 40)) as pilot:
        await stage.open(pilot)
        shown = await stage.look(pilot)
        assert "! not set here: AIRFLOW_DB_PASSWORD" in shown
        # There is a second path for Argo CD's own credential.
        said = one_line(shown)
        assert f"{stage.mount}/airflow-install/airflow/argocd" in said.replace(" ", "")
        assert "this page does not fill it; run: airflow-wizard secrets" in said
        shown = one_line(await stage.press(pilot, "m"))
        assert not isinstance(pilot.app.screen, ConfirmDialog), "no consent for an impossible task"
        assert "1 variable not set here: AIRFLOW_DB_PASSWORD" in shown
        app.draft = app.draft.with_answer(_spec("database.password"), {"prompt": True})
        await stage.press(pilot, "m")
        assert not isinstance(pilot.app.screen, ConfirmDialog), (
            "a different value would be read than was shown"
        )
        app.go("database")
        await stage.press(pilot)
        assert "not checked yet" in await stage.open(pilot)
        await stage.press(pilot, "f5")
        shown = await stage.press(pilot, "m")
        assert "a bug" not in shown
        assert isinstance(pilot.app.screen, ConfirmDialog)
    assert stage.values == {}


async def test_a_read_only_login_is_not_offered_a_write(stage: Stage) -> None:
    stage.login({f"{stage.mount}/data/{PATH}": ["read"]})
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await stage.open(pilot)
        shown = await stage.look(pilot)
        assert "gitSshKey         generated" in shown
        assert "m create" not in shown
        await stage.press(pilot, "m", "pagedown")
        assert not isinstance(pilot.app.screen, ConfirmDialog)
        assert "you can commit without it" in one_line(await stage.press(pilot, "pagedown"))
    assert stage.values == {}


async def test_a_different_key_than_the_recorded_one_is_a_conflict(stage: Stage) -> None:
    mine, theirs = (generate_key_pair("ed25519", name) for name in ("mine", "theirs"))
    stage.put({GIT_KEY: theirs.private.get_secret_value()})
    data = answers("production", [*COMPLETE, f"secrets.vault.mount={stage.mount}"])
    app = stage.app(
        data=put_value(data, ("dags", "key"), {"generate": True, "public": mine.public})
    )
    async with app.run_test(size=(140, 45)) as pilot:
        await stage.open(pilot)
        shown = await stage.look(pilot)
        assert fingerprint(mine.public) in shown
        assert fingerprint(theirs.public) in shown
        assert "x clear" in shown
        assert public(app) == mine.public
        await stage.press(pilot, "x")
        await stage.press(pilot, "enter")
        assert public(app) == mine.public
        await stage.press(pilot, "x")
        await stage.press(pilot, "down", "enter")
        assert public(app) == ""
        await stage.press(pilot, "f5")
        assert is_same_key(public(app), theirs.public)


async def test_a_migrated_database_stops_it(stage: Stage, postgres: Postgres) -> None:
    role = f"r{secrets.token_hex(4)}"
    password = "a-good-password-1"
    postgres.create_role(role, password)
    postgres.create_database(role, role)
    url = f"postgresql://{role}:{password}@{postgres.host}:{postgres.port}/{role}"
    postgres.sql("CREATE TABLE alembic_version (version_num text)", url)

    def looked(client: PsycopgClient, endpoint: str) -> PriorUse:
        target = Database(postgres.host, postgres.port, role, role, "disable")
        return find_database_use(PsycopgClient(target, client.password), endpoint)

    stage.patch.setattr("wizard.provisioning.survey.find_database_use", looked)
    stage.patch.setenv("AIRFLOW_DB_PASSWORD", password)
    app = stage.app()
    async with app.run_test(size=(80, 40)) as pilot:
        await stage.open(pilot)
        await stage.look(pilot)
        await stage.press(pilot, "m")
        shown = one_line(await stage.press(pilot, "enter"))
        assert not isinstance(pilot.app.screen, ConfirmDialog)
        assert "this installation already ran" in shown
        assert "the database pg.example.internal:5432 is migrated" in shown
    assert stage.values == {}
    assert public(app) == ""


async def test_a_store_that_changed_meanwhile_is_not_written(stage: Stage) -> None:
    app = stage.app()
    async with app.run_test(size=(80, 40)) as pilot:
        await stage.open(pilot)
        await stage.look(pilot)
        await stage.press(pilot, "m")
        await stage.press(pilot, "enter")
        stage.put({"redisPassword": "set-by-somebody-else"})
        shown = one_line(await stage.press(pilot, "down", "enter"))
        assert "has changed since it was shown; nothing was written" in shown
        assert set(stage.values) == {"redisPassword"}
        shown = await stage.press(pilot, "f5")
        assert "redisPassword     in the store" in shown


# --- the user's own keys


def _locked(folder: Path) -> bytes:
    keygen("-q", "-N", "long-enough", "-t", "ed25519", "-f", folder / "locked")
    return (folder / "locked").read_bytes()


OWN: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "a passphrase": (_locked, "the key has a passphrase"),
    "a PuTTY key": (lambda _: b"PuTTY-User-Key-File-3: ssh-ed25519\n", "this is a PuTTY key"),
    "a public key": (
        lambda _: generate_key_pair("ed25519", "x").public.encode(),
        "this is a public key",
    ),
    "cut off": (
        lambda _: generate_key_pair("ed25519", "x").private.get_secret_value()[:200].encode(),
        "first or last line is missing",
    ),
    "CRLF": (
        lambda _: (
            generate_key_pair("ed25519", "x")
            .private.get_secret_value()
            .replace("\n", "\r\n")
            .encode()
        ),
        "fixed when stored: carriage returns at its line ends (CRLF)",
    ),
    "no final newline": (
        lambda _: generate_key_pair("ed25519", "x").private.get_secret_value().strip().encode(),
        "fixed when stored: no final newline",
    ),
}


async def test_the_users_own_key_is_checked_and_never_shown(stage: Stage, tmp_path: Path) -> None:
    """Without access to the store."""
    stage.patch.delenv("VAULT_TOKEN")
    file = tmp_path / "own"
    app = stage.app("dags.key=file:own")
    before = app.draft
    async with app.run_test(size=(80, 40)) as pilot:
        shown = await stage.open(pilot)
        assert "your own, from file:own" in shown
        for make, says in OWN.values():
            app.draft = before
            file.write_bytes(make(tmp_path))
            file.chmod(0o600)
            shown = await stage.press(pilot, "f5")
            if isinstance(pilot.app.screen, ConfirmDialog):
                assert "Read file:own on this machine?" in shown
                shown = await stage.press(pilot, "enter")
            assert says in one_line(shown)
            body = [line for line in file.read_text().splitlines() if len(line) > 20]
            assert not any(line in shown for line in body if not line.startswith("ssh-"))
        assert public(app).startswith("ssh-ed25519 ")
        other = generate_key_pair("ed25519", "x")
        file.write_text(other.private.get_secret_value())
        shown = one_line(await stage.press(pilot, "f5"))
        assert f"belongs to {fingerprint(other.public)}" in shown
        assert not is_same_key(public(app), other.public)


async def test_without_access_the_key_is_deferred_and_the_commit_goes_on(
    stage: Stage,
) -> None:
    stage.patch.delenv("VAULT_TOKEN")
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        shown = one_line(await stage.open(pilot))
        assert "no login on this machine" in shown
        assert "export VAULT_TOKEN" in shown
        assert "you can commit without it" in shown
        assert "airflow-wizard secrets --installation airflow" in shown
        assert "f5 check" not in shown
        for key in ("f5", "m", "c", "v", "r", "p", "x"):
            await stage.press(pilot, key)
            assert isinstance(pilot.app.screen, DeployKeyScreen)
        await stage.press(pilot, "ctrl+s")
        await stage.press(pilot, "enter")
        assert app.workspace.committed_answers("airflow")


# --- hanging servers, odd answers, frames


async def test_escape_stops_a_check(stage: Stage) -> None:
    app = stage.app()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stage.patch.setenv("VAULT_ADDR", f"https://127.0.0.1:{silent.getsockname()[1]}")
        async with app.run_test(size=(80, 24)) as pilot:
            await stage.open(pilot)
            await stage.press(pilot, "f5")
            await send(pilot, "enter")
            line = page(pilot).query_one("#status")
            for _ in range(200):
                await processed(pilot)
                if "asking Vault at" in str(line.render()):
                    break
            assert "asking Vault at" in str(line.render())
            shown = await stage.press(pilot, "escape")
            assert "stopped; nothing was changed" in shown
            assert page(pilot).page_name == DEPLOY_KEY
            await stage.press(pilot, "escape")
            assert page(pilot).page_name == "installation"
    assert public(app) == ""


SCRIPT = """
import sys
from pathlib import Path
from screens import app as module
from screens.draft.start import InitialAnswers
from tests.screens.support import COMPLETE, answers
from wizard.workspace.workspace import Workspace

workspace = Workspace.open(Path(sys.argv[1]), create=True, today="2026-11-21")
module.run(workspace, lambda: InitialAnswers(answers("production", COMPLETE)))
"""


def test_quitting_while_vault_hangs_takes_less_than_a_second(
    tmp_path: Path, pty_run: Callable[..., Terminal]
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    (tmp_path / "top").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"https://127.0.0.1:{silent.getsockname()[1]}"
        terminal = pty_run(
            [sys.executable, script, tmp_path / "top"],
            env={"VAULT_ADDR": address, "VAULT_TOKEN": "hvs.a-token-of-nobody"},
        )
        terminal.wait_for("^s review")
        terminal.send("\x10")
        terminal.wait_for("Find a question")
        terminal.send("dags.host_keys")
        terminal.wait_for("DAGs > Host keys")
        terminal.send("\r")
        terminal.wait_for("Host keys of github.com")
        terminal.send("\x0e")
        terminal.wait_for("Deploy key of github.com")
        terminal.send("\x1b[15~")
        terminal.wait_for("Connect to Vault at")
        terminal.send("\r")
        terminal.wait_for("asking Vault at")
        before = time.monotonic()
        terminal.send("\x11")
        assert terminal.wait() == 0
        assert time.monotonic() - before < 5
    assert "a-token-of-nobody" not in terminal.text
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=tmp_path / "top", capture_output=True, check=True
    )
    assert done.stdout == b""


ODD: tuple[Any, ...] = (
    "env",
    [1, 2],
    {"generate": True, "public": "[/x] \x1b[31m[@click=app.quit]x[/]\u202e"},
    {"generate": True, "public": "ssh-ed25519 " + "A" * 9000},
    {"generate": True, "public": "ssh-rsa AAAA x"},
    {"file": "../\x00", "public": 7},
    None,
)


async def test_odd_answers_break_nothing(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    clean = app.draft
    async with app.run_test(size=(60, 20)) as pilot:
        await settled(pilot)
        for odd in ODD:
            app.draft = replace(clean, base=put_value(dict(clean.base), ("dags", "key"), odd))
            app.go(DEPLOY_KEY)
            await settled(pilot)
            for key in ("f5", "c", "r", "escape", "p", "x"):
                shown = await press(pilot, key)
                assert shown.replace("\n", "").isprintable()
        await pilot.resize_terminal(5, 2)
        assert app.is_running
        assert app._exception is None


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEvHJ7tLFlQf0wVqUuNNvWYUSQYfT9UKoUcSjhAaP4Rq"
ITEMS = (
    StoreItem(Fact("databasePassword", Form.GIVEN, "", "", SecretRef(env="DB_PASSWORD")), "given"),
    StoreItem(Fact(GIT_KEY, Form.SSH_KEY, ""), "generate"),
    StoreItem(Fact("fernetKey", Form.FERNET, ""), "generate"),
    StoreItem(Fact("adminPassword", Form.PASSWORD, ""), "others"),
    StoreItem(Fact("redisPassword", Form.PASSWORD, ""), "kept"),
)


@pytest.mark.parametrize("name", ["nothing", "absent", "stored", "no-login", "bundles"])
async def test_the_page_looks_as_stored(
    name: str,
    tmp_path: Path,
    screen_frame: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name != "no-login":
        monkeypatch.setenv("VAULT_TOKEN", "hvs.a-token-of-nobody")
    monkeypatch.setenv("DB_PASSWORD", "nobody reads it here")
    data = answers("production", COMPLETE)
    items: tuple[StoreItem, ...] = ITEMS
    if name == "bundles":
        data = answers("production", (*COMPLETE, *BUNDLES))
        data["dags"]["bundles"][0]["login"]["public"] = f"{KEY} airflow-wizard airflow fin"
    if name == "stored":
        line = f"{KEY} airflow-wizard airflow github.com/example/dags.git"
        data = put_value(data, ("dags", "key"), {"generate": True, "public": line})
        items = tuple(StoreItem(item.fact, "kept") for item in ITEMS)
    app = Opened(opened(tmp_path), InitialAnswers(data))
    if name in {"absent", "stored"}:
        place = "secret/airflow-install/airflow/config at vault.example.internal:8200"
        found = get_key_tasks(app).key_status
        found.store_contents = StoreContents(
            app.propose(), place, "the token from VAULT_TOKEN", "version 1", items
        )
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.go(DEPLOY_KEY)
        screen_frame(f"deploy-key-{name}-80x24", await settled(pilot))
        await pilot.resize_terminal(140, 45)
        screen_frame(f"deploy-key-{name}-140x45", await settled(pilot))
