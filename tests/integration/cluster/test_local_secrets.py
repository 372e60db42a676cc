"""The shell of `up.sh` for the laptop's Secrets, run by bash; only the cluster is played.

A stand-in for kubectl keeps objects as files, because no kubelet is needed to make a Secret.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.rendered import rendering

pytestmark = pytest.mark.integration

HOSTILE = "A\"d'a $(id) `id` ${HOME} \\n {{ x }} # : é"
KUBECTL = """\
#!{python}
import base64, json, os, pathlib, sys, yaml
store = pathlib.Path(os.environ["STORE"])
with (store / "argv").open("a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
args = [arg for arg in sys.argv[1:] if arg not in ("--namespace", "airflow")]
if args[:2] == ["get", "secret"]:
    path = store / (args[2] + ".json")
    if not path.exists():
        sys.exit("not found")
    if len(args) > 3:
        key = args[4].removeprefix("jsonpath={{.data.").removesuffix("}}")
        value = json.loads(path.read_text()).get(key, "")
        sys.stdout.write(base64.b64encode(value.encode()).decode())
    sys.exit()
left = int(os.environ.get("STOP_AFTER", "99"))
for document in yaml.safe_load_all(sys.stdin.read()):
    assert document["kind"] == "Secret", document
    assert document.get("type", "Opaque") == "Opaque"
    path = store / (document["metadata"]["name"] + ".json")
    text = json.dumps(document["stringData"])
    if args[0] == "create" and path.exists():
        sys.exit("AlreadyExists")
    if left == 0:
        sys.exit("connection lost")
    left -= 1
    with (store / "log").open("a") as log:
        log.write(args[0] + " " + path.stem + " " + str(path.exists() and path.read_text() == text))
        log.write("\\n")
    path.write_text(text)
"""


class Laptop:
    """A folder of objects, and the shell of `up.sh`."""

    def __init__(self, folder: Path, script: str) -> None:
        self.folder, self.script = folder, script
        program = folder / "bin" / "kubectl"
        program.parent.mkdir(parents=True)
        program.write_text(KUBECTL.format(python=sys.executable))
        program.chmod(0o755)

    def run(self, **env: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder / 'bin'}:/usr/bin:/bin"
        return subprocess.run(
            ["bash", "-c", self.script], capture_output=True, text=True, timeout=60, check=False,
            env={"PATH": path, "STORE": str(self.folder), "HOME": "/nowhere", **env},
        )  # fmt: skip

    def secrets(self) -> dict[str, dict[str, str]]:
        return {path.stem: json.loads(path.read_text()) for path in self.folder.glob("*.json")}

    def log(self) -> list[str]:
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []


def script(changes: dict[str, object] | None = None) -> str:
    text = rendering("local", changes).tree.by_logical("kind-up").text
    [found] = re.findall(r"^\($.*?^\)$", text, re.DOTALL | re.MULTILINE)
    assert isinstance(found, str)
    return found


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop(tmp_path, script())


def test_every_secret_of_the_values_is_made_and_they_agree(laptop: Laptop) -> None:
    done = laptop.run()
    assert done.returncode == 0, done.stderr
    made = laptop.secrets()
    wanted = {secret.name: set(secret.keys) for secret in rendering("local").total.secrets}
    assert {name: set(keys) for name, keys in made.items() if name in wanted} == wanted
    database = made["airflow-postgresql-auth"]["password"]
    assert made["airflow-postgresql-auth"]["postgres-password"] == database
    for name in ("airflow-metadata", "airflow-result-backend"):
        url = urlsplit(made[name]["connection"].removeprefix("db+"))
        assert (url.username, url.password) == ("postgres", database)
    broker = urlsplit(made["airflow-broker-url"]["connection"])
    assert broker.password == made["airflow-redis-password"]["password"]
    assert len(base64.urlsafe_b64decode(made["airflow-fernet-key"]["fernet-key"])) == 32
    values = {value for keys in made.values() for value in keys.values()}
    long = [value for value in values if len(value) >= 48 and "://" not in value]
    assert len(set(long)) == len(long) == 5, "five values besides the Fernet key, none used twice"


def test_no_value_reaches_argv_or_the_terminal(laptop: Laptop) -> None:
    done = laptop.run()
    argv = (laptop.folder / "argv").read_text()
    values = {value for keys in laptop.secrets().values() for value in keys.values()}
    for value in values:
        if len(value) > 30:
            assert value not in argv + done.stdout + done.stderr
    assert "set -x" not in laptop.script


def test_a_second_run_changes_nothing(laptop: Laptop) -> None:
    assert laptop.run().returncode == 0
    before, first = laptop.secrets(), len(laptop.log())
    assert laptop.run().returncode == 0
    assert laptop.secrets() == before
    again = laptop.log()[first:]
    assert again
    assert all(entry.startswith("apply ") and entry.endswith(" True") for entry in again)


@pytest.mark.parametrize("after", range(5))
def test_an_interrupted_run_is_continued_with_the_same_values(laptop: Laptop, after: int) -> None:
    stopped = laptop.run(STOP_AFTER=str(after))
    assert stopped.returncode != 0
    before = laptop.secrets()
    assert laptop.run().returncode == 0
    made = laptop.secrets()
    assert {name: made[name] for name in before} == before
    password = made["airflow-postgresql-auth"]["password"]
    assert f":{password}@" in made["airflow-metadata"]["connection"]


def test_without_a_cluster_or_openssl_nothing_is_made(laptop: Laptop) -> None:
    (laptop.folder / "bin" / "openssl").write_text("#!/bin/sh\nexit 1\n")
    (laptop.folder / "bin" / "openssl").chmod(0o755)
    assert laptop.run().returncode != 0
    assert laptop.secrets() == {}


def test_a_value_that_got_lost_stops_instead_of_writing_an_empty_one(laptop: Laptop) -> None:
    source = laptop.folder / "airflow-generated.json"
    source.write_text(json.dumps({"databasePassword": "kept"}))
    done = laptop.run()
    assert done.returncode != 0
    assert set(laptop.secrets()) == {"airflow-generated"}


def test_hostile_names_arrive_unchanged_and_run_nothing(tmp_path: Path) -> None:
    names: dict[str, Any] = {
        "admin.username": "EOF",
        "admin.first_name": HOSTILE,
        "admin.last_name": HOSTILE[::-1].strip(),
    }
    hostile = Laptop(tmp_path, script(names))
    done = hostile.run()
    assert done.returncode == 0, done.stderr
    user = hostile.secrets()["airflow-default-user"]
    assert user["username"] == "EOF"
    assert user["firstName"] == HOSTILE
    assert user["lastName"] == names["admin.last_name"]
    assert "uid=" not in done.stdout + done.stderr
