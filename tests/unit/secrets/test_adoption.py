"""What document 000's own payload gives, and what it does not."""

from __future__ import annotations

import pytest
import yaml

from wizard.errors import RefusedError
from wizard.secrets.adoption import find_adoptable_value
from wizard.secrets.facts import Fact, Form
from wizard.secrets.payload import Payload

PASSWORD = Fact("databasePassword", Form.PASSWORD, "database password")
KEY = Fact("gitSshKey", Form.SSH_KEY, "deploy key")


def document(**data: object) -> Payload:
    return Payload("path", True, {"config": yaml.safe_dump(data)})


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgresql://airflow:a%2Fb%40c@pg:5432/airflow?sslmode=disable", "a/b@c"),
        ("postgresql://air%66low:plain-word@pg/airflow", "plain-word"),
        ("postgresql://dba:plain-word@pg/airflow", None),
        ("postgresql://airflow@pg/airflow", None),
        ("postgresql://[/", None),
        ("no address", None),
    ],
)
def test_the_password_of_a_url_is_that_of_its_user(url: str, found: str | None) -> None:
    held = find_adoptable_value(document(metadataConnection=url), PASSWORD, "airflow")
    assert (held and held.value.get_secret_value()) == found
    assert held is None or held.place == "config.metadataConnection"
    assert str(found) not in repr(held) or found is None


def test_only_a_document_has_places_of_its_own() -> None:
    url = "postgresql://airflow:plain-word@pg/airflow"
    flat = Payload("path", False, {"metadataConnection": url})
    assert find_adoptable_value(flat, PASSWORD, "airflow") is None
    assert find_adoptable_value(document(), PASSWORD, "airflow") is None
    other = Fact("jwtSecret", Form.KEY, "JWT secret")
    assert find_adoptable_value(document(metadataConnection=url), other, "airflow") is None


def test_the_values_of_the_other_layout_count() -> None:
    key = Fact("jwtSecret", Form.KEY, "JWT secret", "jwt.secret")
    value = "0123456789abcdef" * 4
    flat = Payload("path", True, {"jwtSecret": value})
    nested = Payload("path", False, {"config": yaml.safe_dump({"jwt": {"secret": value}})})
    for payload, place in ((flat, "jwtSecret"), (nested, "config.jwt.secret")):
        held = find_adoptable_value(payload, key, "airflow")
        assert held is not None
        assert (held.place, held.value.get_secret_value()) == (place, value)
    # Somebody else's key of this name.
    for other in ("no document: [", "text", ""):
        held = find_adoptable_value(Payload("path", False, {"config": other}), key, "airflow")
        assert held is None


def test_a_key_that_is_no_text_is_named() -> None:
    secret = {"airflow-ssh-secret": {"data": {"gitSshKey": 5}}}
    with pytest.raises(RefusedError, match=r"extraSecrets\.airflow-ssh-secret\.data\.gitSshKey"):
        find_adoptable_value(document(extraSecrets=secret), KEY, "airflow")
