"""Finds a user with a password in code and data, and what HTTP sends instead: tokens and cookies.

`auth=("ada", "...")`, `[["user", "ada"], ["password", "..."]]`, `Bearer ...`, `Cookie: sid=...`.
All quantifiers are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wizard.secrets import names, verdicts
from wizard.secrets.encoded import decode_base64
from wizard.secrets.tokens import compile_once
from wizard.secrets.verdicts import Found, judge_password

# The user and the password as two texts.
_TWO = (
    r"\s{0,80}[rbfu]?[\"'][^\"'\n]{1,80}[\"'],\s{0,80}[rbu]?[\"'](?P<value>[^\"'\n]{1,400})[\"']"
    r"\s{0,80},?\s{0,80}[)\]]"
)
_LOGIN = (
    r"(?i)(?:auth|credentials?|creds|userpwd|login)[\"']?\s{0,9}(?P<sign>=|:|\()\s{0,9}"
    r"(?P<open>[(\[]?)" + _TWO
)
_BASIC_AUTH = r"BasicAuth\(" + _TWO
# A pair in a list of pairs: its name, and its value in quotes.
_PAIR = (
    r"[\[(]\s{0,40}[\"'](?P<name>[\w.-]{3,60})[\"']\s{0,20},\s{0,80}[\"'](?P<value>[^\"'\n]{1,400})"
    r"[\"']\s{0,40},?\s{0,40}[\])]"
)
_BEARER = r"(?i)\bbearer[ \t]{1,9}(?P<value>[A-Za-z0-9._~+/-]{6,4000}=*)"
_BASIC = r"(?i)\bbasic[ \t]{1,9}(?P<value>[A-Za-z0-9+/]{6,4000}={0,2})"
_COOKIES = (
    r"(?i)(?:\b(?:set-)?cookies?\\{0,4}[\"']?\s{0,4}[:=,]"
    r"|\bcurl\b[^\n|;]{0,200}?[ \t](?:-b|--cookie)[ \t=])[ \t]{0,4}(?P<value>[^\n]{1,2000})"
)
_COOKIE = re.compile(
    r"(?P<name>[\w.-]{2,60})\\{0,4}[\"']?[ \t]{0,4}[=:][ \t]{0,4}\\{0,4}[\"']?"
    r"(?P<value>[^\s\"'\\;,{}]{8,1000})"
)
# Cookies that are as good as a login.
_SESSION = re.compile(r"sess|sid\Z|auth|token|jwt|remember|login")


def find_logins(text: str, lowered: str) -> Iterator[Found]:
    """Yield the passwords of users, and tokens and cookies of HTTP; `lowered` is in lower case."""
    if any(word in lowered for word in ("auth", "cred", "login", "userpwd")):
        for match in compile_once(_LOGIN).finditer(text):
            # `login("page", "title")` and `auth: ["ldap", "oauth"]` have other meanings.
            if (match["sign"] != "(" and match["open"] == "(") or verdicts.is_mixed_password(
                match["value"]
            ):
                yield from judge_password(match.start(), match["value"], "a login's password")
    if "basicauth(" in lowered:
        for match in compile_once(_BASIC_AUTH).finditer(text):
            yield from judge_password(match.start(), match["value"], "a login's password")
    for match in compile_once(_PAIR).finditer(text) if "," in text else ():
        before = text[max(0, match.start() - 80) : match.start()].rstrip()
        if before.endswith(("[", "(", ",")):
            verdict = judge_pair(match["name"], match["value"])
            if verdict:
                yield match.start(), verdict, "a value under a secret's name"
    if "bearer" in lowered:
        for match in compile_once(_BEARER).finditer(text):
            if verdicts.is_mixed(match["value"]):
                yield match.start(), "literal", "a header's token"
    if "basic" in lowered:
        for match in compile_once(_BASIC).finditer(text):
            login = decode_base64(match["value"])
            if b":" in login and login.isascii() and login.decode().isprintable():
                yield match.start(), "literal", "a header's password"
    if "cookie" in lowered or "curl" in lowered:
        for match in compile_once(_COOKIES).finditer(text):
            yield from _find_cookies(match)


def judge_pair(name: str, value: str) -> verdicts.Verdict:
    """Return what the second of two texts is; the names and types of fields are no values."""
    if not names.is_secret_name(name) or verdicts.is_named_secret(value):
        return ""
    return verdicts.judge_literal(name, value)


def _find_cookies(match: re.Match[str]) -> Iterator[Found]:
    for cookie in _COOKIE.finditer(match["value"]):
        value = cookie["value"]
        if not (_SESSION.search(cookie["name"].lower()) and verdicts.is_mixed_password(value)):
            continue
        if verdicts.judge_literal("TOKEN", value) == "literal":
            yield match.start() + cookie.start(), "literal", "a session's cookie"
