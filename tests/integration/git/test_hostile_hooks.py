"""A hook may change anything; what is told afterwards is what was compared."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.repository import MESSAGE, GitFolder, change
from wizard.errors import ConflictError, WizardError
from wizard.git.journal import JournalEntry, JournalRecord, WriteJournal, private_folder
from wizard.git.transaction import commit_changes, hash_contents, recover_interrupted_write

pytestmark = pytest.mark.integration

OLD = {"apps/a.yaml": "a: 1\n", "apps/gone/b.yaml": "b: 1\n", "mine.txt": "mine\n",
       "docs/same.md": "same\n"}  # fmt: skip
CHANGES = [
    change("apps/a.yaml", "a: 1\n", "a: 2\n"),
    change("apps/gone/b.yaml", "b: 1\n", None),
    change("docs/deep/c.md", None, "new\n"),
    change("docs/same.md", "same\n", "same\n"),
]


@pytest.fixture
def folder(tmp_path: Path) -> GitFolder:
    made = GitFolder.init(tmp_path / "r")
    made.commit(dict(OLD))
    made.git("branch", "other")
    return made


PUT_BACK = {
    "deletes what we wrote": "rm apps/a.yaml docs/deep/c.md",
    "deletes the folders": "rm -r apps docs/deep",
    "changes what we wrote": "echo x > apps/a.yaml; echo y > docs/deep/c.md",
    "writes again what we delete": "mkdir -p apps/gone; echo x > apps/gone/b.yaml",
    "swaps a file for a link": "rm apps/a.yaml; ln -s ../mine.txt apps/a.yaml",
    "swaps a new file for a link": "rm docs/deep/c.md; ln -s ../../mine.txt docs/deep/c.md",
    "swaps two files": "mv apps/a.yaml x; mv docs/deep/c.md apps/a.yaml; mv x docs/deep/c.md",
    "changes the mode": "chmod 600 apps/a.yaml",
    "writes the same bytes again": "cp mine.txt x; rm mine.txt; mv x mine.txt",
    "deletes our journal": "rm -r .git/airflow-wizard",
    "deletes the originals": "rm .git/airflow-wizard/journal/*.old",
    "changes the originals": "for f in .git/airflow-wizard/journal/*; do echo x > $f; done",
    "deletes both": "rm -r .git/airflow-wizard apps docs/deep",
    "puts a file in place of our folder": "rm -r .git/airflow-wizard; echo x > .git/airflow-wizard",
}


@pytest.mark.parametrize("script", PUT_BACK.values(), ids=PUT_BACK)
@pytest.mark.parametrize("branch", [None, "work"])
def test_a_refusing_hook_leaves_all_as_it_was(
    folder: GitFolder, script: str, branch: str | None
) -> None:
    folder.hook("pre-commit", f"{script}; exit 1")
    before = folder.state()

    with pytest.raises(WizardError, match="refused; nothing was changed"):
        commit_changes(folder.repo, CHANGES, MESSAGE, target="main", branch=branch)

    assert folder.state() == before
    (folder.path / ".git/hooks/pre-commit").unlink()
    if (folder.path / ".git/airflow-wizard").is_file():
        (folder.path / ".git/airflow-wizard").unlink()
    assert recover_interrupted_write(folder.repo) is None
    assert not commit_changes(folder.repo, CHANGES, MESSAGE, target="main").altered


def test_a_hook_may_be_faster_than_the_journal(
    folder: GitFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git runs its hook before the journal has its process id."""
    folder.hook("pre-commit", f"{PUT_BACK['puts a file in place of our folder']}; exit 1")
    before = folder.state()
    ours, update = folder.path / ".git/airflow-wizard", WriteJournal.update_record

    def late(journal: WriteJournal, **fields: Any) -> None:
        deadline = time.monotonic() + 20
        committing = "pid" in fields and (ours / "journal/paths").exists()
        while committing and not ours.is_file() and time.monotonic() < deadline:
            time.sleep(0.01)
        update(journal, **fields)

    monkeypatch.setattr(WriteJournal, "update_record", late)
    with pytest.raises(WizardError, match="refused; nothing was changed") as caught:
        commit_changes(folder.repo, CHANGES, MESSAGE, target="main")

    assert f"{ours}: is not a folder" in caught.value.message
    assert "move it away" in caught.value.hint
    assert folder.state() == before


