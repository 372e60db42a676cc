"""A repository with some forty hand edits of every kind: no question loses one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.support.rendered import answers, assets, filled, rendering
from wizard.answers.files import validate_answers
from wizard.answers.questions import FieldSpec, field_spec, field_specs
from wizard.errors import AnswersError
from wizard.formats.nested import get_value, put_value
from wizard.manifests.tree import Tree
from wizard.plan.merge.sides import Decisions
from wizard.plan.render import render
from wizard.plan.tree_comparison import compare_tree
from wizard.workspace.host_keys import verify_host_keys

# Edits of the values file: each has a mark of its own, which must survive.
VALUES = [
    ("airflowVersion:", "# mine-01 above the first key\nairflowVersion:"),
    ("enableServiceLinks: false", "enableServiceLinks: false   # mine-02 behind a value"),
    ("images:\n", "images:\n  mine-03: {nested: [1, 2]}\n"),
    ("executor: CeleryExecutor", "'executor':   \"CeleryExecutor\" # mine-04 quoted"),
    ("    queue: default\n", "    queue: default\n    # mine-05 between entries\n"),
    ('      size: "10Gi"\n', "      size: '10Gi' # mine-06 single quotes\n"),
    ("    worker_concurrency: 16", "    worker_concurrency: 16\n    mine-07: extra"),
    ("  core:\n", "  webserver:\n    mine-08: 'on'\n  core:\n"),
    ("dagProcessor:\n", "dagProcessor:\n  nodeSelector: {mine-09: here}\n"),
    ("scheduler:\n", "# mine-10\n# in two lines\nscheduler:\n"),
    ("triggerer:\n", "mine-11:\n        deep:\n        -   odd: indentation\ntriggerer:\n"),
    ("postgresql:\n", "\n\n# mine-12 blank lines around\n\npostgresql:\n"),
    ("      exec airflow db migrate\n", "      exec airflow db migrate\n      # mine-13 script\n"),
    ("  ttlSecondsAfterFinished: null\n  jobAnnotations:\n    argocd.argoproj.io/hook: Sync\n",
     "  ttlSecondsAfterFinished: ~\n  jobAnnotations:\n    mine-14: x\n"
     "    argocd.argoproj.io/hook: Sync\n"),
    ("pgbouncer:\n", "pgbouncer:   # mine-15 behind a section\n"),
    ("redis:\n", "redis:\n  resources: {limits: {memory: 1Gi}}  # mine-16\n"),
    ("    depth: 1\n", "    depth: 1\n    mine-17: null\n"),
    ("    livenessProbe:\n      enabled: true\n",
     "    livenessProbe: {enabled: true, mine-18: 1}\n"),
    ("fernetKeySecretName:", "mine-19: &shared {a: 1}\nmine-20: *shared\nfernetKeySecretName:"),
    ("createUserJob:\n", "extraEnv: |\n  - name: mine-21\n    value: a\ncreateUserJob:\n"),
    ("networkPolicies:\n", "? mine-22\n: explicit\nnetworkPolicies:\n"),
    ("env:\n  - name: AIRFLOW__", "env:\n  - {name: mine-23, value: x}\n  - name: AIRFLOW__"),
    ("    value: UTC\n", "    value: UTC  # mine-24\n  - name: mine-25\n    value: |\n      a\n"),
    ("    rev: HEAD\n", "    rev: \"HEAD\"\n    # mine-26\n"),
    ("apiServer:\n  replicas: 2", "apiServer:\n  replicas: 2 # mine-27\n  mine-28: [a,\n    b]"),
]  # fmt: skip
END = "# mine-29 at the end\nmine-30: last"
# Values that the person changed: in a conflict at most with a question about the same value.
CHANGED = [
    ("    failureThreshold: 20", "    failureThreshold: 77 # mine-31"),
    ("  migrationsWaitTimeout: 300", "  migrationsWaitTimeout: 333 # mine-32"),
]
OTHERS = {
    "kustomization": [
        ("kind: Kustomization\n", "kind: Kustomization # mine-33\n"),
        ("resources:\n",
         "commonAnnotations:\n  mine-34: x\nresources:\n# mine-35\n  - mine-36.yaml\n"),
    ],
    "runbook": [("\n## ", "\nmine-37: a paragraph of ours.\n\n## ")],
    "argocd/application": [
        ("metadata:\n", "metadata: # mine-38\n"), ("spec:\n", "# mine-39\nspec:\n"),
    ],
    "argocd/project": [("spec:\n", "# mine-40\nspec: # mine-41\n")],
    "secrets/store": [("metadata:\n", "metadata: # mine-42\n")],
    "secrets/airflow-metadata": [("  name: airflow-metadata\n",
                                  "  name: airflow-metadata\n  labels: {mine-43: x}\n")],
    "vault/policy": [("path ", "# mine-44\npath ")],
}  # fmt: skip


@cache
def edited() -> tuple[Tree, dict[str, bytes], dict[str, bytes]]:
    """The rendering, and the repository before and after the edits."""
    tree = rendering("production").tree
    base = {path: file.data for path, file in tree.items() if file.logical != "answers"}
    mine = dict(base)
    for logical, edits in {"values": [*VALUES, *CHANGED], **OTHERS}.items():
        file = tree.by_logical(logical)
        text = file.text
        for old, new in edits:
            assert old in text, old
            text = text.replace(old, new, 1)
        if logical == "values":
            text += END
        mine[file.path] = text.encode()
    return tree, base, mine


def marks(data: bytes) -> set[bytes]:
    return set(re.findall(rb"mine-\d\d", data))


def alternatives(item: FieldSpec, current: Any) -> Iterator[Any]:
    """Other answers to a question; not all of them are valid."""
    if item.kind == "bool":
        yield not current
    elif item.kind == "int":
        yield from (current + 1, 5)
    elif item.kind == "choice":
        yield from (choice for choice in item.choices if choice != current)
    elif item.kind == "text":
        yield from ("other", "3Gi", "250m", "https://other.example.com", "other/path", "7h")
    elif item.kind == "mapping":
        yield {"other": "value"}


def changed_trees(key: str) -> Iterator[Tree]:
    """What the answers render to with another answer to one question; once, or not at all."""
    data = filled("production")
    _, base, _ = edited()
    item = field_spec(key)
    for value in alternatives(item, get_value(data, item.path, item.default)):
        found = validate_answers(put_value(data, item.path, value)).answers
        if found is None:
            continue
        try:
            settled = verify_host_keys(
                found, typed=(), committed=(), by="Ada Example", date="2026-11-21"
            ).answers
            tree = render(settled, assets(settled)).tree
        except AnswersError:
            continue
        found_files = [file for file in tree.values() if file.logical != "answers"]
        if any(base.get(file.path) != file.data for file in found_files):
            yield Tree(found_files)
            return


# Questions that apply. Answers without an effect on a file are left out by `changed_trees`.
KEYS = [
    item.key
    for item in field_specs()
    if item.kind not in ("secret", "list") and item.applies(answers())
]
SECTIONS = sorted({key.split(".")[0] for key in KEYS} - {"cluster"})


@pytest.mark.parametrize("section", SECTIONS)
def test_no_question_loses_a_hand_edit(section: str) -> None:
    _, base, mine = edited()
    tried = 0
    for key in KEYS:
        if key.split(".")[0] != section:
            continue
        for tree in changed_trees(key):
            tried += 1
            if check(key, tree, base, mine, Decisions()):
                check(key, tree, base, mine, Decisions("mine"))
    assert tried


def check(
    key: str, tree: Tree, base: dict[str, bytes], mine: dict[str, bytes], decisions: Decisions
) -> bool:
    """Whether there are conflicts, after a search for lost edits."""
    files = {**dict.fromkeys(tree), **mine}
    changes, conflicts = compare_tree(tree, base, files, decisions=decisions)
    after = {change.path: change.new for change in changes}
    disputed = {one.path: one for one in conflicts}
    for path, data in mine.items():
        if path in disputed:
            # A question: the file is as it was. A change of the whole file is rare.
            assert disputed[path].key or path not in tree, (key, disputed[path])
            continue
        if path not in after:
            assert path not in tree
            continue
        new = after[path]
        assert marks(data) <= marks(new or b""), (key, path, marks(data) - marks(new or b""))
        if new not in (None, data):
            assert b"<<<<<<<" not in new
    if decisions.others == "mine":
        assert not [one for one in conflicts if one.choices], key
    return bool(conflicts)


def test_there_are_some_forty_edits() -> None:
    _, base, mine = edited()
    assert not set().union(*map(marks, base.values()))
    assert len(set().union(*map(marks, mine.values()))) >= 40


def test_the_same_answers_change_nothing() -> None:
    tree, base, mine = edited()
    emitted = Tree(file for file in tree.values() if file.logical != "answers")
    changes, conflicts = compare_tree(emitted, base, mine)
    assert not conflicts
    assert not [change.path for change in changes if change.differs]
