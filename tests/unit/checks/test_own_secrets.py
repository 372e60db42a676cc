"""Every way to use a Secret of one's own: declared it passes, undeclared it is named."""

from __future__ import annotations

import pytest

from tests.support.own_secrets import GREEN, KEYTAB, USES, errors


@pytest.mark.parametrize("name", USES)
def test_a_secret_must_be_known(name: str) -> None:
    values, where, _ = USES[name]
    assert errors({"values": values}) == [("reference.secret", where)]
    extra = [{"name": "mine", "from": "existing"}]
    assert errors({"values": values, "secrets.extra": extra}) == []


@pytest.mark.parametrize("name", GREEN)
def test_what_needs_no_declaration(name: str) -> None:
    assert errors({"values": GREEN[name][0]}) == []


def test_secrets_extra_makes_a_secret_of_a_fixed_name() -> None:
    assert errors({"values": KEYTAB["values"]}) == [("reference.secret", "kerberos.enabled")]
    assert errors(KEYTAB) == []


def test_a_missing_key_is_named_where_the_keys_are_known() -> None:
    extra = {"name": "mine", "from": "existing", "keys": ["OTHER"]}
    changes = {"values": USES["secret list"][0], "secrets.extra": [extra]}
    assert errors(changes) == [("reference.key", "secret[0]")]
