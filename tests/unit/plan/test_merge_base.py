"""The merge base: where it is kept, what it records, and what is refused when reading it."""

from __future__ import annotations

import pytest

from wizard.errors import ConflictError
from wizard.manifests.tree import File, Tree
from wizard.plan.merge_base import (
    MergeBase,
    base_changes,
    base_files,
    base_path,
    index_path,
    read_base,
)

TREE = Tree(
    [
        File("values", "apps/airflow/airflow-values.yaml", "executor: x\n"),
        File("secrets", "apps/airflow/a file.yaml", "a\n"),
        File("secrets/store", "apps/airflow/secrets/store.yaml", "é\n"),
        File("answers", ".airflow-wizard/airflow/answers.yaml", "schema: 1\n"),
    ]
)


def stored() -> dict[str, bytes | None]:
    return {file.path: file.data for file in base_files(TREE, "airflow", "1.2.3")}


def test_base_keeps_exact_bytes_under_names_no_tool_takes() -> None:
    files = Tree(base_files(TREE, "airflow"))
    folder = ".airflow-wizard/airflow/base"
    assert sorted(files) == [
        f"{folder}/index",
        f"{folder}/secrets.base",
        f"{folder}/secrets/store.base",
        f"{folder}/values.base",
    ]
    assert files[f"{folder}/secrets/store.base"].data == "é\n".encode()
    assert files[f"{folder}/values.base"].logical == "base/values"


def test_base_is_read_back_as_it_was_written() -> None:
    base = read_base("airflow", stored())
    assert base.version == "1.2.3"
    assert base.by_path() == {
        path: file.data for path, file in TREE.items() if file.logical != "answers"
    }
    assert base.logical("apps/airflow/a file.yaml") == "secrets"
    assert base.logical("elsewhere") == ""


def test_base_without_a_version() -> None:
    files: dict[str, bytes | None] = {f.path: f.data for f in base_files(TREE, "airflow")}
    assert read_base("airflow", files).version == ""


def test_no_index_is_no_base() -> None:
    assert read_base("airflow", {}) == MergeBase("", {})


@pytest.mark.parametrize(
    ("index", "what"),
    [
        (b"\xff", "not text"),
        (b"", "missing"),
        (b"something\n", "does not start with a format line"),
        (b"format x\n", "does not start with a format line"),
        (b"format 2\n", "newer Airflow Wizard"),
        (b"format 1\nother a\n", "line 2 is not known to this version"),
        (b"format 1\nfile values\n", "line 2 does not name one file"),
        (b"format 1\nfile ../values x\n", "line 2 does not name one file"),
        (b"format 1\nfile a x\nfile a y\n", "line 3 does not name one file"),
        (b"format 1\nfile nowhere apps/x\n", "nowhere.base: is listed in the index but missing"),
    ],
)
def test_a_damaged_base_stops_with_a_remedy(index: bytes, what: str) -> None:
    files = {**stored(), index_path("airflow"): index}
    if not index:
        files.pop(base_path("airflow", "values"))
        files[index_path("airflow")] = stored()[index_path("airflow")]
    with pytest.raises(ConflictError, match=what) as caught:
        read_base("airflow", files)
    assert caught.value.hint


@pytest.mark.parametrize("logical", ["", "../x", "a/../b", "/a", "a//b", "a b", ".hidden", "a\\b"])
def test_an_id_that_leaves_the_folder_is_a_bug(logical: str) -> None:
    with pytest.raises(ValueError, match="not a logical file id"):
        base_path("airflow", logical)


def test_stale_base_files_go_and_others_stay() -> None:
    before = {**stored(), "apps/airflow/secrets/store.yaml": b"x"}
    smaller = Tree([TREE["apps/airflow/airflow-values.yaml"]])
    changes = base_changes("airflow", base_files(smaller, "airflow"), before)
    assert {change.path.rpartition("base/")[2]: change.kind for change in changes} == {
        "index": "modify",
        "values.base": "same",
        "secrets.base": "delete",
        "secrets/store.base": "delete",
    }
