"""The script of the image's CI, with a real repository and the real wizard.

Docker and the forge's own program are stand-ins that record how they were called: no daemon and no
forge runs here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.canary import Canary
from tests.support.paths import TOP
from tests.support.process import WIZARD, run
from tests.support.rendered import FILL, FILL_VAULT
from tests.support.repository import GitFolder
from wizard.answers.files import merge_layers

pytestmark = pytest.mark.integration

IMAGE = {"repository": "registry.example.com/airflow", "tag": "3.2.2-r1", "ci": "github"}
SCRIPT = "image/airflow/build.sh"
ANSWERS = ".airflow-wizard/airflow/answers.yaml"
RECORD = '#!/bin/sh\nprintf "%s\\n" "$(basename "$0") $*" >>"$RECORDS"\n'
DOCKER = RECORD + 'case $1 in manifest) exit 1 ;; login) cat >"$RECORDS.password" ;; esac\n'


@dataclass
class Forge:
    """A clone as a CI job has it, the server behind it, and what the stand-ins were told."""

    clone: GitFolder
    server: GitFolder
    env: dict[str, str]
    records: Path

    def run(self, command: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", self.clone.path / SCRIPT, command],
            cwd=self.clone.path, env={**self.env, **more}, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    def told(self) -> list[str]:
        return self.records.read_text().splitlines() if self.records.exists() else []

    def branches(self) -> list[str]:
        return self.server.git("for-each-ref", "--format=%(refname:short)").splitlines()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a server, and a clone that has an installation with the CI of GitHub."""
    folder = tmp_path_factory.mktemp("forge")
    server = GitFolder.init(folder / "server.git", "--bare")
    server.git("config", "receive.advertisePushOptions", "true")
    clone = GitFolder.init(folder / "clone")
    made = run(
        [*WIZARD, "commit", "--preset", "production", "--answers", "-", "--yes"],
        cwd=clone.path,
        input=json.dumps(merge_layers(FILL, FILL_VAULT, {"installation": {"image": IMAGE}})),
    )
    assert made.code == 0, made
    return folder


@pytest.fixture
def forge(tmp_path: Path, template: Path) -> Forge:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    server, clone = GitFolder(tmp_path / "server.git"), GitFolder(tmp_path / "clone")
    clone.git("remote", "add", "origin", server.path)
    clone.git("push", "-q", "-u", "origin", "main")
    programs = tmp_path / "bin"
    programs.mkdir()
    wizard = f'#!/bin/sh\nexec {sys.executable} -m wizard "$@"\n'
    for name, text in {"docker": DOCKER, "gh": RECORD, "airflow-wizard": wizard}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    records = tmp_path / "records"
    env = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(TOP),
        "HOME": str(tmp_path),
        "RECORDS": str(records),
        "TMPDIR": str(tmp_path),
    }
    return Forge(clone, server, env, records)


def test_a_build_is_scanned_before_it_is_pushed(forge: Forge, canary: Canary) -> None:
    secret = canary.secret()
    done = forge.run("login", REGISTRY_USER="bot", REGISTRY_PASSWORD=secret)
    assert done.returncode == 0, done.stderr
    assert forge.told() == ["docker login registry.example.com --username bot --password-stdin"]
    assert Path(f"{forge.records}.password").read_text() == secret
    done = forge.run("build")
    assert done.returncode == 0, done.stderr
    commit = forge.clone.git("log", "-1", "--format=%h", "--abbrev=12")
    image = f"registry.example.com/airflow:3.2.2-{commit}"
    steps = [line.split(" ")[1] for line in forge.told()[1:]]
    assert steps == ["manifest", "build", "save", "run", "push"]
    assert forge.told()[2] == f"docker build --pull --tag {image} image/airflow"
    assert "--severity CRITICAL --exit-code 1" in forge.told()[4]
    assert forge.run("nonsense").returncode == 64
    # A change elsewhere, such as that of the tag, keeps the tag: nothing is built again.
    forge.clone.commit({"docs/other.md": "x\n"})
    assert forge.run("build").returncode == 0
    assert forge.told()[-1] == f"docker push {image}"


