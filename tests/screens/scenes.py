"""The scenes for frames and pictures, each with the keys that lead there."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from screens.app import WizardApp
from screens.draft.draft import Operator
from screens.pages.result import ResultScreen
from screens.steps import PREFLIGHT
from screens.widgets.preview import Preview
from tests.screens.apply_scenes import APPLY
from tests.screens.looks import many
from tests.screens.next_steps import RESULT, Scripted
from tests.screens.support import (
    ADA,
    COMPLETE,
    ED25519,
    FINGERPRINT,
    SELF_HOSTED,
    app_of,
    asked,
    commit_preset,
    jump,
    newcomer,
    paste,
    press,
    reopened,
    showing,
    wizard,
)
from tests.support.scenarios import host_key
from tests.support.screens import settled
from wizard.hostkeys.keys import HostKey
from wizard.hostkeys.verdict import KnownHost
from wizard.probes.catalogue import SOURCES
from wizard.workspace.suggestions import Suggestion

Steps = Callable[[Pilot[Any]], Awaitable[None]]
Scene = Callable[[], tuple[WizardApp, Steps]]

ADA_TODAY = (ADA.by, ADA.date)
# Keys without an owner: a point of 32 equal bytes, and the generator of P-256.
OTHER = host_key(7)
P256 = bytes.fromhex(
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
ECDSA = HostKey(
    "ecdsa-sha2-nistp256",
    base64.b64encode(
        b"\0\0\0\x13ecdsa-sha2-nistp256\0\0\0\x08nistp256\0\0\0\x41\x04" + P256
    ).decode(),
)

IN_README = ("form", "review", "apply-waiting")


def keys(*pressed: str) -> Steps:
    """Press these keys, each after the effects of the previous one have settled."""

    async def steps(pilot: Pilot[Any]) -> None:
        for key in pressed:
            await press(pilot, key)

    return steps


def scene(steps: Steps, preset: str = "production", *sets: str, **options: Any) -> Scene:
    """Return a scene: the wizard on a repository of its own."""

    def build() -> tuple[WizardApp, Steps]:
        return wizard(Path(tempfile.mkdtemp()), preset, *sets, **options), steps

    return build


def begin(steps: Steps, preset: str = "production", *sets: str, **options: Any) -> Scene:
    """Return a scene that begins where a session does: at what only the user knows."""

    def build() -> tuple[WizardApp, Steps]:
        return newcomer(Path(tempfile.mkdtemp()), preset, *sets, **options), steps

    return build


SUGGESTIONS = {
    "dags.repo": Suggestion(
        "ssh://git@git.example.com/", "the host of git remote origin", partial=True
    ),
    "secrets.vault.server": Suggestion("https://vault.example.internal:8200", "$VAULT_ADDR"),
    "secrets.vault.namespace": Suggestion("team-a", "$VAULT_NAMESPACE"),
    "delivery.argocd.repo_url": Suggestion(
        "ssh://git@git.example.com/platform/k8s-infra.git", "git remote origin"
    ),
}


async def leaving_out(pilot: Pilot[Any]) -> None:
    """Two pasted keys, of which one is proven, and enter."""
    await jump(pilot, "dags.host_keys")
    await paste(
        pilot,
        f"git.example.com ssh-ed25519 {ED25519}\ngit.example.com {ECDSA.type} {ECDSA.key}",
    )
    await press(pilot, "tab", f"paste:{FINGERPRINT}", "enter", "enter")


async def form(pilot: Pilot[Any]) -> None:
    """The database page with the preview beside it."""
    await press(pilot, "ctrl+n", "ctrl+n")
    await jump(pilot, "database.host")


async def complaint(pilot: Pilot[Any]) -> None:
    """A field that lost the focus with a wrong answer, focused again."""
    await jump(pilot, "database.host")
    await press(pilot, "a", "space", "b", "enter", "up")


async def self_hosted(pilot: Pilot[Any]) -> None:
    """A pasted key and a fingerprint with one wrong character."""
    await jump(pilot, "dags.host_keys")
    await paste(pilot, f"git.example.com ssh-ed25519 {ED25519}")
    await press(pilot, "tab", "paste:SHA256:abc", "enter")


async def proven(pilot: Pilot[Any]) -> None:
    """A pasted key whose fingerprint was typed."""
    await jump(pilot, "dags.host_keys")
    await paste(pilot, f"git.example.com ssh-ed25519 {ED25519}")
    await press(pilot, "tab", f"paste:{FINGERPRINT}", "enter")


async def asking(pilot: Pilot[Any]) -> None:
    """The dialog before the first scan of a host."""
    await jump(pilot, "dags.host_keys")
    await press(pilot, "f5")


async def scanned(pilot: Pilot[Any]) -> None:
    """A scanned host; one of its keys was pasted before."""
    await jump(pilot, "dags.host_keys")
    await paste(pilot, f"git.example.com ssh-ed25519 {ED25519}")
    await asked(pilot, showing(OTHER, ECDSA, missing=("ssh-rsa",)))


async def changed(pilot: Pilot[Any]) -> None:
    """A host presents a different key than the one accepted before."""
    before = KnownHost("git.example.com", "ssh-ed25519", ED25519)
    app = app_of(pilot)
    app.draft = replace(app.draft, operator=Operator(*ADA_TODAY, (before,)))
    await asked(pilot, showing(OTHER))


async def published(pilot: Pilot[Any]) -> None:
    """The keys of a host that publishes them."""
    await jump(pilot, "dags.host_keys")


async def existing(pilot: Pilot[Any]) -> None:
    """The names and keys of Secrets that others make."""
    await jump(pilot, "secrets.existing.metadata.key")


async def review(pilot: Pilot[Any]) -> None:
    """The review with all planned files."""
    await press(pilot, "ctrl+s")
    await press(pilot, "down")


async def result(pilot: Pilot[Any]) -> None:
    """The result page after a commit."""
    await press(pilot, "ctrl+s")
    await press(pilot, "enter")


async def result_checked(pilot: Pilot[Any]) -> None:
    """The result page once every state was checked, with scripted states."""
    await app_of(pilot).switch_screen(ResultScreen(RESULT, Scripted()))
    await settled(pilot)
    await press(pilot, "f5", "enter", "down", "down")


async def typing(pilot: Pilot[Any]) -> None:
    """A text field whose value the previewed file shows."""
    await jump(pilot, "executor.queue")
    await press(pilot, "end")


async def outside(pilot: Pilot[Any]) -> None:
    """The database page after f5, with results beside the questions."""
    app_of(pilot).checks.sources = many()
    await jump(pilot, "database.user")
    await press(pilot, "f5")
    await press(pilot, "enter")


async def preflight(pilot: Pilot[Any]) -> None:
    """The pre-flight page before any probe runs."""
    app_of(pilot).checks.sources = many()
    app_of(pilot).go(PREFLIGHT)
    await settled(pilot)


async def preflight_asks(pilot: Pilot[Any]) -> None:
    """The dialog that asks for consent to all probes."""
    app_of(pilot).checks.sources = SOURCES
    app_of(pilot).go(PREFLIGHT)
    await settled(pilot)
    await press(pilot, "enter")


async def preflight_done(pilot: Pilot[Any]) -> None:
    """The pre-flight page after a round, with the first failure highlighted."""
    await preflight(pilot)
    await press(pilot, "enter")
    await press(pilot, "enter")


async def review_faulty(pilot: Pilot[Any]) -> None:
    """The dialog before a commit despite a failed probe."""
    await preflight_done(pilot)
    await press(pilot, "ctrl+s")
    await press(pilot, "enter")


def preview(app: WizardApp) -> str:
    """Return the text of the preview."""
    return app.screen.query_one(Preview).text


async def secrets(pilot: Pilot[Any]) -> None:
    """The DAGs page with the line that opens the host keys."""
    app_of(pilot).go("dags", "dags.host_keys")
    await settled(pilot)


def rerun(*pressed: str) -> Scene:
    """Return a scene: the wizard on a committed installation, after these keys."""

    def build() -> tuple[WizardApp, Steps]:
        folder = Path(tempfile.mkdtemp())
        commit_preset(folder)
        return reopened(folder / "k8s-infra"), keys(*pressed)

    return build


SCENES: dict[str, Scene] = {
    "start": scene(keys(), "", pick_preset=True),
    "first-questions": begin(keys("tab"), suggestions=SUGGESTIONS),
    "first-questions-none": begin(keys(), "local"),
    "tune": begin(keys("ctrl+t")),
    "form": scene(form, "production", *COMPLETE),
    "complaint": scene(complaint),
    "components": scene(keys("ctrl+n", "ctrl+n")),
    "dags": scene(secrets, "production", *COMPLETE),
    "existing-secrets": scene(existing, "existing-secrets", *COMPLETE),
    "choice": scene(keys("ctrl+n", "space", "down")),
    "host-keys-published": scene(published, "production", *COMPLETE),
    "host-keys": scene(self_hosted, "production", *COMPLETE, SELF_HOSTED),
    "host-keys-proven": scene(proven, "production", *COMPLETE, SELF_HOSTED),
    "host-keys-leave": scene(leaving_out, "production", *COMPLETE, SELF_HOSTED),
    "host-keys-ask": scene(asking, "production", *COMPLETE, SELF_HOSTED),
    "host-keys-scanned": scene(scanned, "production", *COMPLETE, SELF_HOSTED),
    "host-keys-changed": scene(changed, "production", *COMPLETE, SELF_HOSTED),
    "form-outside": scene(outside, "production", *COMPLETE),
    "preflight": scene(preflight, "production", *COMPLETE),
    "preflight-ask": scene(preflight_asks, "production", *COMPLETE),
    "preflight-done": scene(preflight_done, "production", *COMPLETE),
    "review-faulty": scene(review_faulty, "production", *COMPLETE),
    "review": scene(review, "production", *COMPLETE),
    "review-missing": scene(review),
    "review-refused": scene(review, "production", *COMPLETE, SELF_HOSTED),
    "result": scene(result, "local"),
    "result-checked": scene(result_checked, "production", *COMPLETE),
    "find": scene(keys("ctrl+p", *"replicas")),
    "help": scene(keys("ctrl+n", "f1")),
    "quit": scene(keys("x", "ctrl+q")),
    "preview": scene(typing, "production", *COMPLETE),
    "settings": rerun(),
    "settings-search": rerun("slash", *"replicas"),
    "settings-field": rerun("slash", *"wor", "enter", "4"),
    "settings-changed": rerun("slash", *"wor", "enter", "4", "enter"),
    "overview": rerun("slash", *"worker rep", "enter", "4", "enter", "f2"),
    **APPLY,
}
