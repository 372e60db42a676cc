"""An own image brings a Dockerfile, and a list of packages that stays the person's."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import RunCli
from tests.support.rendered import findings, objections, rendering, values

IMAGE = {"repository": "registry.example.com/airflow", "tag": "3.2.2-r1"}


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, with one space between words, as Docker joins lines."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.M))
    return [
        (name, " ".join(words.split()))
        for name, _, words in (line.partition(" ") for line in joined.splitlines() if line)
    ]


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


def dockerfile(image: dict[str, object], **changes: object) -> str:
    made = rendering("production", {"installation.image": {**IMAGE, **image}, **changes})
    return made.tree.by_logical("image/dockerfile").text


def test_pip_keeps_to_the_constraints_of_the_base() -> None:
    text = dockerfile({"base": "3.11", "apt": ["libpq-dev", "git=1:2.39"]})
    assert instructions(text) == [
        ("FROM", "apache/airflow:3.2.2-python3.11"),
        ("USER", "root"),
        (
            "RUN",
            "apt-get update && apt-get install --yes --no-install-recommends libpq-dev git=1:2.39 "
            "&& rm -rf /var/lib/apt/lists/*",
        ),
        ("USER", "airflow"),
        ("COPY", "requirements.txt /requirements.txt"),
        (
            "RUN",
            'pip install --no-cache-dir --constraint "${HOME}/constraints.txt" '
            '"apache-airflow==${AIRFLOW_VERSION}" -r /requirements.txt',
        ),
    ]


@pytest.mark.parametrize(
    ("changes", "package"),
    [
        ({"metrics.kind": "datadog"}, "datadog"),
        (
            {
                "logs.kind": "remote", "logs.destination": "opensearch", "logs.user": "logs",
                "logs.url": "https://search.example.internal:9243",
            },
            "apache-airflow-providers-opensearch",
        ),
    ],
)  # fmt: skip
def test_an_own_image_installs_what_the_official_one_lacks(
    changes: dict[str, object], package: str
) -> None:
    made = rendering("production", {**changes, "installation.image": IMAGE})
    assert f"\n{package}\n" in made.tree["image/airflow/requirements.txt"].text


def test_single_sign_on_works_on_a_slim_base() -> None:
    login: dict[str, object] = {
        "access.base_url": "https://airflow.example.com", "access.login": "oauth",
        "access.oauth.provider": "google", "access.oauth.client_id": "airflow",
        "access.oauth.roles": {"example.com": "User"},
    }  # fmt: skip
    assert "google-auth" not in dockerfile({"base": "slim"})
    assert "fab,google-auth,postgres" in dockerfile({"base": "slim"}, **login)


def test_a_slim_base_gets_the_providers_that_the_answers_need() -> None:
    text = dockerfile({"base": "slim"})
    assert "FROM apache/airflow:slim-3.2.2\n" in text
    assert '"apache-airflow[celery,fab,postgres,redis,statsd]==${AIRFLOW_VERSION}"' in text
    changes = {"executor.kind": "KubernetesExecutor", "dags.source": "bundle"}
    text = dockerfile({"base": "slim-3.13"}, **changes)
    assert "FROM apache/airflow:slim-3.2.2-python3.13\n" in text
    assert '"apache-airflow[cncf-kubernetes,fab,git,postgres,statsd]==' in text


def test_uv_installs_a_lock_for_the_python_of_the_base() -> None:
    made = rendering("production", {"installation.image": {**IMAGE, "tool": "uv"}})
    text = made.tree.by_logical("image/dockerfile").text
    assert "FROM apache/airflow:3.2.2-python3.12\n" in text
    (sync,) = [words for name, words in instructions(text) if name == "RUN"]
    assert sync.startswith('UV_PROJECT_ENVIRONMENT="${HOME}/.local" uv sync')
    assert " --project /opt/airflow-image --frozen --inexact --no-dev " in sync
    project = tomllib.loads(made.tree.by_logical("image/pyproject").text)
    assert project["project"]["requires-python"] == "==3.12.*"
    assert project["project"]["dependencies"] == []
    runbook = made.tree.by_logical("runbook").text
    assert "/constraints-3.2.2/constraints-3.12.txt \\\n" in runbook
    assert '"apache-airflow==3.2.2"\n' in runbook
    assert "image/airflow/requirements.txt" not in made.tree


def test_the_version_check_of_the_lock_stops_another_airflow() -> None:
    text = dockerfile({"tool": "uv"})
    check = text[text.index("python -c") :].replace("\\\n", "").strip()
    name = "pydantic"
    check = check.replace("apache-airflow", name).replace("python", sys.executable, 1)
    for given, code in ((version(name), 0), ("0.1", 1)):
        done = subprocess.run(
            ["sh", "-c", check], env={"AIRFLOW_VERSION": given}, capture_output=True, check=False
        )
        assert done.returncode == code, done.stderr


REPOSITORIES = {
    "registry.example.com/airflow": "pip",
    "ghcr.io/acme/airflow": "uv",
    "acme.azurecr.io/airflow": "pip",
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/airflow": "uv",
    "europe-docker.pkg.dev/acme/data/airflow": "pip",
    "acme/airflow": "uv",
}


@pytest.mark.parametrize("ci", ["github", "gitlab", "azure"])
def test_the_ci_is_sound_shell_and_yaml(ci: str) -> None:
    for repository, tool in REPOSITORIES.items():
        image = {**IMAGE, "repository": repository, "ci": ci, "tool": tool, "apt": ["git"]}
        made = rendering(
            "production",
            {"installation.image": image, "repository.path": "conf", "repository.branch": "a/b#1"},
        )
        script = made.tree.by_logical("image/build").text
        for shell in ("sh", "bash"):
            done = subprocess.run(
                [shell, "-n"], input=script, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
        file = made.tree.by_logical("image/ci").text
        commands = {
            part.split()[-1]
            for part in texts(yaml.safe_load(file))
            if part.startswith("sh conf/image/airflow/build.sh ")
        }
        assert commands == {"login", "build", "deploy", "gate"}
        # Each variable that is named to people is one that the files read.
        runbook = made.tree.by_logical("runbook").text
        named = re.findall(r"^\| `(\w+)` \| ", runbook.split("## CI of the image")[1], re.M)
        named = named[: named.index("symptom")] if "symptom" in named else named
        assert "WIZARD_PACKAGE" in named
        assert [one for one in named if one not in script + file] == []
        assert not re.search(r"\b(FOLDER|BRANCH|ANSWERS|PREFIX|PUBLISH|AUDIENCE|LOCK)\b", script)
        # The checks take longest: once for each forge.
        if repository == "acme/airflow":
            assert [str(one) for one in findings(made) if one.is_error] == []


def texts(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    for below in (
        data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    ):
        yield from texts(below)


def test_clouds_take_the_identity_of_the_job_instead_of_a_password() -> None:
    def job(repository: str, ci: str) -> tuple[Any, str]:
        image = {**IMAGE, "repository": repository, "ci": ci}
        made = rendering("production", {"installation.image": image})
        found = yaml.safe_load(made.tree.by_logical("image/ci").text)
        return found, made.tree.by_logical("image/build").text

    for name in ("acme.azurecr.io/a", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a"):
        found, text = job(name, "github")
        assert found["jobs"]["image"]["permissions"]["id-token"] == "write"
        assert "id-token" not in found["jobs"]["plan"]["permissions"]
        assert "REGISTRY_PASSWORD" not in text
        found, text = job(name, "gitlab")
        assert found["airflow-image-airflow"]["id_tokens"]["ID_TOKEN"]["aud"] in text + str(found)
        assert "REGISTRY_PASSWORD" not in text
    found, text = job("acme.azurecr.io/a", "azure")
    assert found["jobs"][0]["steps"][1]["task"] == "AzureCLI@2"
    assert "az acr login --name acme\n" in text
    found, text = job("ghcr.io/acme/a", "github")
    assert found["jobs"]["image"]["permissions"]["packages"] == "write"
    assert "id-token" not in found["jobs"]["image"]["permissions"]


def test_ci_steps_of_others_are_named_by_digest() -> None:
    made = rendering("production", {"installation.image": {**IMAGE, "ci": "github"}})
    used = re.findall(r"uses: \S+@(\S+)", made.tree.by_logical("image/ci").text)
    assert used
    assert all(re.fullmatch(r"[0-9a-f]{40}", one) for one in used)
    assert re.search(r"trivy:\S+@sha256:[0-9a-f]{64}", made.tree.by_logical("image/build").text)


@pytest.mark.parametrize(
    ("airflow", "base", "tool", "says"),
    [
        ("2.11.0", "3.13", "pip", "use Python 3.9 to 3.12"),
        ("3.1.8", "slim-3.14", "pip", "use Python 3.10 to 3.13"),
        ("3.2.2", "3.9", "pip", "use Python 3.10 to 3.14"),
        ("3.2.2", "3.14", "uv", ""),
        ("2.11.0", "", "uv", ""),
        ("3.0.6", "slim", "pip", ""),
    ],
)
def test_a_python_without_an_image_is_refused(
    airflow: str, base: str, tool: str, says: str
) -> None:
    changes: dict[str, object] = {
        "installation.airflow": airflow,
        "installation.image": {**IMAGE, "base": base, "tool": tool},
    }
    found = objections("production", changes)
    assert len(found) == bool(says)
    assert not says or found[0].startswith("installation.image.base: ")
    assert says in "".join(found)


def test_pull_secrets_work_with_the_official_image_too() -> None:
    made = rendering("production", {"installation.image": {"pull_secrets": ["hub", "mirror"]}})
    assert values(made)["imagePullSecrets"] == ["hub", "mirror"]
    assert set(made.total.existing_secrets) == {"hub", "mirror"}
    both = {**IMAGE, "pull_secret": "registry", "pull_secrets": ["mirror", "registry"]}
    made = rendering("production", {"installation.image": both})
    assert values(made)["imagePullSecrets"] == ["registry", "mirror"]


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
