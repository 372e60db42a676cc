"""An own image brings a Dockerfile, and a list of packages that stays the person's."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import RunCli
from tests.support.rendered import rendering

IMAGE = {"repository": "registry.example.com/airflow", "tag": "3.2.2-r1"}


def test_no_image_no_files() -> None:
    made = rendering("production")
    assert not [path for path in made.tree if path.startswith("image/")]
    assert "docker build" not in made.tree.by_logical("runbook").text


def test_the_dockerfile_builds_on_the_answered_version() -> None:
    changes: dict[str, object] = {"installation.image": IMAGE, "installation.airflow": "2.11.0"}
    made = rendering("production", changes)
    text = made.tree["image/airflow/Dockerfile"].text
    assert text.startswith("FROM apache/airflow:2.11.0\n")
    assert '"apache-airflow==${AIRFLOW_VERSION}" -r /requirements.txt' in text
    assert "dags" not in text
    runbook = made.tree.by_logical("runbook").text
    assert "docker build --tag registry.example.com/airflow:3.2.2-r1 image/airflow\n" in runbook


def test_dags_are_baked_in_where_that_is_their_source() -> None:
    changes: dict[str, object] = {"installation.image": IMAGE, "dags.source": "image"}
    text = rendering("production", changes).tree["image/airflow/Dockerfile"].text
    assert "COPY --chown=airflow:0 dags/ ${AIRFLOW_HOME}/dags/\n" in text


def test_the_pull_secret_is_named_and_known_to_exist() -> None:
    image = {**IMAGE, "pull_secret": "registry"}
    made = rendering("production", {"installation.image": image})
    assert made.total.existing_secrets == {"registry": (".dockerconfigjson",)}
    assert "| `registry` | `.dockerconfigjson` | made by others |" in (
        made.tree.by_logical("runbook").text
    )


def test_the_folder_is_an_answer() -> None:
    changes: dict[str, object] = {"installation.image": IMAGE, "repository.paths.image": "docker"}
    assert "docker/airflow/Dockerfile" in rendering("production", changes).tree


def test_packages_of_a_person_survive_other_answers(tmp_path: Path, run_cli: RunCli) -> None:
    repo = tmp_path / "config"
    repo.mkdir()
    common = ("--repo", repo, "--yes")
    sets = [
        text
        for key, value in IMAGE.items()
        for text in ("--set", f"installation.image.{key}={value}")
    ]
    done = run_cli("commit", "--preset", "local", *sets, *common)
    assert done.code == 0, done
    packages = repo / "image/airflow/requirements.txt"
    packages.write_text(packages.read_text() + "pandas==2.3.3\n")
    saved = run_cli("set", "executor.workers.replicas=2", *common)
    assert saved.code == 0, saved
    assert packages.read_text().endswith("pandas==2.3.3\n")
