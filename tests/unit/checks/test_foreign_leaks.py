"""`check` of a repository that the wizard did not write: secrets in files of any kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.corpus import bodies
from tests.support.repository import GitFolder
from wizard.checks.foreign import inspect_repository

FILES = {
    "image/Dockerfile": "FROM apache/airflow:3.2.2\nENV DB_PASSWORD={weak}\n",
    "ci/.netrc": "machine git.example.com login ada password {weak}\n",
    "ci/.pgpass": "pg.example.com:5432:airflow:airflow:{weak}\n",
    "config/webserver_config.py": "import os\nCLIENT_SECRET = '{strong}'\n",
    "config/airflow.cfg": "[smtp]\nsmtp_password = {weak}\n",
    "config/core-site.xml": "<a><password>{weak}</password></a>\n",
    "env/prod.tfvars": 'api_token = "{hex}"\n',
    "other/values.yaml": "auth:\n  password: {weak}\n",
    "other/config.json": '{"auths": {"r": {"auth": "{login_base64}"}}}\n',
    "docs/notes.md": "git clone https://{github}@github.com/acme/dags.git\n",
}


def fill(text: str) -> str:
    for name in ("weak", "strong", "hex", "login_base64", "github"):
        text = text.replace("{" + name + "}", bodies()[name])
    return text


@pytest.fixture
def folder(tmp_path: Path) -> GitFolder:
    return GitFolder.init(tmp_path / "config")


def test_every_file_with_a_secret_is_reported_and_no_value_is_shown(folder: GitFolder) -> None:
    folder.commit({path: fill(text) for path, text in FILES.items()})
    read, found = inspect_repository(folder.repo)

    assert read == len(FILES)
    leaks = [one for one in found if one.rule.startswith("secret.")]
    assert {one.path for one in leaks} == set(FILES)
    shown = "\n".join(str(one) for one in found)
    assert not [name for name, body in bodies().items() if len(body) >= 8 and body in shown]


def test_references_in_the_same_files_pass(folder: GitFolder) -> None:
    folder.commit(
        {
            "image/Dockerfile": "FROM apache/airflow:3.2.2\nARG PIP_PASSWORD\n",
            "config/webserver_config.py": "import os\nCLIENT_SECRET = os.environ['SECRET']\n",
            "config/airflow.cfg": "[smtp]\nsmtp_password =\n",
            "other/values.yaml": "auth:\n  existingSecret: db\n  password: ''\n",
            "docs/notes.md": "Set `password: <your password>` in the store.\n",
        }
    )
    _, found = inspect_repository(folder.repo)

    assert [str(one) for one in found if one.rule.startswith("secret.")] == []