TOLD = {
    "puts a folder in the way": (
        "rm apps/a.yaml; mkdir apps/a.yaml; touch apps/a.yaml/x",
        ["apps/a.yaml: is a link, a folder or a device now"],
    ),
    "puts a folder where nothing was": (
        "rm docs/deep/c.md; mkdir docs/deep/c.md",
        ["docs/deep/c.md: is a link, a folder or a device now"],
    ),
    "puts a link above": (
        "mv apps elsewhere; ln -s elsewhere apps",
        ["apps/a.yaml: is a link, a folder or a device now"],
    ),
    "deletes another file of the plan": ("rm docs/same.md", ["docs/same.md: is missing now"]),
    "edits another file of the plan": (
        "echo x >> docs/same.md",
        ["docs/same.md: has other content than before"],
    ),
    "deletes a file outside the plan": ("rm mine.txt", ["mine.txt: was changed, although"]),
    "leaves a file behind": ("echo x > left.txt", ["left.txt: exists now, but did not before"]),
    "leaves a file beside ours": (
        "echo x > docs/deep/x",
        ["docs/deep/: exists now, but did not before"],
    ),
    "moves HEAD": (
        "git symbolic-ref HEAD refs/heads/other",
        [
            "HEAD: is at other now, and was at main before",
            "git symbolic-ref HEAD refs/heads/main",
        ],
    ),
    "moves a branch": (
        "git update-ref refs/heads/other $(git commit-tree -m x HEAD^{tree})",
        ["branch other: is "],
    ),
    "deletes a branch": (
        "git update-ref -d refs/heads/other",
        ["branch other: is missing now, and was "],
    ),
    "makes a branch": ("git update-ref refs/heads/new HEAD", ["branch new: is ", "was missing"]),
    "changes the index": (
        "unset GIT_INDEX_FILE; rm -f .git/index.lock; git rm -q --cached mine.txt",
        ["mine.txt: is no longer in the index"],
    ),
    "stages something": (
        "unset GIT_INDEX_FILE; rm -f .git/index.lock; echo x > y; git add y",
        ["y: is now in the index"],
    ),
}


@pytest.mark.parametrize(("script", "words"), TOLD.values(), ids=TOLD)
def test_what_a_refusing_hook_leaves_behind_is_told(
    folder: GitFolder, script: str, words: list[str]
) -> None:
    folder.hook("pre-commit", f"{script}; exit 1")

    with pytest.raises(WizardError, match="not everything is as it was before") as caught:
        commit_changes(folder.repo, CHANGES, MESSAGE, target="main")

    assert "nothing was changed" not in caught.value.message
    for word in words:
        assert word in caught.value.message, caught.value.message
    assert caught.value.hint
    temporary = [path.name for path in folder.path.rglob(".airflow-wizard-*")]
    assert not temporary
    assert recover_interrupted_write(folder.repo) is None


PASSING = {
    "deletes our journal": ("rm -r .git/airflow-wizard", []),
    "edits another file of the plan": (
        "echo x >> docs/same.md",
        ["docs/same.md: has other content than before"],
    ),
    "swaps what was committed": (
        "rm apps/a.yaml; ln -s ../mine.txt apps/a.yaml",
        ["apps/a.yaml: was changed on disk after the commit"],
    ),
    "moves HEAD": ("git symbolic-ref HEAD refs/heads/other", ["HEAD: is at other now"]),
}


@pytest.mark.parametrize(("script", "words"), PASSING.values(), ids=PASSING)
def test_a_hook_after_the_commit(folder: GitFolder, script: str, words: list[str]) -> None:
    folder.hook("post-commit", script)

    written = commit_changes(folder.repo, CHANGES, MESSAGE, target="main")

    told = "\n".join(written.altered)
    assert all(word in told for word in words), told
    assert bool(words) == bool(told)
    if words:
        with pytest.raises(ConflictError):
            written.require_unaltered()
    assert folder.git("log", "-1", "--format=%s", "main") == MESSAGE.partition("\n")[0]


@pytest.mark.parametrize("hook", ["post-index-change", "pre-commit", "commit-msg"])
def test_a_hook_that_deletes_our_journal_does_not_stop_a_commit(
    folder: GitFolder, hook: str
) -> None:
    # The wizard may write into the folder while rm deletes it.
    folder.hook(hook, "for _ in 1 2 3 4 5; do rm -rf .git/airflow-wizard 2>&- && exit 0; done")

    written = commit_changes(folder.repo, CHANGES, MESSAGE, target="main")

    assert written.commit == folder.git("rev-parse", "main")
    assert not written.altered
    assert recover_interrupted_write(folder.repo) is None


def test_what_was_untracked_before_is_not_told(folder: GitFolder) -> None:
    folder.put("notes.txt", "mine\n")
    folder.put("logs/run.log", "mine\n")
    (folder.path / ".git/info").mkdir(exist_ok=True)
    (folder.path / ".git/info/exclude").write_text("*.tmp\n")
    folder.hook("pre-commit", "echo x > cache.tmp; exit 1")

    with pytest.raises(WizardError, match="refused; nothing was changed"):
        commit_changes(folder.repo, CHANGES, MESSAGE, target="main")


def test_an_original_that_was_changed_is_not_put_back(folder: GitFolder) -> None:
    """After a kill, the journal on disk is all there is: it is compared before it is used."""
    repo = folder.repo
    entry = JournalEntry("apps/a.yaml", 0o644, hash_contents(b"a: 1\n"), hash_contents(b"a: 2\n"))
    private_folder(repo.git_dir)
    WriteJournal.begin(repo.git_dir, JournalRecord("ab", time.time(), (entry,)), [b"a: 1\n"])
    (repo.git_dir / "airflow-wizard/journal/0.old").write_text("forged\n")
    folder.put("apps/a.yaml", "a: 2\n")

    recovered = recover_interrupted_write(repo)

    assert recovered is not None
    assert recovered.left == ("apps/a.yaml",)
    assert "`git diff HEAD -- apps/a.yaml`" in str(recovered)
    assert (folder.path / "apps/a.yaml").read_text() == "a: 2\n"
