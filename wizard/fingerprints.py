"""Host-key fingerprints as people type them: one accepted form, help for every other one."""

from __future__ import annotations

import base64
import re

# A line of `ssh-keygen -lf`, or what ssh asks about a host it does not know; no certificate's.
_PRINTED = re.compile(
    r"[0-9]{3,5} (SHA256:[A-Za-z0-9+/]{43}) [^\r\n]*\([A-Z0-9]+(?:-SK)?\)"
    r"|[A-Z0-9]+ key fingerprint is (SHA256:[A-Za-z0-9+/]{43})\.?"
)
_HOW = "ssh-keygen -lf FILE prints it: SHA256: and 43 characters"


def parse_fingerprint(text: str) -> str:
    """``SHA256:`` and 43 base64 characters; the whole line of `ssh-keygen -l` or of ssh will do.

    Raises ValueError that names the form which was given and says what to type instead; what was
    typed is never repeated.
    """
    value = text.strip(" \t\r\n")
    printed = _PRINTED.fullmatch(value)
    if printed:
        value = printed[1] or printed[2]
    reason = _wrong(value)
    if reason:
        raise ValueError(reason)
    return value


def _wrong(value: str) -> str:
    if re.search(r"PRIVATE KEY-|PuTTY-User-Key-File|b3BlbnNzaC1rZXk", value):
        return f"this is a private key; nothing was kept; give the fingerprint: {_HOW}"
    if re.fullmatch(r"(?i)(MD5:)?([0-9a-f]{2}:){15}[0-9a-f]{2}|MD5:.*", value):
        return "MD5 fingerprints can be forged: ssh-keygen -E sha256 -lf FILE prints the right one"
    if re.fullmatch(r"(?i)(SHA256:)?([0-9a-f]{64}|([0-9a-f]{2}:){31}[0-9a-f]{2})", value):
        return f"this is the hexadecimal form; give the base64 form: {_HOW}"
    if re.search(r"(^|\s)(ssh-|ecdsa-sha2-|sk-)\S+\s+AAAA", value):
        return f"this is a public key, not its fingerprint: {_HOW}"
    if re.search(r"\s", value):
        return f"give one fingerprint and nothing else, beginning with SHA256: ({_HOW})"
    if re.fullmatch(r"[A-Za-z0-9+/]{43}=?", value):
        return "begin with SHA256: and leave out the = at the end"
    body = value.removeprefix("SHA256:")
    if body == value:
        return f"a fingerprint begins with SHA256: in capital letters ({_HOW})"
    return _wrong_body(body)


def _wrong_body(body: str) -> str:
    if body.endswith("="):
        return "leave out the = at the end, as ssh-keygen -lf prints it"
    if not re.fullmatch(r"[A-Za-z0-9+/]*", body):
        return f"only letters, digits, + and / follow SHA256: ({_HOW})"
    if len(body) != 43:
        return f"{len(body)} characters follow SHA256: and 43 are needed; copy the whole of it"
    if base64.b64encode(base64.b64decode(body + "=")).decode() != body + "=":
        return "the last character cannot end a fingerprint: it was mistyped"
    return ""
