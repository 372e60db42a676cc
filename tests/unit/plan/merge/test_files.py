"""A rendered file and the edits of a person: what is merged, and that every other byte stays."""

from __future__ import annotations

from textwrap import dedent

import pytest
import yaml

from wizard.git.changes import Side
from wizard.plan.merge.files import merge_file
from wizard.plan.merge.sides import Edited, MergedFile, MergeError

BASE = """\
# Values of airflow.

# How tasks run.
executor: CeleryExecutor
workers:
  # How many.
  replicas: 2
  keda:
    enabled: false
env:
  - name: A
    value: one
  - name: B
    value: two
config:
  core:
    parallelism: 32
extraEnv: |
  - name: S
    value: x
  - name: T
    value: y
labels: {}
text: |
  first
  second
last: end
"""


def merge(
    mine: str, new: str, base: str = BASE, side: Side | None = None, path: str = "v.yaml"
) -> MergedFile:
    return merge_file(path, base.encode(), mine.encode(), new.encode(), lambda _key: side)


def merged(mine: str, new: str, base: str = BASE) -> str:
    found = merge(mine, new, base)
    assert found.data is not None, found.disagreements
    again = merge_file("v.yaml", new.encode(), found.data, new.encode())
    assert again.data == found.data
    assert b"<<<<" not in found.data
    return found.data.decode()


