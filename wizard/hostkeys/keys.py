"""Parses pasted SSH public host keys byte by byte, without a library.

`paramiko.HostKeys` refuses a whole file because of one unknown marker, and a lenient reader would
accept a certificate authority or a wildcard as the host's own key. Formats: sshd(8) for
known_hosts lines, `wizard.hostkeys.blob` for the keys. Messages never repeat the pasted text: it
may be a private key.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
import unicodedata
from dataclasses import dataclass, field

from wizard.errors import Problem
from wizard.hostkeys.blob import check_blob, decode_key

ACCEPTED_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
_MAX_TEXT = 100_000
_HOST = r"[a-z0-9_][a-z0-9_.-]*|[0-9a-f:.]*:[0-9a-f:.]*"

_REFUSED_TYPES = {
    "ssh-dss": "DSA keys are broken and OpenSSH no longer offers them",
    "rsa-sha2-256": "this names a signature, not a key: RSA keys are written as ssh-rsa",
    "rsa-sha2-512": "this names a signature, not a key: RSA keys are written as ssh-rsa",
}
_PASTE = "paste lines as ssh-keyscan prints them, such as: git.example.com ssh-ed25519 AAAA..."
_PRIVATE = (
    "this is a private key, which must never leave its owner: nothing was stored; "
    "paste the public key (the .pub file), and replace the private key if others saw it"
)


class HostKeyTextError(ValueError):
    """Pasted text that is not a list of host keys; `problems` has one entry per bad line."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class HostKey:
    """One public host key: its type and its blob as canonical base64.

    The constructor validates: ValueError for a bad type or blob.
    """

    type: str
    key: str
    bits: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        reason = explain_refused_type(self.type)
        if reason:
            raise ValueError(reason)
        object.__setattr__(self, "bits", check_blob(self.type, decode_key(self.key)))

    @property
    def blob(self) -> bytes:
        """Return the key in the SSH protocol's binary form."""
        return base64.b64decode(self.key)

    @property
    def fingerprint(self) -> str:
        """Return ``SHA256:`` and 43 base64 characters, as `ssh-keygen -l` prints it."""
        digest = hashlib.sha256(self.blob).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def randomart(self) -> str:
        """Return the picture of `ssh-keygen -lv`: 11 lines of 19 characters, no final newline.

        Source: fingerprint_randomart() in OpenSSH's sshkey.c.
        """
        symbols = " .o+=*BOX@%&#/^SE"
        columns, rows = 17, 9
        board = [[0] * columns for _ in range(rows)]
        x, y = columns // 2, rows // 2
        for byte in hashlib.sha256(self.blob).digest():
            for shift in (0, 2, 4, 6):
                step = byte >> shift
                x = min(max(x + (1 if step & 1 else -1), 0), columns - 1)
                y = min(max(y + (1 if step & 2 else -1), 0), rows - 1)
                board[y][x] = min(board[y][x] + 1, len(symbols) - 3)
        board[rows // 2][columns // 2] = len(symbols) - 2
        board[y][x] = len(symbols) - 1
        kind = {"ssh-ed25519": "ED25519", "ssh-rsa": "RSA"}.get(self.type, "ECDSA")
        lines = ["|" + "".join(symbols[count] for count in row) + "|" for row in board]
        return "\n".join([_frame(f"[{kind} {self.bits}]"), *lines, _frame("[SHA256]")])

    def known_hosts_line(self, host: str, port: int) -> str:
        """Return the known_hosts line, unhashed, without newline; ValueError for a bad host."""
        return f"{known_hosts_name(host, port)} {self.type} {self.key}"


def _frame(title: str) -> str:
    left = "-" * ((17 - len(title)) // 2)
    return "+" + (left + title).ljust(17, "-") + "+"


def known_hosts_name(host: str, port: int) -> str:
    """Return the host name for known_hosts: bare for port 22, else ``[host]:port``, lower-case.

    Go's reader does not fall back from ``[host]:port`` to the bare name (facts, SSH), so each host
    has only one name. ValueError if the name is not a single plain field of a known_hosts line.
    """
    name = _bare_host(host)
    # Check isascii() first, because lower() turns the Kelvin sign into a k.
    if not host.isascii() or not re.fullmatch(
        r"[a-z0-9_][a-z0-9_.-]*|(?=[0-9a-f.]*:)[0-9a-f:.]*", name
    ):
        raise ValueError("a host name may have only letters, digits, dots and hyphens")
    if not 1 <= port <= 65535:
        raise ValueError("a port must be a number from 1 to 65535")
    return name if port == 22 else f"[{name}]:{port}"


def _bare_host(host: str) -> str:
    bare = host.removeprefix("[").removesuffix("]").removesuffix(".").lower()
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return bare


def explain_refused_type(name: str) -> str:
    """Return why this key type is refused and what to paste; empty if the type is accepted."""
    if name in ACCEPTED_TYPES:
        return ""
    if re.fullmatch(r"[a-z0-9@.-]+-cert-v[0-9]+@openssh\.com", name):
        return (
            "this is a certificate, which Go's SSH client cannot pin: paste the host's plain key "
            "(ssh-keyscan prints it)"
        )
    if name.startswith("sk-"):
        return "security-key (sk-) types belong to people, not to hosts: paste the host's own key"
    reason = _REFUSED_TYPES.get(name, "this key type is unknown")
    return f"{reason}; paste a key of one of the types {', '.join(ACCEPTED_TYPES)}"


def _is_type_name(word: str) -> bool:
    return (
        word in ACCEPTED_TYPES
        or word in _REFUSED_TYPES
        or bool(re.fullmatch(r"[a-z0-9@.-]+@openssh\.com", word))
    )


def parse_host_keys(text: str, *, host: str, port: int) -> tuple[HostKey, ...]:
    """Return the keys in `text`: known_hosts lines, ssh-keyscan output, .pub lines, or a mixture.

    `host` and `port` belong to the repository; a line with a host must name them. Comments, blank
    lines, CRLF and a comment after the key are allowed; duplicate keys count once. Raises
    HostKeyTextError with the number of every bad line, without its text.
    """
    if len(text) > _MAX_TEXT:
        raise HostKeyTextError([Problem("", f"the text is too long: {_PASTE}")])
    whole = _explain_wrong_kind(text)
    if whole:
        raise HostKeyTextError([Problem("", whole)])
    wanted = known_hosts_name(host, port)
    keys: dict[HostKey, None] = {}
    problems = []
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        line = raw.removesuffix("\r").strip(" \t")
        if not line or line.startswith("#"):
            continue
        try:
            keys[_parse_line(line, wanted)] = None
        except ValueError as error:
            problems.append(Problem(f"line {number}", str(error)))
    if not keys and not problems:
        problems.append(Problem("", f"no key found: {_PASTE}"))
    if problems:
        raise HostKeyTextError(problems)
    return tuple(keys)


def _explain_wrong_kind(text: str) -> str:
    if re.search(r"PRIVATE KEY-|PuTTY-User-Key-File|openssh-key-v1|b3BlbnNzaC1rZXk", text):
        return _PRIVATE
    if "---- BEGIN" in text or "-----BEGIN" in text:
        return "this is PEM text: convert a public key with ssh-keygen -i -f FILE, or " + _PASTE
    return ""


def _parse_line(line: str, wanted: str) -> HostKey:
    if any(unicodedata.category(char)[0] == "C" and char != "\t" for char in line):
        raise ValueError("the line has control or invisible characters: type or copy it again")
    words = re.split(r"[ \t]+", line)
    if words[0].startswith("@"):
        raise ValueError(_explain_marker(words[0]))
    if words[0].startswith("|"):
        raise ValueError(
            "the host is hashed, so it cannot be reviewed: paste the line with its host name, "
            "or only the type and the key"
        )
    if len(words) > 2 and _is_type_name(words[1]):
        _check_hosts(words[0], wanted)
        return HostKey(words[1], words[2])
    if len(words) > 1 and _is_type_name(words[0]):
        return HostKey(words[0], words[1])
    if re.search(r"(^| )(SHA256|MD5):", line):
        raise ValueError(
            "this is a fingerprint, not a key: give it to the fingerprint question "
            "(--host-key-fingerprint); " + _PASTE
        )
    raise ValueError(f"this is not a public host key: {_PASTE}")


def _explain_marker(word: str) -> str:
    if word == "@revoked":
        return "this line marks the key as revoked, so it is not accepted: remove the line"
    if word == "@cert-authority":
        return (
            "a certificate authority would make any key it signs trusted: paste the host's own key "
            "(ssh-keyscan prints it)"
        )
    return f"this marker is unknown: {_PASTE}"


def _check_hosts(field_text: str, wanted: str) -> None:
    names = field_text.split(",")
    if any(char in field_text for char in "*?!"):
        raise ValueError(
            f"wildcards and negations would pin more than one host: write {wanted} as the host"
        )
    if not any(_same_host(name, wanted) for name in names):
        raise ValueError(
            f"this line is for a different host or port than the repository's: {wanted}"
        )


def _same_host(name: str, wanted: str) -> bool:
    match = re.fullmatch(r"\[([^\[\]]+)\]:([0-9]{1,5})", name)
    try:
        return wanted == (
            known_hosts_name(match[1], int(match[2])) if match else known_hosts_name(name, 22)
        )
    except ValueError:
        return False


# A line of `ssh-keygen -lf`, or ssh's question about an unknown host; certificates do not match.
_PRINTED = re.compile(
    r"[0-9]{3,5} (SHA256:[A-Za-z0-9+/]{43}) [^\r\n]*\([A-Z0-9]+(?:-SK)?\)"
    r"|[A-Z0-9]+ key fingerprint is (SHA256:[A-Za-z0-9+/]{43})\.?"
)
_HOW = "ssh-keygen -lf FILE prints it: SHA256: and 43 characters"


def parse_fingerprint(text: str) -> str:
    """Return ``SHA256:`` and 43 base64 characters; accepts a line of `ssh-keygen -l` or ssh.

    Raises ValueError, which describes the mistake and says what to type; the message does not
    repeat the typed text.
    """
    value = text.strip(" \t\r\n")
    printed = _PRINTED.fullmatch(value)
    if printed:
        value = printed[1] or printed[2]
    reason = _explain_error(value)
    if reason:
        raise ValueError(reason)
    return value


def _explain_error(value: str) -> str:
    if re.search(r"PRIVATE KEY-|PuTTY-User-Key-File|b3BlbnNzaC1rZXk", value):
        return f"this is a private key; nothing was stored; give the fingerprint: {_HOW}"
    if re.fullmatch(r"(?i)(MD5:)?([0-9a-f]{2}:){15}[0-9a-f]{2}|MD5:.*", value):
        return "MD5 fingerprints can be forged: ssh-keygen -E sha256 -lf FILE prints the right one"
    if re.fullmatch(r"(?i)(SHA256:)?([0-9a-f]{64}|([0-9a-f]{2}:){31}[0-9a-f]{2})", value):
        return f"this is the hexadecimal form; give the base64 form: {_HOW}"
    if re.search(r"(^|\s)(ssh-|ecdsa-sha2-|sk-)\S+\s+AAAA", value):
        return f"this is a public key, not a fingerprint: {_HOW}"
    if re.search(r"\s", value):
        return f"give one fingerprint and nothing else, beginning with SHA256: ({_HOW})"
    if re.fullmatch(r"[A-Za-z0-9+/]{43}=?", value):
        return "start with SHA256: and remove the = at the end"
    body = value.removeprefix("SHA256:")
    if body == value:
        return f"a fingerprint starts with SHA256: in capital letters ({_HOW})"
    return _explain_body_error(body)


def _explain_body_error(body: str) -> str:
    if body.endswith("="):
        return "remove the = at the end, as ssh-keygen -lf prints it"
    if not re.fullmatch(r"[A-Za-z0-9+/]*", body):
        return f"only letters, digits, + and / may follow SHA256: ({_HOW})"
    if len(body) != 43:
        return f"{len(body)} characters follow SHA256:, but 43 are required; copy all of it"
    if base64.b64encode(base64.b64decode(body + "=")).decode() != body + "=":
        return "the last character is not valid at the end of a fingerprint: it was mistyped"
    return ""
