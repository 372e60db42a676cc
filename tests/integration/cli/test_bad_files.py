"""Files that people left in a bad state: what is refused names the file, the place and a remedy."""

from __future__ import annotations

import pytest

from tests.support.cli import Wizard, aw, local

__all__ = ["aw", "local"]

VALUES = "apps/airflow/airflow-values.yaml"
ANSWERS = ".airflow-wizard/airflow/answers.yaml"
FIVE = ("set", "executor.workers.concurrency=5", "--yes")
BIG = "".join(f"extra{number}: {'x' * 90}\n" for number in range(52_000))
LINE = "    worker_concurrency: 4\n"

# What someone made of the values: old text, new text, what is said. "" replaces the whole file.
BAD_VALUES = {
    "a tab": ("executor:", "\texecutor:", "not valid YAML"),
    "a tab for an indentation": ("  celery:\n", "\tcelery:\n", "not valid YAML"),
    "a key twice": (LINE, LINE * 2, "config.celery.worker_concurrency: the key occurs twice"),
    "a key without a value": (LINE, "    worker_concurrency\n", "config.celery was changed"),
    "5 MB": (LINE, LINE + "\n" + BIG, "the file has "),
    "UTF-16": ("", "utf-16", "not UTF-8"),
    "Latin 1": (LINE, f"{LINE}    # \xe9\n", "not UTF-8"),
    "a NUL": (LINE, f"{LINE}    # \0\n", "not valid YAML"),
    "two documents": ("triggerer:\n", "---\ntriggerer:\n", "more than one document"),
    "a merge key over it": (
        f"  celery:\n{LINE}", "  celery:\n    <<: {worker_concurrency: 7}\n",
        "config.celery.worker_concurrency was changed",
    ),
    "an alias into it": (
        LINE, "    worker_concurrency: &n 7\n    other: *n\n", "config.celery.worker_concurrency",
    ),
    "nothing": ("", "empty", "no document"),
    "a list": ("", "list", "written last:"),
}  # fmt: skip


def damage(aw: Wizard, path: str, old: str, new: str) -> None:
    text = (aw.folder / path).read_text()
    data = {"utf-16": text.encode("utf-16"), "empty": b"", "list": b"- 1\n"}.get(new)
    if data is None:
        assert old in text
        text = text.replace(old, new, 1)
        data = text.encode("latin-1" if "\xe9" in new else "utf-8")
    aw.git.commit({path: data}, "by hand")


def test_bad_values_stay_as_they_are(local: Wizard) -> None:
    head = local.git.git("rev-parse", "HEAD")
    for name, (old, new, what) in BAD_VALUES.items():
        damage(local, VALUES, old, new)
        before = local.git.state()
        done = local(*FIVE)
        assert done.code == 5, (name, done)
        assert VALUES in done.err, name
        assert what in done.out + done.err, (name, done.err)
        assert "hint: " in done.err, name
        assert local.git.state() == before, name
        local.git.git("reset", "-q", "--hard", head)


# What someone made of the answers, and what is said.
BAD_ANSWERS = {
    "a tab": ("executor:\n", "executor:\n\t", "line 3"),
    "a key twice": ("    concurrency: 4\n", "    concurrency: 4\n" * 2, "a key occurs twice"),
    "two documents": ("executor:\n", "---\nexecutor:\n", "one YAML document"),
    "an anchor": ("concurrency: 4", "concurrency: &n 4", "anchors and aliases"),
    "a merge key": ("executor:\n", "executor:\n  <<: *x\n", "line "),
    "a tag": ("concurrency: 4", "concurrency: !int 4", "tags are not supported"),
    "5 MB": ("executor:\n", f"{BIG}executor:\n", "larger than"),
    "UTF-16": ("", "utf-16", "not UTF-8"),
    "Latin 1": ("executor:\n", "# \xe9\nexecutor:\n", "not UTF-8"),
    "a newer schema": ("schema: 1", "schema: 2", "schema"),
    "an unknown key": ("concurrency: 4", "concurency: 4", "executor.workers.concurency"),
    "a wrong type": ("concurrency: 4", "concurrency: many", "executor.workers.concurrency"),
    "a list": ("", "list", "mapping"),
}  # fmt: skip


def test_bad_answers_are_refused_with_a_remedy(local: Wizard) -> None:
    head = local.git.git("rev-parse", "HEAD")
    for name, (old, new, what) in BAD_ANSWERS.items():
        damage(local, ANSWERS, old, new)
        before = local.git.state()
        # One value of a wrong type can be set.
        for command in (("plan",), FIVE)[: 1 if name == "a wrong type" else 2]:
            done = local(*command)
            assert done.code == 3, (name, done)
            assert what in done.err, (name, done.err)
            assert local.git.state() == before, name
            readable = name in ("an unknown key", "a wrong type")
            assert readable or ANSWERS in done.err, (name, done.err)
            assert readable or f"git log -p -- {ANSWERS}" in done.err, (name, done.err)
        local.git.git("reset", "-q", "--hard", head)


@pytest.mark.parametrize("path", [VALUES, ANSWERS])
def test_other_line_ends_are_no_edit(local: Wizard, path: str) -> None:
    """An editor on Windows saved the file; its form stays, and the change is one line."""
    text = (local.folder / path).read_text()
    local.git.commit({path: text.replace("\n", "\r\n").encode()}, "by hand")
    local.ok(*FIVE)
    data = (local.folder / VALUES).read_bytes()
    assert b"worker_concurrency: 5" in data
    changed = local.git.git("show", "--numstat", "--format=", "HEAD", "--", VALUES)
    assert changed.split()[:2] == ["1", "1"]
    local.ok("check")


def test_much_text_of_a_person_is_merged(local: Wizard) -> None:
    runbook = "docs/airflow/RUNBOOK.md"
    text = (local.folder / runbook).read_text()
    more = "".join(BIG.splitlines(keepends=True)[:10_000])
    local.git.commit({runbook: text + more}, "by hand")
    local.ok("set", "installation.namespace=other", "--yes", "--accept", "another-namespace")
    assert (local.folder / runbook).read_text().endswith(more)
