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
_AUTH_CLASS = r"(?:Basic|Digest|Proxy|N[Tt][Ll][Mm])Auth\(" + _TWO
# A pair in a list of pairs: its name, and its value in quotes.
_PAIR = (
    r"[\[(]\s{0,40}[\"'](?P<name>[\w.-]{3,60})[\"']\s{0,20},\s{0,80}[\"'](?P<value>[^\"'\n]{1,400})"
    r"[\"']\s{0,40},?\s{0,40}[\])]"
)
# The same in YAML without quotes.
_PLAIN_PAIR = (
    r"\[[ \t]{0,9}(?P<name>[\w.-]{3,60})[ \t]{0,9},[ \t]{0,9}(?P<value>[^\s\"'\[\](){},]{6,400})"
    r"[ \t]{0,9}\]"
)
_SET_COOKIE = (
    r"(?i)cookies?(?:\.set)?\(\s{0,40}[\"'](?P<name>[\w.-]{2,60})[\"'],\s{0,40}[\"']"
    r"(?P<value>[^\s\"']{8,1000})[\"']"
)
_BEARER = r"(?i)\bbearer[ \t]{1,9}(?P<value>[A-Za-z0-9._~+/-]{6,4000}=*)"
_BASIC = r"(?i)\bbasic[ \t]{1,9}(?P<value>[A-Za-z0-9+/]{6,4000}={0,2})"
_COOKIES = (
    r"(?i)(?:\b(?:set-)?cookies?\\{0,4}[\"']?\s{0,4}[:=,]"
    r"|\bcurl\b[^\n|;]{0,200}?[ \t](?:-b|--cookie)[ \t=])[ \t]{0,4}(?P<value>[^\n]{1,2000})"
)
_COOKIE = re.compile(
    r"(?<![\w.-])(?P<name>[\w.-]{2,60}+)\\{0,4}[\"']?[ \t]{0,4}[=:][ \t]{0,4}\\{0,4}[\"']?"
    r"(?P<value>[^\s\"'\\;,{}]{8,1000})"
)
_WHAT_COOKIE = "a session's cookie"
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
    if "auth(" in lowered:
        for match in compile_once(_AUTH_CLASS).finditer(text):
            yield from judge_password(match.start(), match["value"], "a login's password")
    for match in compile_once(_PAIR).finditer(text) if "," in text else ():
        before = text[max(0, match.start() - 80) : match.start()].rstrip()
        if before.endswith(("[", "(", ",")):
            verdict = judge_pair(match["name"], match["value"])
            if verdict:
                yield match.start(), verdict, "a value under a secret's name"
    for match in compile_once(_PLAIN_PAIR).finditer(text) if "," in text else ():
        before = text[max(0, match.start() - 80) : match.start()].rstrip()
        is_listed = before.endswith(("[", "-", "],")) and verdicts.is_mixed(match["value"])
        if is_listed and judge_pair(match["name"], match["value"]) == "literal":
            yield match.start(), "literal", "a value under a secret's name"
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
        for match in compile_once(_SET_COOKIE).finditer(text):
            if _is_session(match["name"], match["value"]):
                yield match.start(), "literal", _WHAT_COOKIE


def judge_pair(name: str, value: str) -> verdicts.Verdict:
    """Return what the second of two texts is; the names and types of fields are no values."""
    if not names.is_secret_name(name) or verdicts.is_named_secret(value):
        return ""
    return verdicts.judge_literal(name, value)


def _find_cookies(match: re.Match[str]) -> Iterator[Found]:
    for cookie in _COOKIE.finditer(match["value"]):
        if _is_session(cookie["name"], cookie["value"]):
            yield match.start() + cookie.start(), "literal", _WHAT_COOKIE


def _is_session(name: str, value: str) -> bool:
    """Return whether this cookie is as good as a login, and has a value."""
    if not (_SESSION.search(name.lower()) and verdicts.is_mixed_password(value)):
        return False
    return verdicts.judge_literal("TOKEN", value) == "literal"
