"""The public key lands in an answers file, and not one other byte changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from wizard.errors import WizardError
from wizard.workspace.public_keys import record_in_file, set_public_key

PUBLIC = "ssh-ed25519 AAAAC3Nz+/= airflow-wizard prod git.example.com/platform/dags"
OTHER = "ssh-ed25519 AAAABBBB old"

CASES = {
    "block, empty": "dags:\n  key:\n    generate: true\n    public: \"\"  # later\n  ref: main\n",
    "block, nothing": "dags:\n  key:\n    generate: true\n    public:\n  ref: main\n",
    "block, nothing, comment": "dags:\n  key:\n    generate: true\n    public: # later\n  ref: m\n",
    "block, old": f"dags:\n  key:\n    public: {OTHER}\n    generate: true\n",
    "block, none": "dags:\n  key:   # ours\n    env: KEY   # in CI\n\n  # main\n  ref: main\n",
    "block, none, last line": "dags:\n  ref: main\n  key:\n    generate: true",
    "flow, empty": "dags:\n  key: {generate: true, public: \"\"}   # made by us\n  ref: main\n",
    "flow, none": "dags:\n  key: {generate: true}\n",
    "flow in flow": "dags: {ref: main, key: {file: ~/key}}\n",
    "no key": "schema: 1\n# DAGs\ndags:\n    # which\n    ref: main  # branch\n",
    "no key in flow": "dags: {ref: main}\n",
    "no dags": "# mine\nschema: 1\ninstallation: {name: prod}\n",
    "no dags in flow": "{schema: 1}\n",
    "CRLF": "schema: 1\r\ndags:\r\n  key:\r\n    generate: true\r\n  ref: main\r\n",
    "quoted keys": "'dags':\n  \"key\": {'generate': true, \"public\": ''}\n",
}  # fmt: skip


def without(text: str) -> list[str]:
    """The lines that nothing is put into."""
    touched = ("key", "public", "{ref", "{schema")
    return [line for line in text.splitlines() if not any(word in line for word in touched)]


@pytest.mark.parametrize("text", CASES.values(), ids=CASES)
def test_the_key_is_spliced_in(text: str) -> None:
    before = yaml.safe_load(text)

    after = set_public_key(text, "answers.yaml", PUBLIC)

    key = before.get("dags", {}).get("key") or {"generate": True}
    before.setdefault("dags", {})["key"] = {**key, "public": PUBLIC}
    assert yaml.safe_load(after) == before
    comments = [part for part in text.split() if part.startswith("#")]
    assert all(comment in after for comment in comments)
    assert set(without(text)) <= set(after.splitlines())
    assert ("\r\n" in after) == ("\r\n" in text)
    assert after.replace("\r\n", "").count("\r") == 0
    assert set_public_key(after, "answers.yaml", PUBLIC) == after


BUNDLES = {
    "block": "dags:\n  bundles:\n    - name: a\n      login:\n        generate: true\n"
    "    - name: b  # ours\n      login:\n        generate: true\n      ref: main\n",
    "flow": "dags:\n  bundles: [{name: a}, {name: b, login: {generate: true}}]  # all\n",
    "old": f"dags:\n  bundles:\n    - name: b\n      login: {{generate: true, public: {OTHER}}}\n",
}


@pytest.mark.parametrize("text", BUNDLES.values(), ids=BUNDLES)
def test_the_key_of_a_bundle_is_found_by_its_name(text: str) -> None:
    after = set_public_key(text, "answers.yaml", PUBLIC, "dags.bundles.b.login")

    wanted = yaml.safe_load(text)
    [item] = [one for one in wanted["dags"]["bundles"] if one["name"] == "b"]
    item["login"]["public"] = PUBLIC
    assert yaml.safe_load(after) == wanted
    assert all(word in after for word in text.split() if word.startswith("#"))
    with pytest.raises(WizardError, match=r"login\.public could not be written"):
        set_public_key(text, "answers.yaml", PUBLIC, "dags.bundles.c.login")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "dags: 3\n",
        "dags:\n  key: generate\n",
        "dags: {}\n",
        "dags:\n  key: {}\n",
    ],
)
def test_where_there_is_no_place_a_person_is_told_what_to_write(text: str) -> None:
    with pytest.raises(WizardError) as caught:
        set_public_key(text, "answers.yaml", PUBLIC)

    assert PUBLIC in caught.value.hint


def test_a_file_keeps_its_mode_and_a_link_its_place(tmp_path: Path) -> None:
    target, link = tmp_path / "real.yaml", tmp_path / "answers.yaml"
    target.write_text(CASES["flow, none"])
    target.chmod(0o640)
    link.symlink_to(target)

    assert record_in_file(link, {"dags.key": PUBLIC}) is True
    assert record_in_file(link, {"dags.key": PUBLIC}) is False

    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert yaml.safe_load(target.read_text())["dags"]["key"]["public"] == PUBLIC
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.yaml", "real.yaml"]


def test_a_file_that_is_gone_or_in_the_way(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(WizardError) as caught:
            record_in_file(path, {"dags.key": PUBLIC})
        assert PUBLIC in caught.value.hint
    wrong = tmp_path / "latin.yaml"
    wrong.write_bytes(b"a: \xe9\n")
    with pytest.raises(WizardError, match="not UTF-8"):
        record_in_file(wrong, {"dags.key": PUBLIC})