def changed(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


OURS = {
    "scalar": ("replicas: 2", "replicas: 3"),
    "text": ("executor: CeleryExecutor", 'executor: "A,B"'),
    "block": ("  first\n  second\n", "  third\n"),
    "scalar to mapping": ("last: end", "last:\n  a: 1\n  b:\n    - x"),
    "empty to mapping": ("labels: {}", "labels:\n  app: x"),
    "mapping to scalar": ("  keda:\n    enabled: false\n", "  keda: none\n"),
    "entry added": ("  replicas: 2\n", "  replicas: 2\n  # Why.\n  more: true\n"),
    "section added": ("labels: {}", "# Of the pods.\npods:\n  - a\nlabels: {}"),
    "entry removed": ("  keda:\n    enabled: false\n", ""),
    "section removed": ("config:\n  core:\n    parallelism: 32\n", ""),
    "item changed": ("value: two", "value: other"),
    "item added": ("  - name: B\n", "  - name: C\n    value: 'yes'\n  - name: B\n"),
    "item removed": ("  - name: A\n    value: one\n", ""),
    "text item": ("    value: y\n", "    value: z\n  - name: U\n    value: u\n"),
    "last removed": ("last: end\n", ""),
    "first removed": ("# How tasks run.\nexecutor: CeleryExecutor\n", ""),
}  # fmt: skip
# Edits of a person that touch none of the leaves above.
THEIRS = {
    "comments": [
        ("executor:", "# Ours.\nexecutor:"), ("replicas: 2", "replicas: 2  # two"),
        ("    value: two\n", "    value: two  # b\n    # below b\n"),
        ("last: end\n", "last: end\n# The end."),
        ("    enabled: false\n", "    enabled: false # k\n"),
        ("labels: {}", "labels: {} # none"), ("config:\n", "config:\n  # Core.\n"),
    ],
    "keys": [
        ("workers:\n", "workers:\n  nodeSelector: {disk: ssd}\n"),
        ("last: end\n", "last: end\nmine:\n    deep:\n    - 1\n    -   two\n"),
        ("  core:\n", "  webserver: {a: 1}\n  core:\n"),
    ],
    "items": [
        ("env:\n", "env:\n  - {name: M, value: m}\n"),
        ("extraEnv: |\n", "extraEnv: |\n  - {name: N, value: n}\n"),
    ],
    "spelling": [
        ("env:\n  - name: A\n    value: one\n  - name: B\n    value: two\n",
         "env:\n- name:   'A'\n  value: \"one\"\n-\n  name: B\n  value: two\n"),
        ("  keda:\n    enabled: false\n", "  keda: {enabled: false}\n"),
        ("    parallelism: 32\n", "        parallelism: 32\n"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("theirs", THEIRS.values(), ids=THEIRS)
@pytest.mark.parametrize("windows", [False, True], ids=["unix", "windows"])
@pytest.mark.parametrize("ours", OURS.values(), ids=OURS)
def test_one_change_of_ours_and_edits_elsewhere_are_both_kept(
    ours: tuple[str, str], theirs: list[tuple[str, str]], windows: bool
) -> None:
    mine, new = changed(BASE, *theirs), changed(BASE, ours)
    if windows:
        mine = "\ufeff" + mine.replace("\n", "\r\n")
    found = merged(mine, new)
    assert found.startswith("\ufeff") == windows
    if windows:
        assert found.count("\n") == found.count("\r\n")
    data, wanted = yaml.safe_load(found), yaml.safe_load(new)
    own, base = yaml.safe_load(mine), yaml.safe_load(BASE)
    for key in {*own, *wanted, *base}:
        if wanted.get(key) != base.get(key) and own.get(key) == base.get(key):
            assert data.get(key) == wanted.get(key), key
        elif wanted.get(key) == base.get(key):
            assert data.get(key) == own.get(key), key
    for _, edit in theirs:
        for line in edit.split("\n"):
            assert "".join(line.partition("# ")[1:]) in found


def test_only_the_line_of_the_answer_changes() -> None:
    mine = changed(BASE, *THEIRS["comments"], *THEIRS["keys"])
    found = merged(mine, changed(BASE, OURS["scalar"]))
    assert found == mine.replace("replicas: 2", "replicas: 3")


def test_a_new_entry_brings_its_comment_and_takes_the_indentation() -> None:
    mine = "workers:\n      replicas: 2   # two\n      own: 1\nlast: end"
    found = merged(mine, changed(BASE, OURS["entry added"]), BASE)
    assert found == mine.replace("      own", "      # Why.\n      more: true\n      own")


def test_a_removed_entry_leaves_the_person_s_comments() -> None:
    mine = changed(BASE, ("  keda:\n", "  # Scale later.\n  keda: # soon\n    # Not yet.\n"))
    found = merged(mine, changed(BASE, OURS["entry removed"]))
    assert "  # Scale later.\n  # soon\n  # Not yet.\nenv:" in found
    found = merged(changed(BASE, ("end", "end # x")), changed(BASE, OURS["first removed"]))
    assert found.startswith("# Values of airflow.\n\nworkers:")


CONFLICTS = {
    "both changed": (("replicas: 2", "replicas: 5"), OURS["scalar"], "workers.replicas", "5", "3"),
    "deleted": (("  replicas: 2\n", ""), OURS["scalar"], "workers.replicas", None, "3"),
    "section deleted": (
        ("config:\n  core:\n    parallelism: 32\n", ""), ("parallelism: 32", "parallelism: 64"),
        "config", None, "core:\n  parallelism: 64",
    ),
    "edited and dropped": (
        ("parallelism: 32", "parallelism: 1"), OURS["section removed"],
        "config.core.parallelism", "1", None,
    ),
    "item": (("value: two", "value: 2nd"), OURS["item changed"], "env[B].value", '"2nd"', "other"),
    "type": (("last: end", "last: [1]"), OURS["scalar to mapping"], "last", "- 1",
             "a: 1\nb:\n  - x"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONFLICTS.values(), ids=CONFLICTS)
def test_what_both_changed_is_one_question(
    case: tuple[tuple[str, str], tuple[str, str], str, str | None, str | None],
) -> None:
    edit, ours, key, own, wanted = case
    comment = ("executor:", "# Kept.\nexecutor:")
    mine, new = changed(BASE, edit, comment), changed(BASE, ours)
    found = merge(mine, new)
    assert found.data is None
    assert [(one.key, one.mine, one.new) for one in found.disagreements] == [(key, own, wanted)]
    kept = merge(mine, new, side="mine").data
    assert kept == mine.encode()
    taken = merge(mine, new, side="new").data
    assert taken is not None
    assert yaml.safe_load(taken) == yaml.safe_load(new)
    assert b"# Kept." in taken


REFUSED = {
    "not YAML": ("a: [\n", "", "YAML"),
    "tabs": (changed(BASE, ("  replicas", "\treplicas")), "line 7", "YAML"),
    "a key twice": (f"{BASE}last: 2\n", "last", "twice"),
    "two documents": (f"{BASE}---\na: 1\n", "", "more than one document"),
    "empty": ("", "", "no document"),
    "only comments": ("# nothing\n", "", "no document"),
    "another encoding": (BASE.replace("end", "\udce9"), "", "UTF-8"),
    "an anchor": (
        changed(BASE, ("replicas: 2", "replicas: &two 2"), ("last: end", "last: end\nx: *two")),
        "workers.replicas", "anchor",
    ),
    "an alias": (
        changed(BASE, ("executor", "t: &two 2\nexecutor"), ("replicas: 2", "replicas: *two")),
        "workers.replicas", "anchor",
    ),
    "a merge key": (
        changed(BASE, ("executor", "t: &t {replicas: 2}\nexecutor"), ("  replicas: 2", "  <<: *t")),
        "workers.replicas", "merge key",
    ),
    "a tag": (changed(BASE, ("workers:", "workers: !ours")), "workers", "tag"),
    "an explicit key": (
        changed(BASE, ("  replicas: 2", "  ? replicas\n  : 2")), "workers.replicas", "key: value"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_merged_says_where_and_why(case: tuple[str, str, str]) -> None:
    mine, key, reason = case
    data = mine.encode("utf-8", "surrogateescape")
    new = changed(BASE, OURS["scalar"])
    with pytest.raises(MergeError) as caught:
        merge_file("v.yaml", BASE.encode(), data, new.encode())
    assert key in caught.value.key
    assert reason in caught.value.reason
    assert caught.value.fix


def test_a_value_that_a_person_gives_replaces_both() -> None:
    mine = changed(BASE, ("replicas: 2", "replicas: 3  # mine"))
    new = changed(BASE, ("replicas: 2", "replicas: 5"))
    for value, text in ((7, "replicas: 7"), ({"a": "b"}, "replicas:  # mine\n")):
        given = Edited(value)
        found = merge_file("v.yaml", BASE.encode(), mine.encode(), new.encode(), lambda _: given)  # noqa: B023
        assert found.data is not None
        assert text in found.data.decode()
        assert yaml.safe_load(found.data)["workers"]["replicas"] == value


def test_a_file_of_another_kind_is_one_question() -> None:
    found = merge("- 1\n", changed(BASE, OURS["scalar"]))
    assert [one.key for one in found.disagreements] == [""]


def test_an_anchor_elsewhere_does_not_matter() -> None:
    mine = changed(BASE, ("last: end", "a: &a {b: 1}\nc:\n  <<: *a\n  d: *a\nlast: end"))
    found = merged(mine, changed(BASE, OURS["scalar"], OURS["entry removed"], OURS["item added"]))
    assert "a: &a {b: 1}\nc:\n  <<: *a\n  d: *a\nlast: end" in found


JSON = dedent("""\
    {
      "bound": ["a", "b"],
      "ttl": "1h",
      "extra": {}
    }
    """)


def test_json_stays_json() -> None:
    mine = JSON.replace('"1h"', '"1h",\n  "mine": true')
    new = JSON.replace('"b"]', '"b", "c"]').replace('"1h"', '"2h"').replace("{}", '{"x": "y"}')
    found = merge(mine, new, JSON, path="role.json").data
    assert found is not None
    assert found.decode() == mine.replace('"1h"', '"2h"').replace("{}", '{"x": "y"}').replace(
        '["a", "b"]', '["a", "b", "c"]'
    ).replace('["a", "b", "c"]', found.decode().split('"bound": ')[1].split(",\n")[0])
    assert yaml.safe_load(found)["bound"] == ["a", "b", "c"]
