"""References to secrets: five shapes, and silence about everything else."""

from __future__ import annotations

import json
import subprocess
import sys
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.json_schema import JsonSchemaMode

from wizard.answers.files import apply_assignments
from wizard.secrets.references import KINDS, SecretRef
from wizard.secrets.references import DeployKey as AnswersKey

SECRET = "hunter2-Correct-Horse"

GOOD = [
    ({"env": "AIRFLOW_DB_PASSWORD"}, "env", "AIRFLOW_DB_PASSWORD", "env:AIRFLOW_DB_PASSWORD"),
    ({"env": "_"}, "env", "_", "env:_"),
    ({"file": "/run/secrets/db pass:word"}, "file", "/run/secrets/db pass:word", None),
    ({"file": "~/ключ"}, "file", "~/ключ", "file:~/ключ"),
    ({"prompt": True}, "prompt", "", "prompt"),
    ({"generate": True}, "generate", "", "generate"),
    ({"store": True}, "store", "", "store"),
]

BAD = [
    SECRET,
    f"env:{SECRET}",
    SECRET.encode(),
    None,
    True,
    7,
    [SECRET],
    [("env", "NAME")],
    {},
    {SECRET: True},
    {SECRET: SECRET},
    {"value": SECRET},
    {"env": SECRET},
    {"env": "lower"},
    {"env": "9NAME"},
    {"env": "NAME\n"},
    {"env": ""},
    {"env": None},
    {"env": 5},
    {"env": {"name": SECRET}},
    {"file": ""},
    {"file": f"{SECRET}\n"},
    {"file": f"a\n{SECRET}"},
    {"file": f"\x1b{SECRET}"},
    {"file": f"\u202e{SECRET}"},
    {"file": f"\u2028{SECRET}"},
    {"file": SECRET * 60},
    {"file": True},
    {"prompt": False},
    {"prompt": 1},
    {"prompt": "true"},
    {"prompt": SECRET},
    {"generate": None},
    {"store": SECRET},
    {"env": "NAME", "file": SECRET},
    {"env": "NAME", "prompt": True},
    {"env": "NAME", SECRET: True},
    {1: True},
]


class Root(BaseModel):
    """An answers model in small: hides its input, as roots do."""

    model_config = ConfigDict(hide_input_in_errors=True)
    password: SecretRef


class DeployKey(SecretRef):
    """A reference with a public part beside it."""

    public: str = ""


@pytest.mark.parametrize(("value", "kind", "argument", "text"), GOOD)
def test_references(value: dict[str, Any], kind: str, argument: str, text: str | None) -> None:
    reference = SecretRef.model_validate(value)
    assert (reference.kind, reference.argument) == (kind, argument)
    assert reference.model_dump() == value
    assert json.loads(reference.model_dump_json()) == value
    assert SecretRef.parse(str(reference)) == reference
    if text is not None:
        assert str(reference) == text
    root = Root.model_validate({"password": value})
    assert root.password == reference
    assert root.model_dump() == {"password": value}
    assert hash(root.password) == hash(reference)


def test_the_constructor_takes_one_reference() -> None:
    assert SecretRef(env="A_B").kind == "env"
    assert SecretRef(generate=True) == SecretRef.parse(" generate ")
    assert Root(password=SecretRef(store=True)).password.kind == "store"


