"""Finds secrets in formats that give them no name, or a separator of their own.

netrc, pgpass, PgBouncer's users, Docker's `auth`, JSON Web Keys, `Authorization`, the query of a
URL, and commands that take a password as an argument. All quantifiers are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from wizard.secrets import names
from wizard.secrets.encoded import decode_base64
from wizard.secrets.tokens import compile_once

Found = tuple[int, str, str]  # offset, "literal" or "placeholder", what it is

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
_HEADER = r"(?i)\bbearer[ \t]{1,9}(?P<value>[A-Za-z0-9._~+/-]{20,4000}=*)"
# The user and the password as two texts.
_ARGUMENTS = r"\(\s{0,80}[\"'][^\"'\n]{1,80}[\"'],\s{0,80}[\"'](?P<value>[^\"'\n]{3,400})[\"']"
# A word of the command, and the command with its password.
_COMMANDS: tuple[tuple[str, str], ...] = (
    (
        "curl",
        r"\bcurl\b[^\n|;]{0,200}?[ \t](?:-u|--user|--proxy-user)[ \t=]{0,3}[\"']?"
        r"[^\s:\"']{1,80}:(?P<value>[^\s\"']{3,400})",
    ),
    (
        "echo",
        r"\becho[ \t]{1,9}(?:-n[ \t]{1,9})?[\"']?(?:[\w.-]{1,40}:)?(?P<value>[^\s\"'|]{3,400})"
        r"[\"']?[ \t]{0,9}\|[ \t]{0,9}"
        r"(?:sudo[ \t]{1,9}(?:-\w{1,3}[ \t]{1,9})?-\w{0,3}S\b|kinit\b|(?:ch)?passwd\b)",
    ),
    ("ldap", r"\bldap\w{2,9}\b[^\n|;]{0,200}?[ \t]-w[ \t]{0,3}[\"']?(?P<value>[^\s\"']{3,400})"),
    (
        "mongo",
        r"\bmongo\w{0,9}\b[^\n|;]{0,200}?[ \t]-p[ \t]{0,3}[\"']?"
        r"(?P<value>[^\s\"'-][^\s\"']{2,400})",
    ),
    ("zip", r"\b(?:un)?zip\b[^\n|;]{0,200}?[ \t]-P[ \t]{0,3}[\"']?(?P<value>[^\s\"']{3,400})"),
    (
        "openssl",
        r"\bopenssl[ \t]{1,9}enc\b[^\n|;]{0,200}?[ \t]-k[ \t]{1,3}[\"']?(?P<value>[^\s\"']{3,400})",
    ),
    (
        "pass",
        r"[ \t]-(?:store|key|srcstore|deststore)pass[ \t]{1,3}[\"']?(?!changeit\b)"
        r"(?P<value>[^\s\"']{3,400})",
    ),
    ("sshpass", r"\bsshpass[ \t]{1,9}-p[ \t]{0,3}[\"']?(?P<value>[^\s\"']{3,400})"),
    (
        "login",
        r"\b(?:docker|podman|nerdctl|buildah|skopeo|oras|helm registry|az)[ \t]{1,9}login\b"
        r"[^\n|;]{0,200}?[ \t]-p[ \t=]{0,3}[\"']?(?P<value>[^\s\"']{3,400})",
    ),
    (
        "mysql",
        r"\bmysql(?:dump|admin)?\b[^\n|;]{0,200}?[ \t]-p(?P<value>[^\s\"'-][^\s\"']{2,400})",
    ),
    (
        "redis-cli",
        r"\bredis-cli\b[^\n|;]{0,200}?[ \t]-a[ \t]{0,3}[\"']?(?P<value>[^\s\"']{3,400})",
    ),
    (
        "identified",
        r"\bidentified[ \t]{1,9}(?:with[ \t]{1,9}\w{1,40}[ \t]{1,9})?by[ \t]{1,9}"
        r"(?:password[ \t]{1,9})?'(?P<value>[^'\n]{1,400})'",
    ),
    (
        "password-stdin",
        r"\becho[ \t]{1,9}(?:-n[ \t]{1,9})?[\"']?(?P<value>[^\s\"'|]{3,400})[\"']?[ \t]{0,9}\|"
        r"[^\n|]{0,200}--password-stdin",
    ),
    (
        "htpasswd",
        r"\bhtpasswd[ \t]{1,9}-\w{0,9}b\w{0,9}[ \t]{1,9}(?:\S{1,200}[ \t]{1,9}){1,2}"
        r"(?P<value>[^\s\"'|;&]{3,400})[ \t]{0,9}$",
    ),
    ("auth=(", r"\bauth=" + _ARGUMENTS),
    ("basicauth(", r"BasicAuth" + _ARGUMENTS),
    ("requirepass", r"\brequirepass[ \t]{1,9}[\"']?(?P<value>[^\s\"']{3,400})"),
)
# Parameters of a URL that are secrets only there.
_QUERY = (
    r"(?i)[?&](?:amp;)?(?P<name>sig|signature|key|auth|code|x-amz-signature|x-amz-credential"
    r"|x-amz-security-token|x-goog-signature|awsaccesskeyid|pass|pw|access_key|hapikey|appid)="
    r"(?P<value>[^\s&\"'<>#\\{}$]{12,4000})"
)


def find_formats(text: str, lowered: str, *, prose: bool) -> Iterator[Found]:
    """Yield the secrets in a text; `lowered` is the text in lower case.

    In `prose`, placeholders are not reported.
    """
    if "password" in lowered and ("login" in lowered or "account" in lowered):
        for match in compile_once(_NETRC).finditer(text):
            yield from _judged(match.start(), match["value"], "a password of a netrc file")
    for match in _PGPASS.finditer(text):
        start = max(text.rfind("\n", 0, match.start()) + 1, match.start() - 256)
        if _PGPASS_HOST.fullmatch(text, start, match.start()):
            yield from _judged(match.start(), match["value"], "a password of a pgpass file")
    for match in compile_once(_USERLIST).finditer(text) if '" "' in text else ():
        yield from _judged(match.start(), match["value"], "a password of PgBouncer's users")
    if '"auth' in text:
        for match in compile_once(_DOCKER).finditer(text):
            if b":" in decode_base64(match["value"]):
                yield match.start(), "literal", "a registry's login"
    if '"kty' in text:
        for match in compile_once(_JWK).finditer(text):
            yield match.start(), "literal", "a private JSON web key"
    if "authorization" in lowered:
        for match in compile_once(_AUTHORIZATION).finditer(text):
            for offset, kind, what in _judged(match.start(), match["value"], "a header's token"):
                if not prose or (kind == "literal" and len(match["value"]) >= 8):
                    yield offset, kind, what
    if "bearer" in lowered:
        for match in compile_once(_HEADER).finditer(text):
            if names.is_mixed(match["value"]):
                yield match.start(), "literal", "a header's token"
    if "?" in text or "&" in text:
        for match in compile_once(_QUERY).finditer(text):
            if names.is_mixed(unquote(match["value"])):
                yield match.start(), "literal", "a secret in a URL's query"
    for word, pattern in _COMMANDS:
        for match in compile_once(f"(?im){pattern}").finditer(text) if word in lowered else ():
            for found in _judged(match.start(), match["value"], "a password of a command"):
                if not prose or found[1] == "literal":
                    yield found


def _judged(offset: int, value: str, what: str) -> Iterator[Found]:
    verdict = names.judge_literal("PASSWORD", value)
    if verdict:
        yield offset, verdict, what
