"""A store or a delivery is one folder and one line: a made-up one gets to a commit and a plan.

Both live in the tests' folder (`tests.support.made_up`); the product is not touched.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.cli import answers_file
from tests.support.paths import TOP
from tests.support.repository import GitFolder
from wizard.deliveries.registry import DELIVERIES
from wizard.stores.registry import STORES

SAFE = {"secrets.store": "safe", "secrets.safe.host": "safe.example.com", "secrets.safe.shelf": 3}
COURIER = {"delivery.kind": "courier", "delivery.courier.rider": "ada"}


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.support.made_up", *args, "--repo", str(folder)],
        cwd=TOP, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> GitFolder:
    return GitFolder.init(tmp_path / "config")


def committed(folder: GitFolder, tmp_path: Path, **changes: object) -> dict[str, str]:
    file = answers_file(tmp_path / "answers.yaml", {**SAFE, **COURIER, **changes})
    done = run(folder.path, "commit", "--answers", str(file), "--yes")
    assert done.returncode == 0, done.stderr
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "HEAD"],
        cwd=folder.path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {name: (folder.path / name).read_text() for name in listed.stdout.splitlines()}


def test_a_made_up_store_and_delivery_get_from_answers_to_a_commit_and_a_plan(
    folder: GitFolder, tmp_path: Path
) -> None:
    tree = committed(folder, tmp_path)
    store = yaml.safe_load(tree["apps/airflow/secrets/store.yaml"])
    assert store["spec"]["provider"] == {"webhook": {"url": "https://safe.example.com/shelf-3"}}
    secret = yaml.safe_load(tree["apps/airflow/secrets/airflow-fernet-key.yaml"])
    assert secret["spec"]["secretStoreRef"]["name"] == "safe-airflow"
    assert tree["apps/airflow/parcel.txt"].startswith("ada\napps/airflow/secrets/store.yaml\n")
    assert "secrets/namespace.yaml" in tree["apps/airflow/kustomization.yaml"]
    assert not [path for path in tree if path.startswith(("argocd/", "vault/"))]
    runbook = tree["docs/airflow/RUNBOOK.md"]
    for text in ("## Call the courier", "knock on the safe", "Change the lock.", "--back"):
        assert text in runbook
    saved = yaml.safe_load(tree[".airflow-wizard/airflow/answers.yaml"])
    assert (saved["secrets"]["safe"], saved["delivery"]["courier"]) == (
        {"host": "safe.example.com", "shelf": 3},
        {"rider": "ada"},
    )
    done = run(folder.path, "plan", "--json", "--set", "secrets.safe.shelf=4")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert "apps/airflow/secrets/store.yaml" in {one["path"] for one in plan["changes"]}
    steps = [one["id"] for one in plan["actions"]]
    assert {"safe.fill", "courier.parcel"} <= set(steps)


def test_their_questions_and_rules_count_like_any_other(folder: GitFolder, tmp_path: Path) -> None:
    changes = {**SAFE, **COURIER, "secrets.safe.shelf": 12}
    file = answers_file(tmp_path / "answers.yaml", changes)
    done = run(folder.path, "plan", "--answers", str(file))
    assert (done.returncode, "the safe has nine shelves" in done.stderr) == (3, True), done.stderr
    file = answers_file(tmp_path / "answers.yaml", {**COURIER, "secrets.store": "safe"})
    done = run(folder.path, "plan", "--answers", str(file))
    assert (done.returncode, "secrets.safe.host" in done.stderr) == (3, True), done.stderr
    done = run(folder.path, "schema")
    kinds = json.loads(done.stdout)["$defs"]
    assert kinds["Secrets"]["properties"]["store"]["enum"] == [*STORES, "safe"]
    assert kinds["Delivery"]["properties"]["kind"]["enum"] == [*DELIVERIES, "courier"]


def test_their_checks_count_in_every_tree(folder: GitFolder, tmp_path: Path) -> None:
    changes = {**SAFE, **COURIER, "secrets.safe.shelf": 9}
    file = answers_file(tmp_path / "answers.yaml", changes)
    done = run(folder.path, "commit", "--answers", str(file), "--yes")
    assert (done.returncode, "the ninth shelf is damp" in done.stderr) == (4, True), done


def test_what_they_cannot_do_is_refused_and_says_so(folder: GitFolder, tmp_path: Path) -> None:
    committed(folder, tmp_path)
    done = run(folder.path, "apply", "--yes")
    assert (done.returncode, "where delivery.kind is courier" in done.stderr) == (4, True)
    done = run(folder.path, "secrets", "--yes")
    assert (done.returncode, "secrets.store is safe" in done.stderr) == (64, True), done.stderr


def test_a_chart_version_is_a_row_and_a_key_file(folder: GitFolder, tmp_path: Path) -> None:
    chart = {"installation.chart": "1.99.0", "installation.airflow": "3.9.9"}
    tree = committed(folder, tmp_path, **chart)
    assert "chart 1.99.0" in tree["apps/airflow/airflow-values.yaml"]
    done = run(folder.path, "plan", "--set", "installation.chart=1.98.0")
    assert (done.returncode, "1.99.0" in done.stderr) == (3, True), done.stderr


# A kind's name as a value in a comparison. Strings such as Vault's own `kubernetes` auth method
# stand in the folder of their system.
COMPARED = re.compile(
    r"""(?:==|!=|\bin\b)\s*[\(\{\[]?\s*["'](?:vault|kubernetes|argocd|helm|kind)["']"""
)
HOME = re.compile(r"wizard/(?:stores|deliveries|systems)/(?:vault|kubernetes|argocd|helm|kind)/")


def test_nothing_outside_its_folder_compares_a_kind() -> None:
    found = []
    for path in sorted((*TOP.glob("wizard/**/*.py"), *TOP.glob("screens/**/*.py"))):
        name = path.relative_to(TOP).as_posix()
        if HOME.match(name):
            continue
        found += [
            f"{name}:{number}: {line.strip()}"
            for number, line in enumerate(path.read_text().splitlines(), 1)
            if COMPARED.search(line)
        ]
    assert found == []