@pytest.mark.parametrize("value", BAD, ids=range(len(BAD)))
def test_everything_else_is_refused_and_never_repeated(value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Root.model_validate({"password": value})
    shown = "".join(traceback.format_exception(caught.value)) + str(caught.value)
    details = caught.value.errors(include_input=False)
    shown += repr(details) + caught.value.json(include_input=False)
    assert "hunter2" not in shown
    assert [item["loc"] for item in details] == [("password",)]
    assert details[0]["type"] == "secret_reference"
    assert any(word in details[0]["msg"] for word in ("{env: NAME}", "env takes", "file takes"))


def test_the_message_says_what_may_stand_there() -> None:
    never = r"answers never hold a secret's value.*\{generate: true\}"
    with pytest.raises(ValidationError, match=never):
        SecretRef.model_validate(SECRET)
    with pytest.raises(ValidationError, match="not its value"):
        SecretRef(env="hunter2")
    with pytest.raises(ValidationError, match="not its content"):
        SecretRef(file="-----BEGIN\n")


def test_a_subclass_may_hold_what_is_public() -> None:
    key = DeployKey.model_validate({"public": "ssh-ed25519 AAAA", "generate": True})
    assert (key.kind, key.public) == ("generate", "ssh-ed25519 AAAA")
    assert key.model_dump() == {"generate": True, "public": "ssh-ed25519 AAAA"}
    assert DeployKey.model_validate(key.model_dump()) == key
    assert DeployKey.parse("env:A") == DeployKey(env="A", public="")
    assert key.model_copy(update={"public": ""}).model_dump() == {"generate": True, "public": ""}
    schema = DeployKey.model_json_schema()["oneOf"][0]
    assert schema["properties"]["public"] == {"type": "string"}
    assert schema["required"] == ["env"]
    for value in (
        {"public": SECRET},
        {"public": SECRET, "prompt": SECRET},
        {"public": [SECRET], "store": True},
    ):
        with pytest.raises(ValidationError) as caught:
            DeployKey.model_validate(value)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(ValidationError):
        SecretRef.model_validate({"generate": True, "public": "ssh-ed25519 AAAA"})


def test_a_reference_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SecretRef(env="A").env = "B"  # type: ignore[misc]


WORDS = ("", ":", "env", "env:", "env:lower", "env:A\n", "ENV:A", "prompt:", "prompt:true", "file:")
SECRETS = (SECRET, f"env:{SECRET}", f"file:a\n{SECRET}", f"{SECRET}:x", f"generate:{SECRET}")


@pytest.mark.parametrize("text", [*WORDS, *SECRETS, "file", "value:x"])
def test_other_text_is_refused_and_never_repeated(text: str) -> None:
    refused = "answers never hold a secret's value|env takes|file takes"
    with pytest.raises(ValueError, match=refused) as caught:
        SecretRef.parse(text)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@given(st.one_of(st.text(), st.sampled_from(["env:", "file:", "prompt"]).flatmap(
    lambda head: st.text().map(lambda tail: head + tail)
)))  # fmt: skip
def test_text_either_parses_and_prints_the_same_or_is_refused(text: str) -> None:
    try:
        reference = SecretRef.parse(text)
    except ValueError:
        return
    assert SecretRef.parse(str(reference)) == reference
    assert SecretRef.model_validate(reference.model_dump()) == reference


def test_the_json_schema_lists_the_five_shapes() -> None:
    modes: tuple[JsonSchemaMode, ...] = ("validation", "serialization")
    for mode in modes:
        schema = SecretRef.model_json_schema(mode=mode)
        assert [shape["required"] for shape in schema["oneOf"]] == [[kind] for kind in KINDS]
        assert "password" in Root.model_json_schema(mode=mode)["properties"]


def test_the_json_schema_agrees_with_the_model() -> None:
    from jsonschema_rs import validator_for

    validator = validator_for(SecretRef.model_json_schema())
    for value, *_ in GOOD:
        assert validator.is_valid(value)
    for value in BAD:
        if isinstance(value, (str, dict)) and all(isinstance(key, str) for key in value):
            text = value.get("file") if isinstance(value, dict) else None
            hidden = isinstance(text, str) and len(text) <= 1000 and text != ""
            assert hidden or not validator.is_valid(value), value


def test_it_imports_nothing_heavier_than_pydantic() -> None:
    code = (
        "import sys, pydantic; before = set(sys.modules); import wizard.secrets.references; "
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    heavy = {"ruamel", "hvac", "kubernetes", "paramiko", "textual", "cryptography", "jsonschema_rs"}
    assert not heavy & set(eval(printed))


def test_why_a_deploy_key_may_push_stands_beside_it_only_where_somebody_says_so() -> None:
    plain = AnswersKey.model_validate({"generate": True})
    explained = AnswersKey.model_validate({"generate": True, "writable": "CI tags releases"})

    assert plain.model_dump() == {"generate": True, "public": ""}
    assert explained.model_dump() == {
        "generate": True,
        "public": "",
        "writable": "CI tags releases",
    }


def test_what_is_public_of_a_deploy_key_outlives_a_new_reference() -> None:
    held = {"dags": {"key": {"generate": True, "public": "ssh-ed25519 A", "writable": "CI"}}}

    found = apply_assignments(held, ["dags.key=file:/run/key"])

    assert found["dags"]["key"] == {
        "file": "/run/key",
        "public": "ssh-ed25519 A",
        "writable": "CI",
    }
