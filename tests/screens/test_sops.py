"""The deploy-key page with values in Git: SOPS encrypts, and each recipient needs a yes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyrage import x25519

from screens.draft.start import InitialAnswers
from screens.steps import DEPLOY_KEY
from tests.screens.support import COMPLETE, Opened, answers, app_of, opened, press
from tests.support.canary import Canary
from tests.support.screens import settled
from wizard.formats.nested import put_value
from wizard.systems.prior_use import PriorUse

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("yes", [True, False], ids=["yes", "no"])
async def test_a_new_recipient_is_asked_about_before_anything_is_encrypted(
    tmp_path: Path, sops: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch, yes: bool
) -> None:
    public = str(x25519.Identity.generate().to_public())
    recipient = {"key": public, "holder": "platform team", "verified": "read out by Ada"}
    data = put_value(
        answers("production", COMPLETE), ("secrets",),
        {"store": "sops", "sops": {"recipients": [recipient]}},
    )  # fmt: skip
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", canary.hostile("database"))
    monkeypatch.setenv("PATH", f"{sops.parent}:/usr/bin:/bin")
    monkeypatch.setenv("KUBECONFIG", "")
    monkeypatch.setattr("wizard.provisioning.survey.find_database_use", lambda *_: PriorUse())
    app = Opened(opened(tmp_path), InitialAnswers(data, folder=tmp_path))
    seen: list[str] = []
    async with app.run_test(size=(100, 40)) as pilot:
        await settled(pilot)
        app_of(pilot).go(DEPLOY_KEY)
        await press(pilot)
        seen.append(one_line(await press(pilot, "f5")))
        # No server is named: nothing leaves this machine.
        assert "Read the values in the repository k8s-infra with SOPS?" in seen[-1]
        assert "nothing leaves this machine" in seen[-1]
        assert "Connect to" not in seen[-1]
        await press(pilot, "enter")
        seen.append(one_line(await press(pilot, "m")))
        assert "Before any value is created" in seen[-1]
        # The list of pages is on the left of each line.
        assert public in seen[-1]
        assert "decrypt every value (held by platform team; verified: read out" in seen[-1]
        assert encrypted(tmp_path) == []
        seen.append(one_line(await press(pilot, "enter" if yes else "escape")))
        if yes:
            # The default of the last question is no.
            assert "Write 7 values to" in seen[-1]
            seen.append(one_line(await press(pilot, "down", "enter")))
        assert (encrypted(tmp_path) != []) is yes, seen[-1]
    canary.assert_absent("".join(seen), tmp_path / "k8s-infra")


def one_line(shown: str) -> str:
    """A dialog's text without its wrapping and its frame."""
    return " ".join("".join(" " if one in "│┃▌▐█" else one for one in shown).split())


def encrypted(folder: Path) -> list[Path]:
    return list((folder / "k8s-infra").rglob("*.sops.yaml"))
