"""A migration is not committed without evidence of a backup, and the commit names it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.cli import BACKUP, Wizard, aw, local
from tests.support.process import WIZARD, Terminal

__all__ = ["aw", "local"]

UPGRADE = "installation.airflow=3.3.0"
SET = ("set", UPGRADE, "--yes", "--accept", "migration")
TODAY = BACKUP[1]


def day(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


def message(aw: Wizard) -> str:
    return aw.git.git("log", "-1", "--format=%B")


def test_a_migration_without_a_backup_is_refused(local: Wizard) -> None:
    before = local.git.state()
    done = local("set", UPGRADE, "--yes")
    assert done.code == 4
    assert "--accept migration --backup DATE|FILE" in done.err
    done = local(*SET)
    assert done.code == 4
    assert "no backup of it is named" in done.err
    assert "add --backup DATE|FILE" in done.err
    for more, code in (((), 4), (BACKUP, 0)):
        done = local("plan", "--json", "--set", UPGRADE, "--accept", "migration", *more)
        assert done.code == code
        found = {one["name"]: one for one in json.loads(done.out)["consequences"]}
        assert found["migration"]["backup"]
        assert not any(one["backup"] for name, one in found.items() if name != "migration")
    assert local.git.state() == before


@pytest.mark.parametrize("taken", [TODAY, day(-6), f"{TODAY}T03:15Z"])
def test_the_commit_names_the_date(local: Wizard, taken: str) -> None:
    local.ok(*SET, "--backup", taken)
    assert f"\nBackup of the database: {taken}\n" in message(local)


def test_the_commit_names_the_file(local: Wizard, tmp_path: Path) -> None:
    dump = tmp_path / "airflow.dump"
    dump.write_bytes(b"x" * 1234)
    local.ok(*SET, "--backup", str(dump), "--message", "Upgrade Airflow")
    assert message(local).startswith("Upgrade Airflow\n")
    assert f"Backup of the database: airflow.dump, 1,234 bytes, written {TODAY}" in message(local)
    assert str(tmp_path) not in message(local)


def test_what_is_no_evidence_is_refused(local: Wizard, tmp_path: Path) -> None:
    before = local.git.state()
    (tmp_path / "empty.dump").touch()
    old = tmp_path / "old.dump"
    old.write_text("x")
    os.utime(old, (0, 0))
    secret = tmp_path / f"ghp_{'a1B2' * 9}"
    secret.write_text("x")
    for given, code, what in (
        (day(2), 4, "in the future"),
        (day(-8), 4, "more than 7 days ago"),
        ("2026-02-30", 64, "no such date"),
        (f"{TODAY}T25:00Z", 64, "no such date"),
        ("yes", 64, "neither a date nor a file"),
        (str(tmp_path), 64, "neither a date nor a file"),
        (str(tmp_path / "none.dump"), 64, "neither a date nor a file"),
        (str(tmp_path / "empty.dump"), 4, "is empty"),
        (str(old), 4, "1970-01-01 is more than 7 days ago"),
        (str(secret), 4, "may contain a secret"),
    ):
        done = local(*SET, "--backup", given)
        assert (done.code, what in done.err) == (code, True), (given, done)
        assert "hint: " in done.err
        assert secret.name not in done.err
    assert local.git.state() == before


def test_a_change_without_a_migration_needs_none(local: Wizard) -> None:
    done = local.ok("set", "executor.workers.concurrency=5", "--yes", *BACKUP)
    assert "needs no --backup" in done.err
    assert "Backup" not in message(local)


def test_a_terminal_asks_for_it(local: Wizard, pty_run: Callable[..., Terminal]) -> None:
    terminal = pty_run(
        [*WIZARD, "commit", "--set", UPGRADE, "--repo", str(local.folder)], size=(100, 200)
    )
    for prompt, line in (
        ("Accept migration?", "y"),
        ("(empty: none)", "no idea"),
        ("neither a date nor a file", TODAY),
        ("Write these files?", "y"),
    ):
        terminal.wait_for(prompt)
        terminal.send(f"{line}\n")
    assert terminal.wait() == 0, terminal.text
    assert f"Backup of the database: {TODAY}" in message(local)
