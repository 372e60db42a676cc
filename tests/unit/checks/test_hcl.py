"""Vault policies: what is granted is what Vault would grant, or less."""

import pytest

from wizard.stores.vault.checks.hcl import Grant, HclError, is_allowed, parse_policy


def test_stanzas_comments_and_other_settings() -> None:
    text = (
        "# one\n/* two\n */\n"
        'path "secret/data/a" { capabilities = ["read"] } // three\n'
        'path "sys/b" {\n  capabilities = ["create", "update",]\n'
        '  allowed_parameters = { "x" = ["y"], "z" = [] }\n  min_wrapping_ttl = "1s"\n}\n'
    )
    assert parse_policy(text) == (
        Grant("secret/data/a", ("read",), 4),
        Grant("sys/b", ("create", "update"), 5),
    )
    assert parse_policy("") == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('path "a" {', 1),
        ("\npath a {}", 2),
        ('path "a" { }', 1),
        ('path "a" { capabilities = "read" }', 1),
        ('path "a" = 1', 1),
        ('\n\nname = "x"', 3),
        ("path", 1),
        ("\x00", 1),
        ('path "a', 1),
    ],
)
def test_anything_else_is_an_error_with_its_line(text: str, line: int) -> None:
    with pytest.raises(HclError) as caught:
        parse_policy(text)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("pattern", "path", "allowed"),
    [
        ("secret/data/a", "secret/data/a", True),
        ("secret/data/a", "secret/data/ab", False),
        ("secret/data/a", "xsecret/data/a", False),
        ("secret/data/a*", "secret/data/ab", True),
        ("secret/data/*", "secret/data/a/b", True),
        ("secret/+/a", "secret/data/a", True),
        ("secret/+/a", "secret/data/x/a", False),
        ("secret/+/x/*", "secret/data/x/y", True),
        ("secret/data.a", "secret/data/a", False),
    ],
)
def test_patterns(pattern: str, path: str, allowed: bool) -> None:
    assert is_allowed([Grant(pattern, ("read",), 1)], path, "read") is allowed


def test_deny_wins_and_other_capabilities_do_not_read() -> None:
    read, deny = Grant("a/*", ("read",), 1), Grant("a/b", ("deny",), 2)
    assert is_allowed([read, deny], "a/c", "read")
    assert not is_allowed([read, deny], "a/b", "read")
    assert not is_allowed([Grant("a", ("list",), 1)], "a", "read")
