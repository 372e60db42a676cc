"""Whatever interrupts a write, the next run ends in the same state as one that was not."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.killable import CHANGES, OLD
from tests.support.repository import MESSAGE, GitFolder, change
from tests.support.sampling import EVERY_CASE
from wizard.errors import ConflictError, WizardError
from wizard.git import rollback
from wizard.git.changes import FileChange
from wizard.git.transaction import commit_changes, recover_interrupted_write, write_changes

pytestmark = pytest.mark.integration


def child(folder: Path, how: str, at: int = 0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.support.killable", how, str(at)],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip


def prepare(path: Path) -> GitFolder:
    """A repository in which a person has work of every kind under way."""
    folder = GitFolder.init(path)
    folder.commit({**OLD, "staged.txt": "1\n"})
    folder.put("staged.txt", "2\n")
    folder.put("added.txt", "2\n")
    folder.git("add", "staged.txt", "added.txt")
    folder.put("mine.txt", "edited\n")
    folder.put("untracked.txt", "3\n")
    return folder


def outcome(folder: GitFolder) -> dict[str, object]:
    """What must be the same after every way to the end; commit times differ."""
    files = folder.state()["files"]
    return {
        "tree": folder.git("rev-parse", "HEAD^{tree}"),
        "branch": folder.git("symbolic-ref", "HEAD"),
        "count": folder.git("rev-list", "--count", "--all"),
        "status": folder.git("status", "--porcelain"),
        "files": files,
        "leftovers": folder.leftovers(),
    }


# One part of the steps each. Both ways take most of the same steps: without WIZARD_EVERY_CASE=1,
# each way is killed at another part of them.
PARTS = 3
KILLED = [
    (how, part)
    for number, how in enumerate(("branch", "write"))
    for part in range(PARTS)
    if EVERY_CASE or part == number
]


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("how", "part"), KILLED)
def test_killed_at_every_step(tmp_path: Path, how: str, part: int) -> None:
    model = prepare(tmp_path / "model")
    finished = child(model.path, how)
    assert finished.returncode == 0, finished.stderr
    steps = int(finished.stdout)
    assert steps > 20
    expected = outcome(model)
    seen = set()
    # Steps from the beginning, the middle and the end are in every part.
    for at in range(1 + part, steps + 1, PARTS):
        folder = prepare(tmp_path / f"{at}")
        before = folder.state()
        assert child(folder.path, how, at).returncode == -signal.SIGKILL
        _orphans_end(folder.path)
        seen.add(_next_run(folder, how, before))
        assert outcome(folder) == expected, f"killed at step {at}"
    assert {"before", "undone"} <= seen
    assert how == "write" or "finished" in seen


def _next_run(folder: GitFolder, how: str, before: dict[str, object]) -> str:
    """What the next run finds; it brings the work to its end."""
    recovered = recover_interrupted_write(folder.repo)
    if recovered and recovered.commit:
        return "finished"
    if folder.repo.read("docs/d.md") or (how == "write" and (folder.path / "docs/d.md").exists()):
        return "done"
    assert folder.state() == before
    branch = "work" if how == "branch" else None
    if how == "write":
        write_changes(folder.repo, CHANGES)
    else:
        commit_changes(folder.repo, CHANGES, MESSAGE, target="main", branch=branch)
    return "undone" if recovered else "before"


def _orphans_end(folder: Path) -> None:
    """A git whose parent was killed may still be finishing."""
    deadline = time.monotonic() + 10
    while rollback._find_running_git(folder) and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.mark.timeout(400)
def test_the_undoing_may_be_killed_at_every_step_too(tmp_path: Path) -> None:
    script = "kill -9 $PPID $(cat .git/wizard); sleep 0.1; exit 1"
    # How many steps there are depends on what the killed git left behind, so nobody counts them.
    for at in itertools.count(1, 1 if EVERY_CASE else PARTS):
        folder = prepare(tmp_path / f"{at}")
        before = folder.state()
        _killed_in_hook(folder, script)
        killed = child(folder.path, "recover", at)
        again = child(folder.path, "recover")
        assert again.returncode == 0, again.stderr
        assert folder.state() == before, f"killed at step {at}"
        assert not folder.leftovers()
        if killed.returncode == 0:
            break
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert at > 10


def _killed_in_hook(folder: GitFolder, script: str) -> None:
    """A run whose pre-commit hook kills it (`.git/wizard` has its process id)."""
    hook = folder.hook("pre-commit", script)
    done = child(folder.path, "branch")
    assert done.returncode == -signal.SIGKILL, done.stderr
    _orphans_end(folder.path)
    hook.unlink()


def test_killed_together_with_git_inside_a_hook(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "r")
    before = folder.state()
    _killed_in_hook(folder, "kill -9 $PPID $(cat .git/wizard)")
    assert (folder.path / ".git/index.lock").exists()
    assert (folder.path / "docs/d.md").exists()
    assert folder.repo.interrupted
    recovered = recover_interrupted_write(folder.repo)
    assert recovered
    assert recovered.commit is None
    assert set(recovered.restored) == {one.path for one in CHANGES}
    assert "undone (4 files" in str(recovered)
    assert folder.state() == before
    assert not folder.leftovers()
    assert recover_interrupted_write(folder.repo) is None


def test_git_that_outlives_the_wizard_finishes_the_commit(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "r")
    _killed_in_hook(folder, "sleep 0.3; kill -9 $(cat .git/wizard); sleep 0.3")
    folder.git("commit", "-q", "--allow-empty", "-m", "the person goes on")
    recovered = recover_interrupted_write(folder.repo)
    assert recovered
    assert recovered.commit == folder.git("rev-parse", "HEAD^")
    assert "had committed" in str(recovered)
    assert folder.repo.read("docs/d.md") == b"more\n"
    assert not folder.leftovers()


def test_git_that_is_still_at_work_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = prepare(tmp_path / "r")
    hook = folder.hook("pre-commit", "sleep 0.3; kill -9 $(cat .git/wizard); sleep 2")
    child(folder.path, "branch")
    monkeypatch.setattr(rollback, "GIT_TIMEOUT", 0.1)
    with pytest.raises(ConflictError, match="still running") as caught:
        recover_interrupted_write(folder.repo)
    assert "wait" in caught.value.hint
    hook.unlink()
    monkeypatch.undo()
    recovered = recover_interrupted_write(folder.repo)
    assert recovered
    assert recovered.commit


def test_somebody_elses_git_is_not_taken_for_a_dead_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = prepare(tmp_path / "r")
    _killed_in_hook(folder, "kill -9 $PPID $(cat .git/wizard)")
    other = subprocess.Popen(["git", "cat-file", "--batch"], cwd=folder.path, stdin=subprocess.PIPE)
    try:
        monkeypatch.setattr(rollback, "GIT_TIMEOUT", 0.1)
        time.sleep(0.1)
        with pytest.raises(ConflictError, match=f"process {other.pid}"):
            recover_interrupted_write(folder.repo)
        assert (folder.path / ".git/index.lock").exists()
    finally:
        other.communicate()
    assert recover_interrupted_write(folder.repo)


def test_what_was_written_since_is_kept_aside(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "r")
    before = folder.state()
    _killed_in_hook(folder, "kill -9 $PPID $(cat .git/wizard)")
    folder.put("docs/d.md", "the person wrote on\n")
    recovered = recover_interrupted_write(folder.repo)
    assert recovered
    assert [Path(path).read_text() for path in recovered.rescued] == ["the person wrote on\n"]
    assert recovered.rescued[0] in str(recovered)
    assert folder.state() == before


def test_what_was_committed_or_replaced_since_is_left_alone(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "r")
    _killed_in_hook(folder, "kill -9 $PPID $(cat .git/wizard)")
    (folder.path / ".git/index.lock").unlink()
    folder.git("commit", "-q", "-m", "by hand", "--", "apps/a.yaml", "docs/d.md")
    (folder.path / "docs/deep/c.md").unlink()
    (folder.path / "docs/deep/c.md").symlink_to("nowhere")
    recovered = recover_interrupted_write(folder.repo)
    assert recovered
    assert set(recovered.left) == {"apps/a.yaml", "docs/d.md", "docs/deep/c.md"}
    assert folder.repo.read("apps/a.yaml") == b"a: 2\n"
    assert (folder.path / "apps/a.yaml").read_text() == "a: 2\n"
    assert (folder.path / "apps/gone/b.yaml").read_text() == "b: 1\n"
    assert folder.git("status", "--porcelain", "--", "apps") == ""


def test_the_next_commit_recovers_by_itself(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "r")
    _killed_in_hook(folder, "kill -9 $PPID $(cat .git/wizard)")
    written = commit_changes(folder.repo, CHANGES, MESSAGE, target="main")
    assert written.recovered
    assert written.commit
    assert not written.altered


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 2}', '{"version": 1, "x": 2}'])
def test_a_journal_that_cannot_be_read_stops(tmp_path: Path, content: str) -> None:
    folder = prepare(tmp_path / "r")
    journal = folder.path / ".git/airflow-wizard/journal"
    journal.mkdir(parents=True)
    (journal / "state.json").write_text(content)
    with pytest.raises(ConflictError, match="cannot be read"):
        recover_interrupted_write(folder.repo)
    with pytest.raises(ConflictError, match="cannot be read"):
        commit_changes(folder.repo, CHANGES, MESSAGE)


def test_journal_is_private_and_has_no_message_of_others(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "r")
    _killed_in_hook(folder, "kill -9 $PPID $(cat .git/wizard)")
    own = folder.path / ".git/airflow-wizard"
    for path in (own, *own.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    record = json.loads((own / "journal/state.json").read_text())
    assert record["branch"] == "work"
    assert record["unknown"] == ["docs/deep/c.md", "docs/d.md"]


def test_a_link_in_place_of_the_journal_folder(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "r")
    (tmp_path / "outside").mkdir()
    (folder.path / ".git/airflow-wizard").symlink_to(tmp_path / "outside")
    with pytest.raises(WizardError, match="is not a folder"):
        commit_changes(folder.repo, CHANGES, MESSAGE)
    assert list((tmp_path / "outside").iterdir()) == []


# Ctrl-C, and two at once


@pytest.mark.parametrize("terminal", [True, False])
def test_ctrl_c_while_a_hook_runs(tmp_path: Path, terminal: bool) -> None:
    folder = prepare(tmp_path / "r")
    before = folder.state()
    folder.hook("pre-commit", "touch .git/started; sleep 20")
    script = (
        "from tests.support.killable import *; "
        f"commit_changes(WorkTree.open('.'), CHANGES, MESSAGE, terminal={terminal})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=folder.path, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    _wait_for(folder.path / ".git/started")
    if terminal:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert b"KeyboardInterrupt" in err
    assert folder.state() == before
    assert not folder.leftovers()


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_only_one_writes_at_a_time(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "r")
    folder.hook("pre-commit", "touch .git/started; sleep 1")
    first = subprocess.Popen(
        [sys.executable, "-m", "tests.support.killable", "branch", "0"], cwd=folder.path
    )
    _wait_for(folder.path / ".git/started")
    repo = folder.repo
    for attempt in (
        lambda: recover_interrupted_write(repo),
        lambda: commit_changes(repo, CHANGES, MESSAGE),
    ):
        with pytest.raises(ConflictError, match="another Airflow Wizard"):
            attempt()
    assert first.wait(timeout=20) == 0
    assert folder.repo.read("docs/d.md") == b"more\n"


def test_a_hook_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wizard.git import command

    folder = prepare(tmp_path / "r")
    before = folder.state()
    folder.hook("pre-commit", "trap '' TERM; sleep 30")
    monkeypatch.setattr(command.Git.act, "__kwdefaults__", {
        **(command.Git.act.__kwdefaults__ or {}), "seconds": 0.5,
    })  # fmt: skip
    with pytest.raises(WizardError, match="did not end within"):
        commit_changes(folder.repo, CHANGES, MESSAGE)
    assert folder.state() == before
    assert not folder.leftovers()


# No room


LIMITED = """
import resource, sys
from tests.support.killable import *
from wizard.errors import WizardError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
try:
    commit_changes(WorkTree.open("."), [*CHANGES, change("big", None, "x" * 20000)], MESSAGE)
