"""The host-keys page: a key is accepted only if it is published or its fingerprint was typed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.steps import DEPLOY_KEY
from screens.widgets.fields import PasteArea, TextField
from tests.screens.scenes import ECDSA
from tests.screens.support import (
    COMPLETE,
    ED25519,
    FINGERPRINT,
    SELF_HOSTED,
    app_of,
    jump,
    page,
    paste,
    press,
    type_text,
    wizard,
)
from tests.support.screens import settled
from wizard.formats.nested import put_value
from wizard.hostkeys.keys import HostKey

LINE = f"git.example.com ssh-ed25519 {ED25519}"


async def pasted(pilot: Pilot[Any], text: str = LINE) -> str:
    await settled(pilot)
    await jump(pilot, "dags.host_keys")
    return await paste(pilot, text)


def accepted(pilot: Pilot[Any]) -> int:
    return len(app_of(pilot).draft.verification.verdicts[0].accepted)


def test_the_key_of_these_tests_has_this_fingerprint() -> None:
    assert HostKey("ssh-ed25519", ED25519).fingerprint == FINGERPRINT


async def test_the_page_is_there_only_over_ssh(tmp_path: Path) -> None:
    over_https = wizard(tmp_path, "local")
    assert "Host keys" not in [step.title for step in over_https.draft.pages]
    titles = [step.title for step in wizard(tmp_path, "production", *COMPLETE).draft.pages]
    assert titles[titles.index("DAGs") + 1] == "Host keys"


async def test_published_keys_need_nothing_but_enter(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "dags.host_keys")
        shown = await settled(pilot)
        assert "https://docs.github.com/" in shown
        assert "published SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU" in shown
        assert "ok, published by its owner" in shown
        assert "Host keys of git.example.com" in await press(pilot, "enter")
        assert "ok Host keys" in await press(pilot, "enter", "enter")
        assert page(pilot).page_name == "dags.deploy_key"


async def test_enter_alone_accepts_nothing(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(80, 24)) as pilot:
        shown = await pasted(pilot)
        assert "! not accepted" in shown
        for _ in range(4):
            shown = await press(pilot, "enter")
            if page(pilot).page_name != "dags.host_keys":
                break
        assert page(pilot).page_name == "dags.deploy_key"
        assert "!  Host keys" in shown
        assert accepted(pilot) == 0
        assert app.draft.typed_fingerprints == ()


@pytest.mark.parametrize("leave", ["enter", "ctrl+n", "shift+tab"])
async def test_a_typed_fingerprint_counts_however_the_field_is_left(
    tmp_path: Path, leave: str
) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(80, 24)) as pilot:
        await pasted(pilot)
        await press(pilot, "tab", f"paste:{FINGERPRINT}", leave)
        assert app.draft.typed_fingerprints == (FINGERPRINT,)
        assert accepted(pilot) == 1
        assert app.propose().plan.missing_evidence == ()


async def test_a_key_without_proof_can_be_left_out(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(80, 24)) as pilot:
        await pasted(pilot, f"{LINE}\ngit.example.com {ECDSA.type} {ECDSA.key}")
        await press(pilot, "tab", f"paste:{FINGERPRINT}", "enter")
        shown = await press(pilot, "enter")
        assert "1 key without proof" in shown
        assert "> leave it out" in shown
        await press(pilot, "escape")
        assert set(app.draft.unproven_questions) == {"dags.host_keys"}
        await press(pilot, "enter", "enter")
        assert page(pilot).page_name == DEPLOY_KEY
        verdict = app.draft.verification.verdicts[0]
        assert (len(verdict.accepted), verdict.refused) == (1, ())
        # The page shows the same once it is opened again.
        shown = await press(pilot, "escape")
        assert ECDSA.fingerprint not in shown


async def test_fingerprints_stand_in_one_column(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(80, 24)) as pilot:
        await pasted(pilot)
        typing = await press(pilot, "tab", *FINGERPRINT)
        taken = await press(pilot, "enter")
        columns = {line.find("SHA256:Pi3G") for line in (typing + taken).splitlines()} - {-1}
        assert len(columns) == 1
        assert "typed by Ada Example on 2026-11-21" in taken


WRONG = {
    "SHA256:abc": "43 are required",
    FINGERPRINT[7:]: "start with SHA256:",
    "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU": "no key below has this fingerprint",
    "MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48": "MD5 fingerprints can be forged",
}


async def test_a_wrong_fingerprint_shows_the_expected_form(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(140, 45)) as pilot:
        await pasted(pilot)
        await press(pilot, "tab")
        for text, says in WRONG.items():
            await type_text(pilot, text)
            assert says in await press(pilot, "enter")
            assert page(pilot).page_name == "dags.host_keys"
            assert accepted(pilot) == 0
            assert app.draft.typed_fingerprints == ()


NO_KEYS = {
    f"other.example.com ssh-ed25519 {ED25519}": "for a different host",
    "-----BEGIN OPENSSH PRIVATE KEY-----": "this is a private key",
    f"@cert-authority git.example.com ssh-ed25519 {ED25519}": "certificate authority",
    "[/x] \x1b[31m": "line 1",
}


async def test_a_paste_without_a_key_shows_the_reason(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(140, 45)) as pilot:
        for text, says in NO_KEYS.items():
            shown = await pasted(pilot, text)
            assert says in shown
            assert "\x1b" not in shown
            assert accepted(pilot) == 0


async def test_keys_and_fingerprints_survive_leaving_the_page(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(80, 24)) as pilot:
        await pasted(pilot)
        await press(pilot, "tab", f"paste:{FINGERPRINT}", "enter", "escape")
        await jump(pilot, "dags.host_keys")
        assert page(pilot).query_one(PasteArea).text == LINE
        assert accepted(pilot) == 1


async def test_a_key_of_the_old_host_does_not_count_for_the_new_one(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(80, 24)) as pilot:
        await pasted(pilot)
        await press(pilot, "tab", f"paste:{FINGERPRINT}", "enter")
        await jump(pilot, "dags.repo")
        await press(pilot, "end", "ctrl+u", "paste:ssh://git@other.example.com/dags.git")
        assert accepted(pilot) == 0
        await press(pilot, "end", "ctrl+u", "paste:" + SELF_HOSTED.partition("=")[2])
        assert accepted(pilot) == 1


async def test_randomart_stands_beside_the_keys_from_100_columns(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(100, 45)) as pilot:
        await settled(pilot)
        await jump(pilot, "dags.host_keys")
        assert "+--[ED25519 256]--+" in await settled(pilot)
        await pilot.resize_terminal(99, 45)
        assert "+--[ED25519 256]--+" not in await settled(pilot)


async def test_an_empty_line_leaves_the_field_for_keys(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "dags.host_keys")
        assert isinstance(page(pilot).focused, PasteArea)
        await press(pilot, "a", "enter", "b")
        assert page(pilot).query_one(PasteArea).text == "a\nb"
        await press(pilot, "enter", "enter")
        assert isinstance(page(pilot).focused, TextField)


async def test_odd_host_keys_break_nothing(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    clean = app.draft
    odd: tuple[Any, ...] = (
        "text",
        3,
        ["text", None, 7, [1]],
        {"host": 1},
        [{"type": [], "key": {}}],
        None,
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for value in odd:
            base = put_value(dict(clean.base), ("dags", "host_keys"), value)
            app.draft = replace(clean, base=base)
            await jump(pilot, "dags.host_keys")
            assert "Host keys of git.example.com" in await press(pilot, "enter")
            assert accepted(pilot) == 0
        assert app._exception is None


BUNDLES = (
    "installation.airflow=3.2.2",
    "dags.source=bundle",
    "dags.repo=https://github.com/example/dags.git",
    "dags.bundles=[{name: fin, repo: 'ssh://git@git.example.com:2222/fin.git', login: {env: A}}, "
    "{name: hr, repo: 'ssh://git@gitlab.com/example/hr.git', login: {generate: true}}]",
)
BUNDLE_LINE = f"[git.example.com]:2222 ssh-ed25519 {ED25519}"


async def test_every_host_over_ssh_is_on_the_page(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE, *BUNDLES)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "dags.ref")
        shown = await press(pilot, "ctrl+n")
        assert page(pilot).page_name == "dags.host_keys"
        # The first host to complete is shown, beside the others.
        assert "Host keys of [git.example.com]:2222" in shown
        assert "> !  [git.example.com]:2222  bundle fin" in shown
        assert "  ok gitlab.com              bundle hr" in shown
        assert "     git.example.com         delivery.argocd.repo_url" in shown
        assert app.propose().plan.missing_evidence

        await paste(pilot, BUNDLE_LINE)
        await press(pilot, "tab", f"paste:{FINGERPRINT}")
        shown = await press(pilot, "enter")
        assert "> ok [git.example.com]:2222" in shown
        assert "typed by Ada Example" in shown
        made = app.propose()
        assert made.plan.missing_evidence == ()
        assert BUNDLE_LINE in made.rendering.release.known_hosts

        shown = await press(pilot, "enter")
        assert "https://docs.gitlab.com" in shown
        shown = await press(pilot, "enter")
        assert "Optional: `apply` gives these keys to Argo CD." in shown
        assert await press(pilot, "enter", "enter")
        assert page(pilot).page_name != "dags.host_keys"


async def test_the_host_of_the_config_repository_is_one_key_away(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "delivery.argocd.host_keys")
        await paste(pilot, LINE)
        assert "! not accepted" in await settled(pilot)
        assert app.propose().plan.missing_evidence
        await press(pilot, "tab", f"paste:{FINGERPRINT}", "enter")
        made = app.propose()
        assert made.plan.missing_evidence == ()
        assert made.rendering.tree.by_logical("argocd-known-hosts").text == f"{LINE}\n"
        # Up and down in the list show the other hosts; a fingerprint counts for its own host.
        await press(pilot, "shift+tab", "shift+tab", "up")
        assert "Host keys of github.com" in await press(pilot, "enter")
        await press(pilot, f"paste:{FINGERPRINT}")
        assert "no key below has this fingerprint" in await press(pilot, "enter")
