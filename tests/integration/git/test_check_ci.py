"""The check of a change, with real repositories and the real wizard, for several installations.

The forge's own program is a stand-in that keeps the comment: no forge runs here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.support.paths import TOP
from tests.support.process import WIZARD, run
from tests.support.rendered import FILL, FILL_VAULT
from tests.support.repository import GitFolder
from wizard.answers.files import merge_layers

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

GH = '#!/bin/sh\ncat "$5" >"$RECORDS"\necho "$@" >"$RECORDS.call"\n'


@dataclass
class Change:
    """A clone with the branch of a change, as a job has it, and the comment that it makes."""

    clone: GitFolder
    env: dict[str, str]
    records: Path
    script: str

    def commit(self, *arguments: str, folder: str = ".") -> None:
        done = run([*WIZARD, *arguments, "--yes"], cwd=self.clone.path / folder)
        assert done.code == 0, done

    def check(self, **more: str) -> tuple[int, str]:
        self.records.unlink(missing_ok=True)
        done = subprocess.run(
            ["sh", "-c", self.script], cwd=self.clone.path, env={**self.env, **more},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        found = self.records.read_text() if self.records.exists() else done.stderr
        assert found in done.stdout or not self.records.exists()
        return done.returncode, found


@pytest.fixture(scope="module")
def change(tmp_path_factory: pytest.TempPathFactory) -> Change:
    """Three installations on the target branch, one of them in a folder; then a change."""
    folder = tmp_path_factory.mktemp("forge")
    server = GitFolder.init(folder / "server.git", "--bare")
    clone = GitFolder.init(folder / "clone")
    for name, inside in (("one", "."), ("two", "."), ("three", "clusters/far")):
        more = {
            "installation": {"name": name, "release": name, "namespace": name},
            "repository": {"path": inside, "check_ci": "github"},
            "secrets": {"vault": {"role": name, "auth_mount": f"kubernetes-{name}"}},
        }
        made = run(
            [*WIZARD, "commit", "--preset", "production", "--answers", "-", "--yes"],
            cwd=clone.path, input=json.dumps(merge_layers(FILL, FILL_VAULT, more)),
        )  # fmt: skip
        assert made.code == 0, made
    jobs = [clone.path / f"{at}docs/{name}/ci/github.yml"
            for name, at in (("one", ""), ("two", ""), ("three", "clusters/far/"))]  # fmt: skip
    [text] = {job.read_text() for job in jobs}  # the same of each, so one of them is activated
    script = yaml.safe_load(text)["jobs"]["airflow-check"]["steps"][1]["run"]
    clone.git("remote", "add", "origin", server.path)
    clone.git("push", "-q", "-u", "origin", "main")
    clone.git("checkout", "-q", "-b", "change")
    programs = folder / "bin"
    programs.mkdir()
    wizard = f'#!/bin/sh\nexec {sys.executable} -m wizard "$@"\n'
    for name, content in {"gh": GH, "airflow-wizard": wizard}.items():
        (programs / name).write_text(content)
        (programs / name).chmod(0o755)
    env = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(TOP),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "RECORDS": str(folder / "comment"),
        "GITHUB_BASE_REF": "main",
        "PULL_REQUEST": "7",
    }
    return Change(clone, env, folder / "comment", script)


def test_a_change_gets_the_plan_of_what_it_changes(change: Change) -> None:
    code, comment = change.check()
    assert (code, "Plan of" in comment) == (0, False), comment
    start = change.clone.git("rev-parse", "HEAD")
    change.commit(
        "set", "--installation", "two", "executor.workers.replicas=5", "--branch", "more-workers"
    )
    change.clone.git("checkout", "-q", "more-workers")
    code, comment = change.check()
    assert code == 0, comment
    assert comment.count("Plan of installation") == 1
    assert "Plan of installation two for the branch main" in comment
    assert "replicas: 5" in comment or "worker" in comment
    assert change.records.with_suffix(".call").read_text().startswith("pr comment 7 --body-file ")

    # A hand edit that `check` refuses fails the job, whichever installation it is in.
    values = change.clone.path / "apps" / "one" / "airflow-values.yaml"
    values.write_text(values.read_text().replace("useHelmHooks: false", "useHelmHooks: true", 1))
    change.clone.git("commit", "-qam", "break it")
    code, comment = change.check()
    assert code != 0
    assert "useHelmHooks" in comment

    # What the target branch got in the meantime is no part of the change.
    change.clone.git("checkout", "-q", "change")
    change.clone.git("rm", "-rqf", ".airflow-wizard/one", "apps/one", "argocd/one", "vault/one")
    change.clone.git("commit", "-qm", "remove it")
    code, comment = change.check()
    assert "Installation one is removed." in comment
    change.clone.git("reset", "-q", "--hard", start)


def test_a_new_installation_is_planned_too(change: Change) -> None:
    start = change.clone.git("rev-parse", "HEAD")
    more = {
        "installation": {"name": "four", "release": "four", "namespace": "four"},
        "secrets": {"vault": {"role": "four", "auth_mount": "kubernetes-four"}},
    }
    made = run(
        [*WIZARD, "commit", "--preset", "production", "--answers", "-", "--yes", "--branch", "new"],
        cwd=change.clone.path, input=json.dumps(merge_layers(FILL, FILL_VAULT, more)),
    )  # fmt: skip
    assert made.code == 0, made
    change.clone.git("checkout", "-q", "new")
    code, comment = change.check()
    assert code == 0, comment
    assert "Plan of installation four for the branch main" in comment
    change.clone.git("checkout", "-q", "change")
    assert change.clone.git("rev-parse", "HEAD") == start


def test_another_version_of_the_wizard_is_refused(change: Change) -> None:
    program = Path(change.env["PATH"].partition(":")[0]) / "airflow-wizard"
    text = program.read_text()
    program.write_text("#!/bin/sh\necho 'airflow-wizard 9.9.9'\n")
    try:
        done = subprocess.run(
            ["sh", "-c", change.script], cwd=change.clone.path, env=change.env,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    finally:
        program.write_text(text)
    assert done.returncode != 0
    assert "not for airflow-wizard 9.9.9: copy the job again" in done.stderr
