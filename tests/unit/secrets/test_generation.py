"""Generated values have the form their readers need, and what stands in a store is judged."""

from __future__ import annotations

import base64
import re

import pytest
from cryptography.fernet import Fernet

from wizard.secrets.facts import Form
from wizard.secrets.generation import find_form_problem, generate_value
from wizard.secrets.leak_gate import is_too_weak

MADE = [Form.PASSWORD, Form.FERNET, Form.KEY]


@pytest.mark.parametrize("form", MADE)
def test_values_differ_are_strong_and_hidden(form: Form) -> None:
    values = {generate_value(form).get_secret_value() for _ in range(50)}

    assert len(values) == 50
    for value in values:
        assert re.fullmatch(r"[A-Za-z0-9_=-]+", value)
        assert not is_too_weak(value)
        assert find_form_problem(form, value) == ""
    assert repr(generate_value(form)) == "SecretStr('**********')"


def test_a_fernet_key_encrypts() -> None:
    key = generate_value(Form.FERNET).get_secret_value()

    assert Fernet(key).decrypt(Fernet(key).encrypt(b"x")) == b"x"
    assert len(base64.urlsafe_b64decode(key)) == 32


def test_signing_keys_are_as_long_as_the_charts() -> None:
    assert len(generate_value(Form.KEY).get_secret_value()) == 128


@pytest.mark.parametrize("form", [Form.GIVEN, Form.SSH_KEY])
def test_what_cannot_be_made_up_is_not(form: Form) -> None:
    with pytest.raises(ValueError, match="not generated"):
        generate_value(form)


def test_what_a_store_holds_is_judged_by_its_form() -> None:
    one, other = (generate_value(Form.FERNET).get_secret_value() for _ in range(2))
    assert find_form_problem(Form.FERNET, f"{one},{other}") == ""
    assert find_form_problem(Form.FERNET, f"{one}, {other}") == ""
    for wrong in ("hunter2hunter2", one[:-4], f"{one},", "é" * 44):
        assert "Fernet" in find_form_problem(Form.FERNET, wrong)
    assert find_form_problem(Form.PASSWORD, " ") == "is empty"
    assert find_form_problem(Form.PASSWORD, "anything at all") == ""
