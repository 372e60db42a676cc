"""A merge base is a file that anyone can edit: only what our answers lead to is ever deleted."""

from __future__ import annotations

import pytest

from tests.support.cli import Wizard, aw, local

__all__ = ["aw", "local"]

BASE = ".airflow-wizard/airflow/base"
INDEX = f"{BASE}/index"
ANSWERS = ".airflow-wizard/airflow/answers.yaml"
VALUES = "apps/airflow/airflow-values.yaml"
SECOND = ("commit", "--preset", "local", "--yes", "--set", "installation.name=second",
          "--set", "installation.namespace=second")  # fmt: skip
CHANGE = ("set", "executor.workers.replicas=2", "--yes")


def claim(wizard: Wizard, path: str, text: str, number: int = 0) -> None:
    """Commit a base that says we wrote this file."""
    index = (wizard.folder / INDEX).read_text()
    wizard.git.commit(
        {
            INDEX: f"{index}file claimed{number} {path}\n",
            f"{BASE}/claimed{number}.base": text,
        }
    )


def tree(wizard: Wizard) -> list[str]:
    return wizard.git.git("ls-tree", "-r", "--name-only", "HEAD").splitlines()


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "apps/airflow/mine.yaml",
        "apps/second/airflow-values.yaml",
        ".airflow-wizard/second/answers.yaml",
        "docs/guide.md",
    ],
)
def test_a_file_of_others_is_never_deleted(local: Wizard, path: str) -> None:
    local.git.commit({path: "not ours\n"})
    claim(local, path, "not ours\n")

    for command in (("plan",), ("check",), CHANGE):
        done = local(*command, "--installation", "airflow")
        assert done.code == 5, done
        assert f"{path}: is listed in {INDEX}" in done.out + done.err
    assert path in tree(local)
    assert (local.folder / path).read_text() == "not ours\n"

    local.edit(INDEX, f"file claimed0 {path}\n", "")
    local.ok(*CHANGE, "--installation", "airflow")
    assert path in tree(local)


@pytest.mark.parametrize(
    "path",
    ["../x", ".git/config", ".github/workflows/x.yaml", "readme.MD", "/etc/passwd", "Jenkinsfile"],
)
def test_a_path_that_we_never_write_is_left_alone(local: Wizard, path: str) -> None:
    files = {"README.md": "not ours\n", ".github/workflows/x.yaml": "a: 1\n", "Jenkinsfile": "x\n"}
    local.git.commit(dict(files))
    config = (local.folder / ".git/config").read_text()
    claim(local, path, files.get(path, "not ours\n"))

    done = local(*CHANGE)

    assert done.code in {0, 5}, done
    assert set(files) <= set(tree(local))
    assert all((local.folder / one).read_text() == text for one, text in files.items())
    assert (local.folder / ".git/config").read_text() == config


def test_a_link_is_left_alone(local: Wizard) -> None:
    local.git.commit({"target.txt": "not ours\n"})
    (local.folder / "link").symlink_to("target.txt")
    local.git.git("add", "link")
    local.git.git("commit", "-qm", "link")
    claim(local, "link", "target.txt")

    assert local(*CHANGE).code == 5
    assert (local.folder / "link").is_symlink()


def test_a_file_of_others_is_not_overwritten_where_we_will_write(local: Wizard) -> None:
    path = "elsewhere/airflow/airflow-values.yaml"
    local.git.commit({path: "not ours\n"})
    claim(local, path, "not ours\n")

    done = local("set", "repository.paths.apps=elsewhere", "--yes")

    assert done.code == 5, done
    assert f"{path}: conflicts with a file in the repository" in done.out + done.err
    assert (local.folder / path).read_text() == "not ours\n"


def test_an_installation_of_the_same_name_below_is_not_ours(local: Wizard) -> None:
    """The answers were led there by hand, together with a base that fits."""
    values = f"clusters/b/{VALUES}"
    state = "clusters/b/.airflow-wizard/airflow/answers.yaml"
    ours = (local.folder / VALUES).read_text()
    answers = (local.folder / ANSWERS).read_text()
    local.git.commit({values: ours, state: "schema: 1\n"})
    local.ok("set", "repository.paths.apps=deploy", "--yes")
    moved = (local.folder / ANSWERS).read_text().replace("deploy", "clusters/b/apps")
    index = (local.folder / INDEX).read_text().replace(" deploy/", " clusters/b/apps/")
    local.git.commit({ANSWERS: moved, INDEX: index})
    local.git.commit({ANSWERS: answers})

    done = local(*CHANGE)

    assert done.code == 5, done
    assert (local.folder / values).read_text() == ours


def test_a_base_without_an_installation_owns_nothing(aw: Wizard) -> None:
    aw.git.commit(
        {
            "README.md": "not ours\n",
            INDEX: "format 1\nfile readme README.md\n",
            f"{BASE}/readme.base": "not ours\n",
        }
    )

    done = aw("commit", "--preset", "local", "--yes")

    assert done.code == 5, done
    assert "README.md" in tree(aw)


def test_a_move_deletes_the_old_files(local: Wizard) -> None:
    local.ok("set", "repository.paths.apps=deploy", "--yes")

    found = tree(local)
    assert not any(path.startswith("apps/") for path in found)
    assert "deploy/airflow/airflow-values.yaml" in found


def test_a_move_by_hand_deletes_the_old_files(local: Wizard) -> None:
    local.ok("set", "repository.paths.apps=deploy", "--yes")
    local.edit(ANSWERS, "deploy", "moved")

    local.ok("commit", "--yes")

    found = tree(local)
    assert not any(path.startswith("deploy/") for path in found)
    assert "moved/airflow/airflow-values.yaml" in found
    local.ok("check")


def test_what_is_no_longer_rendered_is_deleted(local: Wizard) -> None:
    before = tree(local)
    local.ok("set", "environment.network_policies=true", "--yes")
    local.ok("set", "environment.network_policies=false", "--yes")

    assert tree(local) == before
