"""What could not be found out is remembered, told, and forgotten once it was found out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Wizard, aw, local
from tests.support.repository import GitFolder
from wizard.cli import check_live
from wizard.engine.probes import (
    Probe,
    ProbeResult,
    fail_result,
    pass_result,
    skip_result,
    unknown_result,
)
from wizard.state.memory import StateFile
from wizard.state.unverified import UnverifiedHistory, UnverifiedProbe

__all__ = ["aw", "local"]

FIRST, SECOND = "2026-11-20", "2026-11-21"


def memory(folder: Path) -> UnverifiedHistory:
    return UnverifiedHistory(GitFolder(folder).repo, "airflow")


def test_the_first_day_stays_until_it_was_found_out(local: Wizard) -> None:
    one = memory(local.folder)
    assert one.remaining_probes() == ()
    one.record_round([("database.login", "pg:5432"), ("vault.state", "vault:8200")], FIRST)
    left, kept = one.record_round(
        [("database.login", "pg:5432"), ("broker.login", "r:6379")], SECOND
    )
    assert kept
    assert left == memory(local.folder).remaining_probes()
    assert left == (
        UnverifiedProbe("database.login", FIRST, SECOND),
        UnverifiedProbe("broker.login", SECOND, SECOND),
    )
    # Another database was never tried before.
    assert one.record_round([("database.login", "other:5432")], SECOND)[0][0].since == SECOND
    one.record_round([], SECOND)
    assert one.remaining_probes() == ()
    assert not StateFile(GitFolder(local.folder).repo, "airflow", "unverified").place.exists()


@pytest.mark.parametrize(
    "left",
    [
        [],
        {"a": 1},
        {"a": {"since": FIRST}},
        {"\x1b[31m": {"since": FIRST, "tried": FIRST, "at": "0" * 16}},
        {"a": {"since": "yesterday", "tried": FIRST, "at": "0" * 16}},
        {"a": {"since": FIRST, "tried": FIRST, "at": ["0"]}},
    ],
)
def test_what_is_not_sound_counts_as_nothing(local: Wizard, left: Any) -> None:
    StateFile(GitFolder(local.folder).repo, "airflow", "unverified").write({"left": left})
    assert memory(local.folder).remaining_probes() == ()
    local.ok("plan")


def looks(monkeypatch: pytest.MonkeyPatch, **results: ProbeResult) -> None:
    """From now on `check --live` finds exactly this, by probe."""

    def probe(name: str, result: ProbeResult) -> Probe:
        async def run() -> ProbeResult:
            return result

        return Probe(name.replace("_", ".", 1), name, "there:1", run)

    def found(_situation: object) -> Sequence[Probe]:
        return [probe(name, result) for name, result in results.items()]

    monkeypatch.setattr(check_live, "collect_probes", found)
    monkeypatch.setattr(check_live, "_prepare_situation", lambda *_: None)


def test_every_command_tells_it_and_nothing_planned_depends_on_it(
    local: Wizard, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = json.loads(local.ok("plan", "--json").out)
    assert before["unverified"] == []
    looks(monkeypatch, a_one=pass_result("x"), b_two=unknown_result("x"), c_three=skip_result("x"))
    done = local.ok("check", "--live")
    today = done.out.rsplit("since ", 1)[1][:10]
    assert done.out.endswith(f"\nnot verified since {today}: b.two, c.three\n")

    line = f"still not verified since {today}: b.two, c.three; try again: airflow-wizard check"
    assert f"{line} --live\n" in local.ok("plan").err
    after = json.loads((planned := local.ok("plan", "--json")).out)
    assert line in planned.err
    assert [one["id"] for one in after.pop("unverified")] == ["b.two", "c.three"]
    assert before.pop("unverified") == []
    assert after == before
    change = ("set", "admin.email=ada@example.com", "--yes", "--json")
    made = local.ok(*change)
    assert line in made.err
    assert json.loads(made.out)["unverified"][0] == {"id": "b.two", "since": today, "tried": today}
    assert "two" not in local.git.git("show", "HEAD")
    assert local.git.git("status", "--porcelain", "--ignored") == ""

    looks(monkeypatch, b_two=pass_result("x"), c_three=fail_result("x"))
    done = local("check", "--live", "--json")
    (result,) = json.loads(done.out)
    assert (done.code, result["live"]["unverified"], result["live"]["since"]) == (4, [], {})
    assert "still not verified" not in local.ok("plan").err


def test_where_it_cannot_be_kept_the_check_is_made_and_says_so(
    local: Wizard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(local.folder / "state"))
    looks(monkeypatch, b_two=unknown_result("x"))
    done = local.ok("check", "--live")
    assert "later runs do not report unverified" in done.err
    assert "not verified since" in done.out
    assert not (local.folder / "state").exists()
