"""What `apply` remembers on this machine: private, a hint, and nothing when it is not sound."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import ACCEPT_ALL, Wizard, aw, local
from tests.support.cluster.kubeconfigs import written
from tests.support.repository import GitFolder
from wizard.answers.sections.cluster import Cluster
from wizard.state.apply_journal import (
    CLUSTER_SERVER,
    CLUSTER_UID,
    VAULT_CLUSTER_ID,
    ApplyHistory,
    fill_cluster_identity,
)
from wizard.state.memory import state_home

__all__ = ["aw", "local"]

MET = {
    CLUSTER_SERVER: "https://api.prod.example:6443",
    CLUSTER_UID: "8c5e7e0e-3f2b",
    VAULT_CLUSTER_ID: "0fd1c0de",
}
ANSWERS = ".airflow-wizard/airflow/answers.yaml"
CHANGE = ("set", "admin.email=ada@example.com", "--yes")


def journal(folder: Path, name: str = "airflow") -> ApplyHistory:
    return ApplyHistory(GitFolder(folder).repo, name)


def remembered(folder: Path, **met: str) -> ApplyHistory:
    """The journal after one run that met these."""
    one = journal(folder)
    one.begin_run("sha256:00")
    assert one.record_step("cluster.identity", "holds", {**MET, **met})
    return one


def test_what_was_met_is_remembered_by_its_owner_alone(local: Wizard) -> None:
    one = remembered(local.folder)
    assert one.record_step("vault.mount", "changed", MET)
    assert journal(local.folder).target_identities() == MET
    assert journal(local.folder, "other").target_identities() == {}
    assert stat.S_IMODE(one.place.stat().st_mode) == 0o600
    assert stat.S_IMODE(one.place.parent.stat().st_mode) == 0o700
    assert list(state_home().iterdir()) == [one.place]
    (run,) = json.loads(one.place.read_text())["runs"]
    assert run["digest"] == "sha256:00"
    assert {name: end["state"] for name, end in run["ended"].items()} == {
        "cluster.identity": "holds",
        "vault.mount": "changed",
    }
    assert local.git.git("status", "--porcelain", "--ignored") == ""


def test_runs_do_not_pile_up(local: Wizard) -> None:
    one = remembered(local.folder)
    for _ in range(25):
        remembered(local.folder)
    assert len(json.loads(one.place.read_text())["runs"]) == 20


def test_what_is_no_identity_is_not_kept(local: Wizard) -> None:
    one = remembered(
        local.folder,
        **{
            CLUSTER_SERVER: "https://user:hunter2@api.example",
            CLUSTER_UID: "a\x1b[31mb",
            VAULT_CLUSTER_ID: "",
        },
    )
    assert journal(local.folder).target_identities() == {}
    assert "hunter2" not in one.place.read_text()


def test_the_next_commit_takes_the_identity_into_the_answers(local: Wizard) -> None:
    remembered(local.folder)
    # Never a commit of its own.
    head = local.git.git("rev-parse", "HEAD")
    assert json.loads(local.ok("plan", "--json").out)["differs"] is False
    local.ok("commit", "--yes")
    assert local.git.git("rev-parse", "HEAD") == head
    local.ok("check")

    shown = local.ok("plan", "--set", CHANGE[1])
    assert MET[CLUSTER_UID] in shown.out
    local.ok(*CHANGE)
    text = (local.folder / ANSWERS).read_text()
    assert MET[CLUSTER_UID] in text
    assert MET[CLUSTER_SERVER] in text
    assert MET[VAULT_CLUSTER_ID] not in text
    plan = json.loads(local.ok("plan", "--json").out)
    assert (plan["differs"], plan["identities"]) == (False, {"cluster": MET[CLUSTER_UID]})
    assert plan["digest"] in local.git.git("log", "-1", "--format=%B")


def test_what_the_answers_record_stays(local: Wizard) -> None:
    local.ok("set", "cluster.uid=another", "--yes", *ACCEPT_ALL)
    remembered(local.folder)
    local.ok(*CHANGE)
    text = (local.folder / ANSWERS).read_text()
    assert "uid: another" in text
    assert MET[CLUSTER_SERVER] not in text


@pytest.mark.parametrize(
    ("recorded", "server", "uid"),
    [
        ({}, MET[CLUSTER_SERVER], MET[CLUSTER_UID]),
        ({"uid": MET[CLUSTER_UID]}, MET[CLUSTER_SERVER], MET[CLUSTER_UID]),
        (
            {"server": "https://API.prod.example:6443/"},
            "https://API.prod.example:6443/",
            MET[CLUSTER_UID],
        ),
        ({"server": "https://other.example"}, "https://other.example", ""),
        ({"uid": "another"}, "", "another"),
    ],
)
def test_only_empty_places_of_the_same_cluster_are_filled(
    recorded: dict[str, str], server: str, uid: str
) -> None:
    found = fill_cluster_identity(before := Cluster.model_validate(recorded), MET)
    assert found.uid == uid
    assert found.server == Cluster.model_validate({"server": server}).server
    assert fill_cluster_identity(before, {}) is before
    assert fill_cluster_identity(before, {CLUSTER_SERVER: MET[CLUSTER_SERVER]}) is before


def test_another_repository_at_the_same_place_is_another(local: Wizard) -> None:
    remembered(local.folder)
    assert journal(local.folder).target_identities() == MET
    local.git.git("checkout", "-q", "--orphan", "other")
    local.git.git("commit", "-q", "-m", "another")
    local.git.git("branch", "-qD", "main")
    local.git.git("reflog", "expire", "--expire=now", "--all")
    local.git.git("gc", "-q", "--prune=now")
    assert journal(local.folder).target_identities() == {}


def altered(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def alter(place: Path) -> None:
        place.write_text(json.dumps(change(json.loads(place.read_text()))))

    return alter


def _linked(place: Path) -> None:
    kept = place.with_name("kept")
    place.rename(kept)
    place.symlink_to(kept)


def _pipe(place: Path) -> None:
    place.unlink()
    os.mkfifo(place)


def _folder_linked(place: Path) -> None:
    kept = place.parent.with_name("kept")
    place.parent.rename(kept)
    place.parent.symlink_to(kept, target_is_directory=True)


def _folder(place: Path) -> None:
    place.unlink()
    place.mkdir()


DAMAGED: dict[str, Callable[[Path], Any]] = {
    "missing": lambda place: place.unlink(),
    "empty": lambda place: place.write_bytes(b""),
    "cut": lambda place: place.write_text(place.read_text()[:90]),
    "no text": lambda place: place.write_bytes(b"\xff\x00\xfe"),
    "deep": lambda place: place.write_text("[" * 200_000),
    "long": lambda place: place.write_text(place.read_text() + " " * 300_000),
    "another shape": altered(lambda _data: [1, 2]),
    "newer": altered(lambda data: {**data, "version": 2}),
    "met is a list": altered(lambda data: {**data, "met": [CLUSTER_UID]}),
    "met is no text": altered(
        lambda data: {**data, "met": {CLUSTER_UID: {"a": 1}, CLUSTER_SERVER: 7}}
    ),
    "commands": altered(
        lambda data: {**data, "met": {CLUSTER_UID: "$(id)\n", CLUSTER_SERVER: "https://a b"}}
    ),
    "no address": altered(lambda data: {**data, "met": {CLUSTER_SERVER: "https://:99999999/"}}),
    "its commit is gone": altered(lambda data: {**data, "commit": "ab" * 20}),
    "its commit is no name": altered(lambda data: {**data, "commit": "HEAD\nHEAD"}),
    "writable by others": lambda place: place.chmod(0o666),
    "link": _linked,
    "pipe": _pipe,
    "folder": _folder,
    "folder is a link": _folder_linked,
    "folder is open": lambda place: place.parent.chmod(0o777),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_journal_that_is_not_sound_changes_nothing(
    local: Wizard, damage: Callable[[Path], Any]
) -> None:
    damage(remembered(local.folder).place)
    local.ok(*CHANGE)
    text = (local.folder / ANSWERS).read_text()
    assert 'server: ""' in text
    assert 'uid: ""' in text
    local.ok("check")


REPAIRED = [name for name in DAMAGED if name not in {"folder", "folder is a link"}]


@pytest.mark.parametrize("name", REPAIRED)
def test_the_next_run_writes_a_sound_one(local: Wizard, name: str) -> None:
    place = remembered(local.folder).place
    kept = place.with_name("kept")
    DAMAGED[name](place)
    before = kept.read_bytes() if kept.exists() else b""
    remembered(local.folder)
    assert journal(local.folder).target_identities() == MET
    assert not place.is_symlink()
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    # What a link led to is not written through it.
    assert (kept.read_bytes() if kept.exists() else b"") == before


def _home(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", value)


def test_where_nothing_can_be_written_nothing_is_remembered(
    local: Wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "airflow-wizard").symlink_to(tmp_path)
    for place in (file / "below", Path("/proc/nowhere"), linked, local.folder):
        _home(monkeypatch, str(place))
        one = journal(local.folder)
        one.begin_run("sha256:00")
        assert one.record_step("cluster.identity", "holds", MET) is False, place
        assert one.target_identities() == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config", "file", "linked"]
    assert local.git.git("status", "--porcelain", "--ignored") == ""
    local.ok(*CHANGE)


def test_a_relative_state_folder_is_ignored(
    local: Wizard, monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    _home(monkeypatch, "state")
    assert remembered(local.folder).place.is_relative_to(clean_environment / ".local" / "state")


def test_a_linked_state_folder_of_ones_own_is_used(
    local: Wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tmp_path / "elsewhere"
    real.mkdir()
    (tmp_path / "state").symlink_to(real)
    _home(monkeypatch, str(tmp_path / "state"))
    remembered(local.folder)
    assert journal(local.folder).target_identities() == MET
    assert len(list((real / "airflow-wizard").iterdir())) == 1


def test_check_mentions_that_the_context_is_not_what_apply_used(
    local: Wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def select(server: str) -> None:
        file = written(tmp_path / "kubeconfig", {"server": server}, {"token": "abc"})
        monkeypatch.setenv("KUBECONFIG", str(file))

    select("https://api.other.example:6443")
    assert "apply used" not in local.ok("check").out
    one = remembered(local.folder)
    done = local.ok("check")
    assert "warning: .airflow-wizard/airflow/answers.yaml: cluster.server: context test" in done.out
    assert "apply used https://api.prod.example:6443 before" in done.out
    assert str(one.place) in done.out
    (result,) = json.loads(local.ok("check", "--json").out)
    assert [found["rule"] for found in result["findings"]] == ["cluster.other"]
    select("https://api.prod.example")
    assert "apply used" in local.ok("check").out
    select("https://api.prod.example:6443")
    assert "apply used" not in local.ok("check").out
