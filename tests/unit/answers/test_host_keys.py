"""Host keys in an answers file as people have them: ssh-keyscan's text, lines, or mappings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.support.cli import Wizard, answers_file, aw
from wizard.answers.files import (
    answers_data,
    answers_text,
    parse_answers,
    require_valid_answers,
    validate_answers,
)
from wizard.answers.host_keys import parse_pasted_keys, with_readable_host_keys
from wizard.errors import AnswersError
from wizard.formats.nested import get_value, put_value
from wizard.hostkeys.keys import HostKey

__all__ = ["aw"]

ED = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
EC = (
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNu"
    "G5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg="
)
LINES = [f"git.example.com ssh-ed25519 {ED}", f"git.example.com ecdsa-sha2-nistp256 {EC}"]
MAPPINGS = [
    {"host": "git.example.com", "type": "ssh-ed25519", "key": ED},
    {"host": "git.example.com", "type": "ecdsa-sha2-nistp256", "key": EC},
]
FORMS: dict[str, Any] = {
    "text": "# git.example.com:22 SSH-2.0-x\n" + "\n".join(LINES) + "\n",
    "list of lines": LINES,
    "list of texts": ["\n".join(LINES), ""],
    "mappings": MAPPINGS,
    "line and mapping": [LINES[0], MAPPINGS[1]],
}


def _data(host_keys: object, repo: str = "ssh://git@git.example.com/a/dags.git") -> dict[str, Any]:
    return {"dags": {"repo": repo, "host_keys": host_keys}}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_saved_as_mappings_without_evidence(form: str, tmp_path: Path) -> None:
    path = answers_file(
        tmp_path / "a.yaml",
        {"dags.repo": "ssh://git@git.example.com/a/dags.git", "dags.host_keys": FORMS[form]},
    )
    answers, warnings = require_valid_answers(parse_answers(path.read_text(), "a.yaml"))

    assert warnings == ()
    assert get_value(answers_data(answers), ("dags", "host_keys")) == MAPPINGS
    again = parse_answers(answers_text(answers), "saved")
    assert get_value(again, ("dags", "host_keys")) == MAPPINGS
    assert parse_pasted_keys(_data(FORMS[form])) == _data(MAPPINGS)


def test_pasted_text_needs_a_typed_fingerprint_like_every_key(aw: Wizard, tmp_path: Path) -> None:
    path = answers_file(
        tmp_path / "a.yaml",
        {"dags.repo": "ssh://git@git.example.com/a/dags.git", "dags.host_keys": FORMS["text"]},
    )
    refused = aw("commit", "--answers", str(path), "--yes")
    assert refused.code == 4
    assert "evidence is missing" in refused.err

    typed = [HostKey(item["type"], item["key"]).fingerprint for item in MAPPINGS]
    flags = [part for value in typed for part in ("--host-key-fingerprint", value)]
    aw.ok("commit", "--answers", str(path), "--yes", *flags)

    assert f"git.example.com ssh-ed25519 {ED}" in aw.git.git(
        "show", "HEAD:apps/airflow/airflow-values.yaml"
    )


@pytest.mark.parametrize("form", FORMS)
def test_the_schema_takes_every_form(aw: Wizard, form: str) -> None:
    validator = jsonschema_rs.Draft202012Validator(json.loads(aw.ok("schema").out))

    assert validator.is_valid(_data(FORMS[form]))
    assert not validator.is_valid(_data([1]))
    assert not validator.is_valid(_data({"a": "b"}))


def test_each_bad_line_is_named_and_none_repeated() -> None:
    found = validate_answers(_data([LINES[0], "git.example.com ssh-dss AAAA", "hunter2"]))

    (problem,) = [one for one in found.problems if one.key == "dags.host_keys"]
    assert "line 2: DSA keys" in problem.message
    assert "line 3: this is not a public host key" in problem.message
    assert "hunter2" not in problem.message
    private = validate_answers(_data("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk"))
    assert "this is a private key" in str(private.problems)


def test_another_hosts_line_is_refused() -> None:
    found = validate_answers(_data(FORMS["text"], "ssh://git@git.example.com:2222/a/dags.git"))

    assert "than the repository's: [git.example.com]:2222" in str(found.problems)


@pytest.mark.parametrize("repo", ["https://git.example.com/a/dags.git", ""])
def test_text_that_does_not_count_is_ignored_with_a_warning(repo: str) -> None:
    data = put_value(_data(FORMS["text"], repo), ("dags", "source"), "image")
    found = validate_answers(data)

    assert found.answers is not None
    assert found.answers.dags.host_keys == []
    assert any(text.startswith("dags.host_keys is ignored") for text in found.warnings)
    assert parse_pasted_keys(data) == data


def test_explain_names_the_forms(aw: Wizard) -> None:
    shown = aw.ok("explain", "dags.host_keys").out

    assert "the output of ssh-keyscan" in shown
    assert "{host, type, key}" in shown


@pytest.mark.parametrize("wrong", ["hunter2", ["hunter2"], [1], {"a": 1}], ids=str)
def test_the_screens_do_not_open_on_host_keys_that_cannot_be_read(wrong: object) -> None:
    with pytest.raises(AnswersError) as caught:
        with_readable_host_keys(_data(wrong))

    assert {one.key.split(".")[1] for one in caught.value.problems} == {"host_keys"}
    assert "hunter2" not in str(caught.value.problems)


@pytest.mark.parametrize("form", FORMS)
def test_the_screens_get_mappings(form: str) -> None:
    https = _data(FORMS[form], "https://git.example.com/a/dags.git")

    assert with_readable_host_keys(parse_pasted_keys(_data(FORMS[form]))) == _data(MAPPINGS)
    assert all(isinstance(one, dict) for one in with_readable_host_keys(https)["dags"]["host_keys"])
    assert with_readable_host_keys({}) == {}
