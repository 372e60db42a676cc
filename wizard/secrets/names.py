"""Recognises secrets by their name: `SMTP_PASSWORD`, `api_token`, a connection with a password.

A pattern cannot recognise a value such as `hunter2pw`, but a name shows that it is a password.
Information about a secret is allowed: the name of a Secret (`FERNET_KEY_SECRET_NAME`), a file
(`KEY_PATH`), an address (`TOKEN_URL`), a switch, a variable, a reference to a store.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from wizard.chart.contract import SENSITIVE_OPTIONS, Path
from wizard.formats.nested import walk
from wizard.formats.yaml_untrusted import parse_yaml_text
from wizard.secrets import patterns

_SENSITIVE = frozenset(
    f"AIRFLOW__{section}__{option}".upper() for section, option in SENSITIVE_OPTIONS
)
_PASSWORD = re.compile(r"\w*(PASSWORD|PASSWD|PASSPHRASE)|PWD|PASS")
_SECRET_WORDS = frozenset(
    (
        "SECRET",
        "TOKEN",
        "CREDENTIAL",
        "CREDENTIALS",
        "PAT",
    )
)
_KEY_WORDS = frozenset(
    (
        "ACCESS",
        "ACCOUNT",
        "API",
        "APP",
        "APPLICATION",
        "AUTH",
        "CLIENT",
        "ENCRYPTION",
        "FERNET",
        "HMAC",
        "LICENSE",
        "MASTER",
        "PRIVATE",
        "SECRET",
        "SERVICE",
        "SHARED",
        "SIGNING",
        "SSH",
        "STORAGE",
        "WEBHOOK",
    )
)
# `PASSWORD_SECRET`, `existingSecret`, `AIRFLOW__..._CONN_SECRET`: the name of a Secret or of an
# entry in a secrets backend.
_SECRET_NAME_WORDS = frozenset(
    (
        "PASSWORD",
        "PASSWD",
        "TOKEN",
        "KEY",
        "CONN",
        "CREDENTIAL",
        "CREDENTIALS",
        "AUTH",
        "BACKEND",
        "URL",
        "TLS",
        "CA",
        "CERT",
        "EXISTING",
        "PULL",
        "IMAGE",
        "IMAGEPULL",
        "KUBERNETES",
        "K8S",
        "NAMED",
    )
)
_PUBLIC = frozenset(
    (
        "SHA",
        "SHA256",
        "DIGEST",
        "FINGERPRINT",
        "CHECKSUM",
        "HASH",
        "PIN",
        "PINS",
        "INTEGRITY",
        "PUBLIC",
    )
)
_SUFFIX = frozenset(("B64", "BASE64", "VALUE", "DEFAULT", "HEX", "JSON", "PLAIN", "RAW"))
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NUMBERED = re.compile(r"(?<=[A-Za-z]{2})\d+$")

_NO_SECRET_VALUES = frozenset(
    (
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "none",
        "null",
        "nil",
        "enabled",
        "disabled",
    )
)
_PATH = re.compile(r"(?:[A-Za-z]:|~|\.{1,2})?(?:[/\\][\w.@$(){}-]{1,40})+[/\\]?")
# References that other tools resolve, and addresses; patterns.py finds URLs with a password.
_REFERENCE = re.compile(r"(?:vault|secret|secrets|ref|file|env|arn|https?|awssm|gcpsm|op|sops):\S+")
_FERNET = re.compile(r"[A-Za-z0-9_-]{43}=")
_ASSIGNED = re.compile(
    r"(?m)^[ \t]*(?:export[ \t]+|-[ \t]+)?[\"']?(?P<name>[A-Za-z][\w.-]{2,60})[\"']?[ \t]*"
    r"(?:=|:[ \t])[ \t]*(?P<value>\S.*)$"
)
# Keys of values and manifests whose value is the name of a Secret or of a key in a Secret, and keys
# that say nothing about their value.
_KEY_NAMES = re.compile(r"^(?:[a-z][a-zA-Z0-9]*)?[sS]ecret(?:Key)?$|^.*/.*$|^value$")
_TEXT_KEYS = ("extraEnv", "extraEnvFrom", "envFrom")
# Matches `host=db password=...` and `Server=db;Pwd=...`, but no non-literals (`--password=$VAR`).
_PAIR = re.compile(
    r"(?i)(?:^|[;&?,\s])(?:user_?|db_?|client_?)?(?:password|passwd|pwd|secret|sharedaccesskey)="
    r"(?![$<{%/*`(])[^;&,\s\"']{3,}"
)
_CALL = re.compile(r"[\w.]+[(\[].*|[A-Za-z_]+(?:\.[A-Za-z_]+)+")


def is_secret(name: str, value: object) -> bool:
    """Return whether `value` is a literal secret, judged by its name and its form."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return False
    text = str(value).strip()
    if not text or text.startswith("ENC[AES256_GCM,") or patterns.is_placeholder(text):
        return False
    if name.upper().startswith("AIRFLOW_CONN_"):
        return _is_secret_connection(text)
    if _is_secret_name(name):
        return _is_literal(name, text)
    return _is_key(name, text) or _has_password(text) or _PAIR.search(text) is not None


