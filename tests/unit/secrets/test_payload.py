"""The payload in both layouts: what lacks is found, and filling it changes nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.canary import Canary
from wizard.errors import ConflictError, RefusedError
from wizard.formats.yaml_reader import read_mapping
from wizard.secrets.deploy_key import generate_key_pair
from wizard.secrets.facts import Fact, FactUse, Form, SecretSpec
from wizard.secrets.payload import Payload, collect_facts

PASSWORD = Fact("databasePassword", Form.PASSWORD, "database password")
ADMIN = Fact("adminPassword", Form.PASSWORD, "admin", "createUserJob.defaultUser.password")
FERNET = Fact("fernetKey", Form.FERNET, "Fernet key")
KEY = Fact("gitSshKey", Form.SSH_KEY, "deploy key")
FACTS = (PASSWORD, ADMIN, FERNET, KEY)
VALID = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaA="


def keys(**data: Any) -> Payload:
    return Payload("secret/x", False, data)


def document(text: Any = "", **data: Any) -> Payload:
    return Payload("secret/x", True, {"config": text, **data})


def test_facts_are_listed_once() -> None:
    secrets = [
        SecretSpec("a", {"x": (FactUse(PASSWORD),), "y": ("text", FactUse(KEY))}),
        SecretSpec("b", {"x": (FactUse(PASSWORD),)}),
    ]
    assert collect_facts(secrets) == (PASSWORD, KEY)


def test_what_lacks() -> None:
    assert keys().missing(FACTS) == FACTS
    assert keys(databasePassword="x", fernetKey=VALID).missing(FACTS) == (ADMIN, KEY)
    text = "createUserJob:\n  defaultUser:\n    password: x\ndatabasePassword: y\n"
    assert document(text).missing(FACTS) == (FERNET, KEY)
    assert Payload("secret/x", True, {}).missing(FACTS) == FACTS


def test_filling_keys_keeps_foreign_ones() -> None:
    payload = keys(other="kept", number=3, databasePassword="old")

    assert payload.filled({KEY: "new"}) == {
        "other": "kept", "number": 3, "databasePassword": "old", "gitSshKey": "new",
    }  # fmt: skip


def test_what_stands_there_is_never_overwritten() -> None:
    with pytest.raises(ConflictError):
        keys(databasePassword="old").filled({PASSWORD: "new"})
    with pytest.raises(ConflictError):
        document("databasePassword: old\n").filled({PASSWORD: "new"})


def test_filling_a_document_keeps_comments_quotes_and_foreign_keys() -> None:
    text = (
        "# by Ada\n"
        "databasePassword: 'it''s'   # from the DBA\n"
        "createUserJob:\n"
        "    enabled: true\n"
        "block: |\n"
        "  two\n"
        "  lines\n"
    )
    data = document(text, foreign="kept").filled({ADMIN: "a: #b", FERNET: VALID})

    assert data["foreign"] == "kept"
    assert "# by Ada" in data["config"]
    assert "# from the DBA" in data["config"]
    assert "'it''s'" in data["config"]
    assert yaml.safe_load(data["config"]) == {
        "databasePassword": "it's",
        "createUserJob": {"enabled": True, "defaultUser": {"password": "a: #b"}},
        "block": "two\nlines\n",
        "fernetKey": VALID,
    }
    assert f'fernetKey: "{VALID}"' in data["config"]


def test_a_new_document_reads_the_same_everywhere() -> None:
    private = generate_key_pair("ed25519", "x").private.get_secret_value()
    data = Payload("secret/x", True, {}).filled({KEY: private, PASSWORD: "0123e5", ADMIN: "no"})

    assert yaml.safe_load(data["config"]) == {
        "gitSshKey": private,
        "databasePassword": "0123e5",
        "createUserJob": {"defaultUser": {"password": "no"}},
    }
    assert document(data["config"]).get(KEY) == private


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip))
def test_every_value_survives_a_document(value: str) -> None:
    text = document("a: 1\n").filled({PASSWORD: value, ADMIN: value})["config"]

    assert document(text).get(PASSWORD) == document(text).get(ADMIN) == value
    assert read_mapping(text, "x")["a"] == 1


WRONG = {
    "a number": ({"databasePassword": 5}, "databasePassword: 5\n"),
    "an empty text": ({"databasePassword": " "}, 'databasePassword: " "\n'),
    "a list": ({"databasePassword": ["x"]}, "databasePassword: [x]\n"),
    "a mapping": ({"databasePassword": {"a": "x"}}, "databasePassword: {a: x}\n"),
}


@pytest.mark.parametrize(("data", "text"), WRONG.values(), ids=WRONG)
def test_a_value_that_cannot_be_used_is_named(data: dict[str, Any], text: str) -> None:
    for payload in (keys(**data), document(text)):
        with pytest.raises(RefusedError) as caught:
            payload.missing(FACTS)
        assert "databasePassword" in caught.value.message


def test_a_fernet_key_that_is_none_is_named(canary: Canary) -> None:
    with pytest.raises(RefusedError, match="fernetKey is not a Fernet key") as caught:
        keys(fernetKey=canary.secret()).missing(FACTS)
    canary.assert_absent(caught.value.message, caught.value.hint)


@pytest.mark.parametrize(
    "text", ["{secret}: [", "- {secret}", "{secret}", "a: &x {secret}\nb: *x\n", "a: !!x {secret}"]
)
def test_a_document_that_is_none_is_refused_without_a_word_of_it(canary: Canary, text: str) -> None:
    with pytest.raises(RefusedError) as caught:
        document(text.replace("{secret}", canary.secret())).missing(FACTS)
    canary.assert_absent(caught.value.message, caught.value.hint)
    assert "secret/x" in caught.value.message


def test_a_document_that_is_no_text_is_refused() -> None:
    with pytest.raises(RefusedError, match="config is not a YAML document"):
        document({"a": "b"}).missing(FACTS)
    with pytest.raises(RefusedError, match="createUserJob is not a mapping"):
        document("createUserJob: text\n").missing(FACTS)