def test_a_deployment_changes_the_tag_and_nothing_else(forge: Forge) -> None:
    forge.clone.commit({"image/airflow/requirements.txt": "pandas==2.3.3\n"})
    forge.clone.git("push", "-q", "origin", "main")
    commit = forge.clone.git("log", "-1", "--format=%h", "--abbrev=12")
    request = f"airflow-image-airflow-3.2.2-{commit}"
    done = forge.run("deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert forge.branches() == [request, "main"]
    assert forge.told() == [f"gh pr create --fill --base main --head {request}"]
    diff = forge.server.git("diff", "--unified=0", "main", request)
    added = [line for line in diff.splitlines() if line.startswith("+") and line[:4] != "+++ "]
    assert added
    assert all(f"3.2.2-{commit}" in line for line in added)
    # Once requested, it is not requested again.
    again = forge.run("deploy")
    assert (again.returncode, f"branch {request} exists" in again.stderr) == (0, True)


def test_with_helmsman_the_job_changes_its_own_file_alone(forge: Forge) -> None:
    """The answers stay, so no run of the wizard is needed, and none undoes it."""
    made = run([*WIZARD, "set", "delivery.kind=helmsman", "--yes", "--accept", "another-delivery"],
               cwd=forge.clone.path)  # fmt: skip
    assert made.code == 0, made
    own = "apps/airflow/values.image.yaml"
    assert 'tag: "3.2.2-r1"' in (forge.clone.path / own).read_text()
    forge.clone.commit({"image/airflow/requirements.txt": "pandas==2.3.3\n"})
    forge.clone.git("push", "-q", "origin", "main")
    commit = forge.clone.git("log", "-1", "--format=%h", "--abbrev=12")
    request = f"airflow-image-airflow-3.2.2-{commit}"
    (Path(forge.env["HOME"]) / "bin" / "airflow-wizard").unlink()
    done = forge.run("deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert forge.told() == [f"gh pr create --fill --base main --head {request}"]
    assert forge.server.git("diff", "--name-only", "main", request) == own
    diff = forge.server.git("diff", "--unified=0", "main", request)
    assert [line for line in diff.splitlines() if line[:1] in "+-" and line[1:2] == " "] == [
        '-    tag: "3.2.2-r1"',
        f'+    tag: "3.2.2-{commit}"',
    ]
    # The wizard keeps it, and its checks are content with it.
    forge.clone.git("checkout", "-q", "main")
    forge.clone.git("merge", "-q", "--ff-only", request)
    plan = run([*WIZARD, "plan", "--detailed-exitcode"], cwd=forge.clone.path)
    assert plan.code == 0, plan
    again = forge.run("deploy")
    assert (again.returncode, f"branch {request} exists" in again.stderr) == (0, True)


def test_a_deployment_that_would_change_more_is_refused(forge: Forge) -> None:
    text = forge.clone.path / ANSWERS
    changed = text.read_text().replace("max_client_conn: 100", "max_client_conn: 90")
    assert changed != text.read_text()
    forge.clone.commit({ANSWERS: changed})
    forge.clone.git("push", "-q", "origin", "main")
    done = forge.run("deploy")
    assert (done.returncode, "more than the tag" in done.stderr) == (1, True), done.stderr
    assert forge.branches() == ["main"]
    assert forge.told() == []


def test_gitlab_requests_the_merge_with_the_push(forge: Forge, canary: Canary) -> None:
    made = run([*WIZARD, "set", "installation.image.ci=gitlab", "--yes"], cwd=forge.clone.path)
    assert made.code == 0, made
    forge.clone.git("push", "-q", "origin", "main")
    seen = forge.records.with_name("options")
    hook = forge.server.path / "hooks" / "pre-receive"
    hook.write_text(f'#!/bin/sh\necho "$GIT_PUSH_OPTION_0 $GIT_PUSH_OPTION_1" > {seen}\n')
    hook.chmod(0o755)
    project = str(forge.server.path).removesuffix(".git")
    done = forge.run("deploy", CI_PROJECT_URL=project, PUSH_TOKEN=canary.secret())
    assert done.returncode == 0, done.stdout + done.stderr
    canary.assert_absent(done.stdout, done.stderr)
    assert seen.read_text() == "merge_request.create merge_request.target=main\n"
    assert len(forge.branches()) == 2


def test_a_request_gets_the_plan_as_a_comment(forge: Forge) -> None:
    changed = ("set", "executor.workers.replicas=3", "--branch", "more", "--yes")
    made = run([*WIZARD, *changed], cwd=forge.clone.path)
    assert made.code == 0, made
    done = forge.run("gate", PULL_REQUEST="7")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split(" /")[0] for line in forge.told()] == ["gh pr comment 7 --body-file"]
    assert "apps/airflow/airflow-values.yaml" in done.stdout
    assert "worker" in done.stdout
    assert forge.clone.git("worktree", "list").count("\n") == 0
    # A hand edit that breaks a check fails the job, and the comment says why.
    values = forge.clone.path / "apps/airflow/airflow-values.yaml"
    forge.clone.commit(
        {"apps/airflow/airflow-values.yaml": values.read_text() + "fernetKey: abc\n"}
    )
    done = forge.run("gate", PULL_REQUEST="7")
    assert (done.returncode, "fernetKey" in done.stdout) == (4, True), done.stdout + done.stderr
    assert len(forge.told()) == 2
