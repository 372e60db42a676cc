"""What `apply` refuses before it does anything, and how it waits for the target branch."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.support.cli import Wizard, answers_file, aw
from tests.support.repository import GitFolder
from wizard.apply import branch
from wizard.engine.steps import Step, StepStatus
from wizard.git.repository import WorkTree
from wizard.systems.target import Target
from wizard.workspace.workspace import Workspace

__all__ = ["aw"]

pytestmark = pytest.mark.integration

SCALE = "executor.workers.replicas=3"
VALUES = "apps/airflow/airflow-values.yaml"


@pytest.fixture
def offline(aw: Wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wizard:
    """A committed installation; this machine knows neither Vault nor a cluster."""
    for name in ("VAULT_TOKEN", "VAULT_TOKEN_FILE", "VAULT_ROLE_ID", "VAULT_ADDR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    aw.ok("commit", "--yes", "--answers", str(answers_file(tmp_path / "answers.yaml", {})))
    return aw


def _nothing(aw: Wizard) -> None: ...


def _edited(aw: Wizard) -> None:
    aw.edit(VALUES, "executor: CeleryExecutor", "executor: CeleryExecutor # by hand")


def _changed_answers(aw: Wizard) -> None:
    aw.edit(".airflow-wizard/airflow/answers.yaml", "depth: 1", "depth: 7")


TABLE: list[tuple[str, Callable[[Wizard], None], list[str], int, str]] = [
    ("nobody", _nothing, ["apply", "--yes"], 64, "--context"),
    ("nobody, dry run", _nothing, ["apply", "--dry-run"], 64, "VAULT_TOKEN"),
    ("hand edit", _edited, ["apply", "--yes"], 5, "plan --out"),
    ("answers ahead of files", _changed_answers, ["apply", "--yes"], 5, "airflow-wizard commit"),
    ("takes no set", _nothing, ["apply", "--set", SCALE], 64, "--set"),
    ("takes no preset", _nothing, ["apply", "--preset", "local"], 64, "--preset"),
    ("takes no all", _nothing, ["apply", "--all"], 64, "--installation"),
    ("no such plan", _nothing, ["apply", "/nope"], 64, "plan --out"),
    ("no such context", _nothing, ["apply", "--context", "nope", "--yes"], 64, "kubeconfig"),
    ("no such yes", _nothing, ["apply", "--take-over", "argocd.project"], 64, "STEP@SEAL"),
    ("no such part", _nothing, ["apply", "--only", "database"], 64, "store, delivery"),
]


@pytest.mark.parametrize(
    ("before", "args", "code", "says"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_what_is_refused(
    offline: Wizard, before: Callable[[Wizard], None], args: list[str], code: int, says: str
) -> None:
    before(offline)
    state = offline.git.state()

    done = offline(*args)

    assert done.code == code, done
    assert says in done.err
    assert "Traceback" not in done.err
    assert offline.git.state() == state


def test_a_kubeconfig_that_is_named_and_not_there_is_no_cluster_of_others(
    offline: Wizard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "canary-of-a-token")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "typo"))
    done = offline("apply", "--yes")
    assert done.code == 64, done
    assert "kubeconfig not found" in done.err


def test_a_laptop_has_nothing_to_apply(aw: Wizard) -> None:
    aw.ok("commit", "--preset", "local", "--yes")
    done = aw("apply", "--yes")
    assert done.code == 4, done
    assert "docs/airflow/RUNBOOK.md" in done.err


def test_a_plan_is_applied_only_while_it_is_about_what_stands(
    offline: Wizard, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    _edited(offline)
    offline.ok("plan", "--out", str(plan))
    # It is what was looked at: only the identities are missing here.
    assert offline("apply", str(plan), "--yes").code == 64
    offline.edit(VALUES, "# by hand", "# by hand again")
    done = offline("apply", str(plan), "--yes")
    assert done.code == 5, done
    assert "plan --out" in done.err

    data = json.loads(plan.read_text())
    plan.write_text(json.dumps({**data, "installation": "other"}))
    assert "installation other" in offline("apply", str(plan), "--yes").err
    plan.write_text("[]")
    assert offline("apply", str(plan), "--yes").code == 64


def test_a_squashed_or_restored_plan_counts_as_shown(offline: Wizard) -> None:
    git = offline.git
    offline.ok("set", SCALE, "--yes")
    message = git.git("log", "-1", "--format=%B")
    git.git("reset", "-q", "--soft", "HEAD~1")
    git.git("commit", "-q", "-m", "Merged request 7\n\n" + "\n".join(
        f"* {line}" for line in message.splitlines()
    ) + "\n\nReviewed-by: Ada")  # fmt: skip
    assert offline("apply", "--yes").code == 64

    git.git("commit", "-q", "--amend", "-m", "no trailer")
    assert offline("apply", "--yes").code == 5
    git.git("revert", "--no-edit", "HEAD")
    assert offline("apply", "--yes").code == 64


@pytest.fixture
def look(offline: Wizard) -> Callable[..., StepStatus]:
    """Looks at the target branch as the action does."""

    def ask(build: Callable[[Target], Step] = branch.build_branch_step) -> StepStatus:
        workspace = Workspace.open(offline.folder)
        given = workspace.committed_answers("airflow")
        assert given
        proposal = workspace.propose(given, existing="airflow")
        emitted = {
            change.path: change.new for change in proposal.plan.changes if change.new is not None
        }
        target = Target(
            proposal.answers, proposal.rendering.release, WorkTree.open(offline.folder), "", {},
            emitted,
        )  # fmt: skip
        return asyncio.run(_checked(build(target)))

    return ask


async def _checked(step: Step) -> StepStatus:
    return await step.check()


def test_without_a_remote_nothing_is_proven(look: Callable[[], StepStatus]) -> None:
    assert look().state == "unknown"


def test_the_branch_is_compared_by_contents(
    offline: Wizard, look: Callable[[], StepStatus], tmp_path: Path
) -> None:
    bare = GitFolder.init(tmp_path / "remote.git", "--bare")
    offline.git.git("remote", "add", "origin", str(bare.path))
    assert look().state == "wanted"
    offline.git.git("push", "-q", "origin", "main")
    assert look().state == "holds"

    offline.ok("set", SCALE, "--branch", "more-workers", "--push", "--yes")
    waiting = look()
    assert waiting.state == "wanted"
    assert VALUES in waiting.detail
    assert "git push origin main" in waiting.fix.text

    # Somebody merges it by squashing, elsewhere.
    other = GitFolder(tmp_path / "other")
    bare.git("clone", "-q", str(bare.path), str(other.path))
    other.git("merge", "-q", "--squash", "origin/more-workers")
    other.git("commit", "-q", "-m", "Squashed")
    other.git("push", "-q", "origin", "main")
    state = offline.git.git("for-each-ref")
    assert look().state == "holds"
    assert offline.git.git("for-each-ref") == state or "refs/remotes" in state


def test_destroy_needs_the_newest_answers(
    offline: Wizard, look: Callable[..., StepStatus], tmp_path: Path
) -> None:
    """What newer answers made is not seen by an older clone, and would be called destroyed."""
    newest = partial(branch.build_newest_step, terminal=False)
    assert look(newest).state == "holds"
    bare = GitFolder.init(tmp_path / "remote.git", "--bare")
    offline.git.git("remote", "add", "origin", str(bare.path))
    assert look(newest).state == "holds"
    offline.git.git("push", "-q", "origin", "main")
    offline.ok("set", SCALE, "--yes")
    assert look(newest).state == "holds"
    offline.git.git("push", "-q", "origin", "main")

    colleague = GitFolder(tmp_path / "colleague")
    bare.git("clone", "-q", str(bare.path), str(colleague.path))
    colleague.commit({"docs/other.md": "other\n"}, "other")
    colleague.git("push", "-q", "origin", "main")
    assert look(newest).state == "holds"
    answers = ".airflow-wizard/airflow/answers.yaml"
    text = (colleague.path / answers).read_text()
    colleague.commit({answers: text.replace("replicas: 3", "replicas: 4")}, "more")
    colleague.git("push", "-q", "origin", "main")
    stale = look(newest)
    assert stale.state == "blocked"
    assert "git pull origin main" in stale.fix.text
    offline.git.git("pull", "-q", "--ff-only", "origin", "main")
    assert look(newest).state == "holds"

    # People push to a fork of their own, which may be older.
    fork = GitFolder.init(tmp_path / "fork.git", "--bare")
    offline.git.git("remote", "add", "mine", str(fork.path))
    offline.git.git("push", "-q", "mine", "main")
    offline.git.git("config", "remote.pushDefault", "mine")
    offline.git.git("config", "branch.main.remote", "origin")
    colleague.commit({answers: text.replace("replicas: 3", "replicas: 5")}, "more")
    colleague.git("push", "-q", "origin", "main")
    assert "git pull origin main" in look(newest).fix.text

    # A yes about the fork, which is gone, says nothing of the newer answers at origin.
    offline.git.git("remote", "set-url", "mine", str(tmp_path / "gone"))
    question = look(newest)
    asked = re.search("--take-over repository.newest@([0-9a-f]{12})", question.fix.text)
    assert asked is not None
    yes = {"repository.newest": asked[1]}
    assert "git pull origin main" in look(lambda one: newest(replace(one, agreed=yes))).fix.text

    offline.git.git("remote", "set-url", "origin", str(tmp_path / "gone"))
    unread = look(newest)
    assert unread.state == "blocked"
    seal = re.search("--take-over repository.newest@([0-9a-f]{12})", unread.fix.text)
    assert seal is not None
    agreed = lambda target: newest(replace(target, agreed={"repository.newest": seal[1]}))  # noqa: E731
    assert look(agreed).state == "holds"
    offline.git.git("commit", "-q", "--allow-empty", "-m", "another commit")
    assert look(agreed).state == "blocked"


def test_apply_stops_where_a_newer_commit_removed_the_installation(
    offline: Wizard, look: Callable[..., StepStatus], tmp_path: Path
) -> None:
    """A clone that is older than a `destroy` elsewhere would make the objects again."""
    exists = partial(branch.build_existence_step, terminal=False)
    assert look(exists).state == "holds"
    bare = GitFolder.init(tmp_path / "remote.git", "--bare")
    offline.git.git("remote", "add", "origin", str(bare.path))
    offline.git.git("push", "-q", "origin", "main")

    colleague = GitFolder(tmp_path / "colleague")
    bare.git("clone", "-q", str(bare.path), str(colleague.path))
    answers = ".airflow-wizard/airflow/answers.yaml"
    text = (colleague.path / answers).read_text()
    colleague.commit({answers: f"# more\n{text}"}, "more")
    colleague.git("push", "-q", "origin", "main")
    assert "this installation too" in look(exists).detail
    # As a merge request on the forge: the removal comes by a merge.
    colleague.git("switch", "-q", "-c", "removal")
    colleague.git("rm", "-q", "-r", ".airflow-wizard/airflow")
    colleague.git("commit", "-q", "-m", "Remove it")
    colleague.git("switch", "-q", "main")
    colleague.git("merge", "-q", "--no-ff", "-m", "Merge the removal", "removal")
    colleague.git("push", "-q", "origin", "main")
    removal = colleague.git("rev-parse", "removal")
    stale = look(exists)
    assert stale.state == "blocked"
    assert f"commit {removal[:12]} of origin/main removed the files" in stale.detail
    assert f"git revert {removal[:12]}" in stale.fix.text

    # Also beside commits of one's own, which a merge would keep apart.
    offline.git.commit({"README.md": "other\n"}, "other")
    assert look(exists).state == "blocked"
    # Who knows of the removal and installs it again is not asked.
    offline.git.git("merge", "-q", "-s", "ours", "-m", "Install it again", "origin/main")
    assert look(exists).state == "holds"

    offline.git.git("remote", "set-url", "origin", str(tmp_path / "gone"))
    unread = look(exists)
    seal = re.search("--take-over repository.newest@([0-9a-f]{12})", unread.fix.text)
    assert (unread.state, bool(seal)) == ("blocked", True)
    yes = {"repository.newest": seal[1] if seal else ""}
    assert look(lambda one: exists(replace(one, agreed=yes))).state == "holds"


def test_a_remote_that_does_not_answer_is_unknown(
    offline: Wizard, look: Callable[[], StepStatus]
) -> None:
    offline.git.git("remote", "add", "origin", str(offline.folder / "gone"))
    found = look()
    assert found.state == "unknown"
    assert "git ls-remote" in found.fix.text
