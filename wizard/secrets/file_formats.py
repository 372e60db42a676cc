"""Finds secrets in formats that give them no name, or a separator of their own.

netrc, pgpass, PgBouncer's users, Docker's `auth`, JSON Web Keys, Azure's keys, `Authorization`, and
the query of a URL. commands.py has the arguments of programs, logins.py users with a password, and
headers. All quantifiers are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from wizard.secrets import verdicts
from wizard.secrets.commands import find_commands
from wizard.secrets.encoded import decode_base64
from wizard.secrets.logins import find_logins
from wizard.secrets.patterns import find_url_placeholders
from wizard.secrets.tokens import compile_once
from wizard.secrets.verdicts import Found, judge_password

_NETRC = (
    r"\b(?:machine\s{1,20}\S{1,255}|default)\s{1,20}(?:(?:login|account)\s{1,20}\S{1,255}\s{1,20}){1,3}"
    r"password\s{1,20}(?P<value>\S{1,400})"
)
# host:port:database:user:password, of which the host is looked at afterwards.
_PGPASS = re.compile(
    r":(?:\d{2,5}|\*):[\w.*-]{1,63}:[\w.*@-]{1,63}:(?P<value>[^\s:]{4,400})$", re.MULTILINE
)
_PGPASS_HOST = re.compile(r"(?=[^g-z.*]*+[g-z.*])[\w.*-]{1,255}", re.IGNORECASE)
_USERLIST = r'(?m)^[ \t]{0,20}"[^"\s]{1,63}" "(?P<value>(?!\{\{)[^"\n]{3,400})"'
_DOCKER = (
    r"\\{0,4}\"auth\\{0,4}\"\s{0,9}:\s{0,9}\\{0,4}\"(?P<value>[A-Za-z0-9+/]{6,4000}={0,2})\\{0,4}\""
)
_JWK = (
    r"\\{0,4}\"(?:d|k|p|q|dp|dq|qi)\\{0,4}\"\s{0,9}:\s{0,9}\\{0,4}\"[A-Za-z0-9_-]{16,4000}\\{0,4}\""
)
_AUTHORIZATION = (
    r"(?i)authorization\\{0,4}[\"']?\]?[ \t]{0,9}(?:[:=,]|=>|[ \t](?=[\"']))[ \t]{0,9}"
    r"(?:[rbf]?\\{0,4}[\"'])?(?:(?P<scheme>bearer|basic|token|apikey|splunk|digest|key)"
    r"(?:[ \t]{1,9}|%20|\+))"
    r"(?P<value>[^\s\"'\\,;]{3,4000})"
)
# A key of 64 bytes; without a name, it could as well be a checksum or a signature.
_LONG_KEY = (
    r"(?i)(?<![\w-])(?P<name>[\w-]{0,40}(?:key|credential)\d{0,2})\\{0,4}[\"']?"
    r"[ \t]{0,9}[:=][ \t]{0,9}[rbfu]?\\{0,4}[\"']?(?P<value>[A-Za-z0-9+/]{86}==)"
)
# Parameters of a URL that are secrets only there.
_QUERY = (
    r"(?i)[?&](?:amp;)?(?P<name>sig|signature|key|auth|code|x-amz-signature|x-amz-credential"
    r"|x-amz-security-token|x-goog-signature|awsaccesskeyid|pass|pw|access_key|hapikey|appid)="
    r"(?P<value>[^\s&\"'<>#\\{}$]{12,4000})"
)


# What starts a comment, in any language.
_COMMENT = re.compile(r"(?:^|\s)(?:#|//|--\s|;|/?\*)", re.MULTILINE)


def is_comment(text: str, offset: int) -> bool:
    """Return whether the place is in a comment, by its line and by what starts one anywhere."""
    start = text.rfind("\n", 0, offset) + 1
    return _COMMENT.search(text, max(start, offset - 400), offset) is not None


def find_formats(text: str, lowered: str, *, prose: bool) -> Iterator[Found]:
    """Yield the secrets in a text; `lowered` is the text in lower case.

    In `prose`, placeholders are not reported.
    """
    if "password" in lowered and ("login" in lowered or "account" in lowered):
        for match in compile_once(_NETRC).finditer(text):
            yield from judge_password(match.start(), match["value"], "a password of a netrc file")
    for match in _PGPASS.finditer(text):
        start = max(text.rfind("\n", 0, match.start()) + 1, match.start() - 256)
        if _PGPASS_HOST.fullmatch(text, start, match.start()):
            yield from judge_password(match.start(), match["value"], "a password of a pgpass file")
    for match in compile_once(_USERLIST).finditer(text) if '" "' in text else ():
        yield from judge_password(match.start(), match["value"], "a password of PgBouncer's users")
    if '"auth' in text:
        for match in compile_once(_DOCKER).finditer(text):
            if b":" in decode_base64(match["value"]):
                yield match.start(), "literal", "a registry's login"
    if '"kty' in text:
        for match in compile_once(_JWK).finditer(text):
            yield match.start(), "literal", "a private JSON web key"
    if "authorization" in lowered:
        for match in compile_once(_AUTHORIZATION).finditer(text):
            for offset, kind, what in judge_password(
                match.start(), match["value"], "a header's token"
            ):
                if not prose or (kind == "literal" and len(match["value"]) >= 8):
                    yield offset, kind, what
    if not prose and "://" in text:
        for offset in find_url_placeholders(text):
            if not is_comment(text, offset):
                yield offset, "placeholder", "a placeholder as the password of a URL"
    if "==" in text:
        for match in compile_once(_LONG_KEY).finditer(text):
            if verdicts.is_key(match["name"], match["value"]):
                yield match.start(), "literal", "a key in base64"
    if "?" in text or "&" in text:
        for match in compile_once(_QUERY).finditer(text):
            if verdicts.is_mixed(unquote(match["value"])):
                yield match.start(), "literal", "a secret in a URL's query"
    for find in (find_commands, find_logins):
        for found in find(text, lowered):
            if not prose or found[1] == "literal":
                yield found