def find_secret_lines(text: str) -> Iterator[int]:
    """Yield the numbers of lines that assign a secret: INI, properties, YAML, Python, shell."""
    for match in _ASSIGNED.finditer(text):
        value = match["value"].split(" #")[0].strip().rstrip(",;").strip("\"'")
        named = _is_secret_name(match["name"]) and not _CALL.fullmatch(value)
        if named and is_secret(match["name"], value):
            yield text.count("\n", 0, match.start()) + 1


def find_secret_paths(data: object) -> Iterator[Path]:
    """Yield the paths in `data` (Helm values, a ConfigMap) that hold a literal secret."""
    for path, node in walk(data):
        if isinstance(node, Mapping):
            name, value = node.get("name"), node.get("value")
            if isinstance(name, str) and is_secret(name, value):
                yield (*path, "value")
            continue
        key = next((part for part in reversed(path) if isinstance(part, str)), "")
        if isinstance(node, str) and key in _TEXT_KEYS:
            if any(find_secret_paths(parse_yaml_text(node))):
                yield path
        elif is_secret(_KEY_NAMES.sub("", key), node) or (
            isinstance(node, str) and any(find_secret_lines(node))
        ):
            yield path


def _words(name: str) -> list[str]:
    words = [word.upper() for word in _WORDS.findall(_NUMBERED.sub("", name))]
    while len(words) > 1 and (words[-1].isdecimal() or words[-1] in _SUFFIX):
        words.pop()
    return words


def _is_secret_name(name: str) -> bool:
    """Return whether a value of this name is a secret, not only information about a secret."""
    if name.upper() in _SENSITIVE:
        return True
    words = _words(name)
    if not words:
        return False
    before = words[-2] if len(words) > 1 else ""
    if words[-1] == "SECRET" and before in _SECRET_NAME_WORDS:
        return False
    return (
        _PASSWORD.fullmatch(words[-1]) is not None
        or words[-1] in _SECRET_WORDS
        or (words[-1] == "KEY" and before in _KEY_WORDS)
        or (words[-1].endswith("KEY") and words[-1][:-3] in _KEY_WORDS)
    )


def _is_literal(name: str, text: str) -> bool:
    if text.lower() in _NO_SECRET_VALUES or _PATH.fullmatch(text) or _REFERENCE.fullmatch(text):
        return False
    number = re.fullmatch(r"[+-]?\d{1,9}(\.\d+)?", text)
    return not number or _PASSWORD.fullmatch(_words(name)[-1]) is not None


def _is_key(name: str, text: str) -> bool:
    """Return whether the text looks like a Fernet key, and its name is not that of a checksum."""
    if not _FERNET.fullmatch(text) or _PUBLIC & set(_words(name)):
        return False
    counts = Counter(text)
    entropy = -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
    return entropy > 4


def _is_secret_connection(text: str) -> bool:
    """Return whether an Airflow connection (JSON or URL) has a password."""
    if text.startswith("{"):
        return _has_password(text)
    return "://" not in text or any(patterns.find_secrets(text))


def _has_password(text: str) -> bool:
    if not text.startswith(("{", "[")):
        return False
    try:
        return _has_secret_in_json(json.loads(text), 4)
    except (ValueError, RecursionError):
        return False


def _has_secret_in_json(node: object, depth: int) -> bool:
    if depth == 0:
        return False
    if isinstance(node, Mapping):
        return any(
            (_is_secret_name(str(name)) and is_secret(str(name), value))
            or (isinstance(value, str) and _has_password(value))
            or _has_secret_in_json(value, depth - 1)
            for name, value in node.items()
        )
    return isinstance(node, list) and any(_has_secret_in_json(item, depth - 1) for item in node)
