"""Recognises secrets by pattern: private keys, URLs with passwords, tokens.

Public keys, known_hosts lines, certificates, fingerprints and templates never match, because users
switch off a rule with false positives (facts on secrets in Git: gitleaks reports fingerprints in a
README, detect-secrets reports `*SecretName:` keys).

Every pattern here is linear in the length of the text: its quantifiers are bounded, or possessive
with the next start beyond their end.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from wizard.secrets.tokens import find_tokens

_PEM = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_PUTTY = re.compile(r"^PuTTY-User-Key-File-\d", re.MULTILINE)
_BODY = re.compile(r"[A-Za-z0-9+/=]{24}")

# What follows "://": user:password@ where the password is a template action, or text without "/"
# and "@"; or only user@.
_ACTION = re.compile(r"\{\{[^{}\r\n]{0,400}+\}\}")
_URL_LOGIN = re.compile(
    r"(?P<user>(?:[^\s/:@'\"<>{}]|\{\{[^{}\r\n]{0,400}+\}\}|<[\w -]{1,40}>|\{\w{1,40}\}){0,1000}+)"
    r"(?::(?P<password>(?:\{\{[^{}\r\n]{0,400}+\}\}|[^\s/@'\"{}]|\{(?!\{)){1,1000}+))?@"
)
# A password with "/", which a browser would take for the end of the host: not `host:8080/a@b`.
_SLASHED = re.compile(
    r"[\w%+-]{0,60}+:(?!\d{1,5}/)(?P<password>[^\s@'\"{}<>()\[\],]{1,200}+)@[A-Za-z]"
)
_SCHEME = re.compile(r"[A-Za-z0-9+.-]\Z")
# Placeholders for a password: $VAR, ${VAR}, $(VAR), %VAR%, <password>, {password},
# ***, ..., PASSWORD.
_PLACEHOLDER = re.compile(
    r"\$\{?[A-Za-z_]\w*+\}?|\$\([A-Za-z_]\w*+\)|%\w++%|<[^<>]*+>|\{\w*+\}|\*++|\.{3}|x{3,}+|X{3,}+"
    r"|%s|(?:URLENC|PASS|PASSWORD|PASSWD|PWD|SECRET|TOKEN|REDACTED|pass|password|secret|token)"
    r"(?:_[A-Z]{1,40})*+|[A-Z]{1,40}_(?:PASS|PASSWORD|PWD|SECRET|TOKEN)"
    r"|[a-z]{1,40}_(?:pass|password|pwd|secret|token)"
)
# Of these, some program resolves the first kinds, and the words of an address say what it means.
_RESOLVED = re.compile(r"[$%{]")
_EXAMPLE_USERS = ("", "user", "username", "<user>", "<username>", "USER", "USERNAME", "{user}")
_EXAMPLE_HOST = re.compile(r"<?(?:host|hostname|server|HOST|HOSTNAME|example\.)\b")
_RANDOM_USER = re.compile(r"(?=[^0-9]*+[0-9])(?=[^A-Za-z]*+[A-Za-z])[A-Za-z0-9_-]{20,}+")


def find_secrets(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield (rule, offset, kind) for every match; the matching text itself is not yielded."""
    if "PRIVATE KEY" in text:
        for match in _PEM.finditer(text):
            if _has_body(text, match.end()):
                yield "secret.private-key", match.start(), "a private key"
    if "PuTTY-User-Key-File-" in text:
        for match in _PUTTY.finditer(text):
            yield "secret.private-key", match.start(), "a private key (PuTTY)"
    for offset, what in _find_urls(text):
        yield "secret.url", offset, what
    for offset, what in find_tokens(text):
        yield "secret.token", offset, what


def find_url_placeholders(text: str) -> Iterator[int]:
    """Yield the offset of each URL with a word as its password, which a program would use.

    References to a variable pass, and addresses of documentation: `user:password@host`.
    """
    at = text.find("://")
    while at >= 0:
        match = _URL_LOGIN.match(text, at + 3)
        if match and match["password"] and is_placeholder(match["password"]):
            plain = match["password"].strip()
            named = match["user"] in _EXAMPLE_USERS and _EXAMPLE_HOST.match(text, match.end())
            if not (named or _RESOLVED.match(plain) or not _ACTION.sub("", plain).strip()):
                yield at
        at = text.find("://", at + 3)


def _find_urls(text: str) -> Iterator[tuple[int, str]]:
    at = text.find("://")
    while at >= 0:
        if at and _SCHEME.match(text, at - 1, at):
            match = _URL_LOGIN.match(text, at + 3)
            if match and match["password"] and not is_placeholder(match["password"]):
                yield at, "a URL with a password"
            elif match and not match["password"] and is_random_user(match["user"]):
                yield at, "a URL with a token as its user"
            elif not match and (match := _SLASHED.match(text, at + 3)) and _is_mixed(match):
                yield at, "a URL with a password"
        at = text.find("://", at + 3)


def _is_mixed(match: re.Match[str]) -> bool:
    password = match["password"]
    return any(char.isdigit() for char in password) and any(char.isalpha() for char in password)


def is_random_user(user: str) -> bool:
    """Return whether the user of a URL is a token: long, mixed, and without the form of a word."""
    return _RANDOM_USER.fullmatch(user) is not None and entropy(user) > 3.2


def is_placeholder(text: str) -> bool:
    """Return whether the text is a placeholder: a template action, a variable, a word."""
    plain = text.strip()
    if not _ACTION.sub("", plain).strip():
        return True
    return _PLACEHOLDER.fullmatch(plain) is not None


def entropy(text: str) -> float:
    """Return the entropy of the text's characters in bits a character."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())


def _has_body(text: str, start: int) -> bool:
    """Return whether key material follows the marker; documentation has markers without a key."""
    rest = text[start : start + 600]
    return _BODY.search(rest.partition("-----END")[0].partition("-----BEGIN")[0]) is not None
