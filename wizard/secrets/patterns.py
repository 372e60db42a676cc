"""Recognises secrets by pattern: private keys, URLs with passwords, tokens.

Public keys, known_hosts lines, certificates, fingerprints and templates never match, because users
switch off a rule with false positives (facts on secrets in Git: gitleaks reports fingerprints in a
README, detect-secrets reports `*SecretName:` keys).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

# A match must not be part of a longer base64 text: a key may contain any short pattern by chance.
_START, _END = r"(?<![A-Za-z0-9+/=_-])", r"(?![A-Za-z0-9+/=_-])"
_TOKENS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(_START + pattern + _END))
    for name, pattern in (
        ("a JSON web token", r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}"),
        ("a Vault token", r"hv[sbr]\.[A-Za-z0-9_-]{24,}"),
        ("an age secret key", r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Za-z]{58,}"),
        ("a GitHub token", r"(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})"),
        ("a GitLab token", r"gl(?:pat|dt|rt|cbt|ptt|soat)-[A-Za-z0-9_-]{20,}"),
        ("an AWS access key", r"(?:AKIA|ASIA)(?![A-Z0-9]*EXAMPLE)[A-Z0-9]{16}"),
        ("a Slack token", r"xox[abposr]-[A-Za-z0-9-]{20,}"),
        ("a Google API key", r"AIza[A-Za-z0-9_-]{35}"),
        ("a Stripe key", r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
        ("a Slack webhook", r"https://hooks\.slack\.com/services/T\w{8,}/B\w{8,}/\w{20,}"),
        ("an npm token", r"npm_[A-Za-z0-9]{36}"),
        ("a PyPI token", r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
        ("a SendGrid key", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
        ("a Databricks token", r"dapi[0-9a-f]{32}(?:-\d)?"),
        ("a Hugging Face token", r"hf_[A-Za-z]{34}"),
        ("an Azure storage key", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    )
)
_PEM = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")
_PUTTY = re.compile(r"^PuTTY-User-Key-File-\d", re.MULTILINE)
_BODY = re.compile(r"[A-Za-z0-9+/=]{24}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}(?:\r?\n[ \t]*[A-Za-z0-9+/_-]{20,})*={0,2}")

# scheme://user:password@ where the password is a template action, or text without "/" and "@".
_URL = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]{0,30}://(?:[^\s/:@'\"<>{}]|\{\{.*?\}\})*:"
    r"(?P<password>(?:\{\{.*?\}\}|[^\s/@'\"{}]|\{(?!\{))+)@"
)
_ACTION = re.compile(r"\{\{.*?\}\}")
# Placeholders for a password: $VAR, ${VAR}, $(VAR), %VAR%, <password>, {password},
# ***, ..., PASSWORD.
_PLACEHOLDER = re.compile(
    r"\$\{?[A-Za-z_]\w*\}?|\$\([A-Za-z_]\w*\)|%\w+%|<[^<>]*>|\{\w*\}|\*+|\.{3}|x{3,}|X{3,}|%s"
    r"|(?:URLENC|PASS|PASSWORD|PASSWD|PWD|SECRET|TOKEN|REDACTED|pass|password|secret|token)"
    r"(?:_[A-Z]+)*|[A-Z]+_(?:PASS|PASSWORD|PWD|SECRET|TOKEN)"
)


def find_secrets(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield (rule, offset, kind) for every match; the matching text itself is not yielded."""
    for match in _PEM.finditer(text):
        if _has_body(text, match.end()):
            yield "secret.private-key", match.start(), "a private key"
    for match in _PUTTY.finditer(text):
        yield "secret.private-key", match.start(), "a private key (PuTTY)"
    for match in _URL.finditer(text):
        if not is_placeholder(match["password"]):
            yield "secret.url", match.start(), "a URL with a password"
    for name, pattern in _TOKENS:
        for match in pattern.finditer(text):
            yield "secret.token", match.start(), name
    for match in _BASE64.finditer(text):
        if hidden := _find_in_base64(match[0], 2):
            rule, what = hidden
            yield rule, match.start(), f"{what} in base64"


def is_placeholder(text: str) -> bool:
    """Return whether the text is a placeholder: a template action, a variable, a word."""
    plain = text.strip()
    if not _ACTION.sub("", plain).strip():
        return True
    return _PLACEHOLDER.fullmatch(plain) is not None


def _has_body(text: str, start: int) -> bool:
    """Return whether key material follows the marker; documentation has markers without a key."""
    rest = text[start : start + 600]
    return _BODY.search(rest.partition("-----END")[0].partition("-----BEGIN")[0]) is not None


def _find_in_base64(run: str, depth: int) -> tuple[str, str] | None:
    """Return rule and kind of a secret that the base64 text encodes, at any alignment."""
    compact = re.sub(r"\s+", "", run).rstrip("=").replace("-", "+").replace("_", "/")
    for offset in range(4):
        part = compact[offset:]
        part = part[: len(part) - (len(part) % 4 == 1)]
        try:
            decoded = base64.b64decode(part + "=" * (-len(part) % 4))
        except (binascii.Error, ValueError):
            continue
        text = decoded.decode("latin-1")
        if _PEM.search(text) or text.startswith("openssh-key-v1\0"):
            return "secret.private-key", "a private key"
        url = _URL.search(text) if "://" in text else None
        if url and not is_placeholder(url["password"]):
            return "secret.url", "a URL with a password"
        if depth > 1:
            for match in _BASE64.finditer(text):
                if hidden := _find_in_base64(match[0], depth - 1):
                    return hidden
    return None