except WizardError as error:
    print(error.message, error.hint)
"""


@pytest.mark.parametrize("limit", [0, 500, 4096, 19999])
def test_files_may_not_grow(tmp_path: Path, limit: int) -> None:
    folder = prepare(tmp_path / "r")
    before = folder.state()
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit)], cwd=folder.path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "could not be written: File too large" in done.stdout
    assert "nothing was changed" in done.stdout
    assert folder.state() == before
    assert not folder.leftovers()


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path, None, None]:
    """A file system of its own of 2 MiB; needs the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True
    )
    if mount.returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def big(letter: str, old: str | None = None) -> list[FileChange]:
    return [change(f"big/{n}", old and old * 30000, letter * 30000) for n in range(4)]


def test_a_disk_that_is_full_at_any_moment(small_disk: Path) -> None:
    folder = prepare(small_disk / "r")
    commit_changes(folder.repo, big("a"), MESSAGE)
    ballast = small_disk / "ballast"
    results = []
    letter = "a"
    for spare in range(0, 640, 24):
        fresh = "b" if letter == "a" else "a"
        before = folder.state()
        free = os.statvfs(small_disk)
        ballast.write_bytes(b"x" * max(0, free.f_bavail * free.f_frsize - spare * 1024))
        try:
            commit_changes(folder.repo, big(fresh, letter), MESSAGE)
            letter = fresh
            results.append("done")
        except WizardError:
            results.append("refused")
        ballast.unlink()
        if results[-1] == "refused":
            recover_interrupted_write(folder.repo)
            assert folder.state() == before, f"{spare} KiB spare"
        assert not folder.leftovers()
    assert results[0] == "refused"
    assert results[-1] == "done"


def test_a_disk_that_cannot_be_written(small_disk: Path) -> None:
    folder = prepare(small_disk / "r")
    before = folder.state()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    try:
        unwritable = pytest.raises(WizardError, match=r"Read-only file system|cannot be written")
        with unwritable:
            write_changes(folder.repo, CHANGES)
        with unwritable:
            commit_changes(folder.repo, CHANGES, MESSAGE)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert folder.state() == before
