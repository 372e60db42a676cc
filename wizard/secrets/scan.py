"""The one search for secrets that nobody told us: in a text, and in nested data.

The leak gate (leak_gate.py) finds the values that this process knows. This search finds the others:
by shape (patterns.py, tokens.py), by name in any syntax (literals.py), and inside base64
(encoded.py). Checks, answers, commit messages and branch names use it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TypeGuard

from wizard.chart.contract import Path
from wizard.formats.messages import UNKNOWN_KEY
from wizard.formats.nested import TaggedText, walk
from wizard.secrets import literals, names, patterns, verdicts
from wizard.secrets.encoded import decode_base64, find_encoded
from wizard.secrets.logins import judge_pair

PLACEHOLDER = "secret.placeholder"
_LITERAL = "secret.literal"
# Values with YAML in a text, in the chart: parsed, so that a finding names the variable.
_TEXT_KEYS = ("extraEnv", "extraEnvFrom", "envFrom", "podTemplate")
# The keys of a mapping that hold a name and its value, and of one that is below a secret's name.
_NAME_KEYS = ("name", "key", "variable", "field")
_VALUE_KEYS = ("value", "default", "content", "defaultValue")
_VALUE_BELOW = (*_VALUE_KEYS, "plain", "plaintext", "text")
# Whose `name` is that of a Secret, and `key` that of a key in one.
_SECRET_REFERENCES = ("secretKeyRef", "secretRef", "imagePullSecrets", "imagePullSecret")
# What describes a secret: `token: {audience: x}`.
_ABOUT = (
    "name", "user", "login", "email", "key", "path", "file", "type", "ref", "id", "url", "uri",
    "host", "server", "role", "issuer", "mode", "audience", "aud", "sha", "digest", "checksum",
    "hash", "fingerprint", "version", "date", "at", "from", "by", "policy", "pattern", "charset",
    "characters", "symbols", "alphabet", "header", "region", "tenant", "store", "kind", "source",
    "profile", "provider", "namespace",
)  # fmt: skip


# Keys whose mapping holds names of variables, or of keys in a Secret.
_NAMING = re.compile(r"(?i)(?:keys?|names?|refs?|from|fields?|mapping)\Z|^from|(?<=[a-z_])env\Z")
# A key of a place such as `env[0].name` or `labels."a.b"`, and the words of a key.
_KEY = re.compile(r'"[^"\n]*+"|[^\s."\[\]]++')
_PART = re.compile(r"[^/:=,;@]++")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*+(?:_++[A-Z0-9]++)++")


@dataclass(frozen=True, slots=True)
class Leak:
    """One secret in a text: the rule, where it is, and what it is; never the secret itself."""

    rule: str
    offset: int
    what: str


def find_leaks(text: str, *, prose: bool = False) -> Iterator[Leak]:
    """Yield every secret in the text; a literal is reported once a line.

    `prose` is for documentation, comments and messages: their words are not values, so a value
    under a secret-like name must look like a secret, and placeholders pass.
    """
    yield from find_shapes(text)
    yield from find_literals(text, prose=prose)


def find_shapes(text: str) -> Iterator[Leak]:
    """Yield the secrets that have a shape of their own, also inside base64."""
    for found in patterns.find_secrets(text):
        yield Leak(*found)
    for found in find_encoded(text, _judge):
        yield Leak(*found)


def find_literals(text: str, *, prose: bool = False) -> Iterator[Leak]:
    """Yield the literal values under secret-like names, and the placeholders in their place."""
    lines: set[int] = set()
    for offset, kind, what in literals.find_literals(text, prose=prose):
        line = text.rfind("\n", 0, offset)
        if line not in lines:
            lines.add(line)
            yield Leak(PLACEHOLDER if kind == "placeholder" else _LITERAL, offset, what)


def _judge(text: str) -> tuple[str, str] | None:
    """Return rule and kind of the first secret in decoded text."""
    for rule, _, what in patterns.find_secrets(text):
        return rule, what
    for _, kind, what in literals.find_literals(text):
        if kind == "literal":
            return _LITERAL, what
    return None


def is_secret(name: str, value: object) -> bool:
    """Return whether `value` is a literal secret or a placeholder, by its name and its form."""
    return bool(judge(name, value))


def judge(name: str, value: object) -> str:
    """Return the rule that a value breaks under this name, or ""."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    text = str(value).strip()
    if not text:
        return ""
    verdict = verdicts.judge_value(name, text)
    if verdict:
        return PLACEHOLDER if verdict == "placeholder" else _LITERAL
    if not isinstance(value, str):
        return ""
    if verdicts.is_key(name, text):
        return _LITERAL
    header = name.lower().rpartition("-")[2]
    if header in ("authorization", "cookie"):
        text = f"{header}: {text}"
    elif literals.is_plain(text):
        return ""
    return next((leak.rule for leak in find_literals(text)), "")


def find_secret_paths(data: object) -> Iterator[tuple[Path, str]]:
    """Yield the paths in `data` (Helm values, a manifest) that hold a literal, and the rule.

    A secret of a known shape is left to the search in the file's text.
    """
    for path, node in walk(data):
        if isinstance(node, Mapping):
            yield from _judge_mapping(path, node)
            continue
        if isinstance(node, list):
            yield from _judge_pairs(path, node)
            continue
        # `!Ref DbPassword` is a reference for the programs that know the tag.
        if isinstance(node, TaggedText) and not verdicts.is_mixed(node):
            continue
        if isinstance(node, str) and verdicts.is_variable(node) and _holds_names(path):
            continue
        key = next((part for part in reversed(path) if isinstance(part, str)), "")
        if isinstance(node, str) and key in _TEXT_KEYS and "\n" in node.strip():
            # Answers are searched too, and need no reader of YAML.
            from wizard.formats.yaml_untrusted import parse_yaml_text

            parsed = parse_yaml_text(node)
            found = next(find_secret_paths(parsed), None) if parsed is not None else None
            if found or (parsed is None and next(find_literals(node), None)):
                yield path, found[1] if found else _LITERAL
        elif rule := judge(names.value_name(key), node) or _judge_below(path, key, node):
            yield path, rule


def _judge_pairs(path: Path, node: list[object]) -> Iterator[tuple[Path, str]]:
    """Yield the secrets of `[[user, ada], [password, ...]]` and `auth: [ada, ...]`."""
    for number, pair in enumerate(node):
        if _is_pair(pair) and (verdict := judge_pair(*pair)):
            yield (*path, number, 1), PLACEHOLDER if verdict == "placeholder" else _LITERAL
    if path[-1:] == ("auth",) and _is_pair(node) and verdicts.is_mixed_password(str(node[1])):
        yield (*path, 1), _LITERAL


def _is_pair(node: object) -> TypeGuard[list[str]]:
    return isinstance(node, list) and len(node) == 2 and all(isinstance(one, str) for one in node)


def _holds_names(path: Path) -> bool:
    """Return whether a key above says that the values are names: `secretKeys`, `fromEnv`."""
    return any(isinstance(part, str) and _NAMING.search(part) for part in path[:-1])


def withhold_secrets(place: str, known: Container[str] = ()) -> str:
    """Return a place in a file without the keys that contain a secret, or look like one.

    A key may be anything, such as a value in the wrong place. The names of variables and the
    `known` keys are no secrets.
    """

    def show(match: re.Match[str]) -> str:
        key = match[0].strip('"')
        if key in known or _VARIABLE.fullmatch(key):
            return match[0]
        is_secret = any(map(verdicts.is_mixed, _PART.findall(key))) or any(
            find_leaks(key, prose=True)
        )
        return UNKNOWN_KEY if is_secret else match[0]

    shown = _KEY.sub(show, place)
    return "(a key that contains a secret)" if any(find_leaks(shown, prose=True)) else shown


def show_variable(name: str) -> str:
    """Return a variable's name for a message; a value in its place may be a secret."""
    is_shown = _VARIABLE.fullmatch(name) and withhold_secrets(name) == name
    return name if is_shown else "this variable"


def _judge_below(path: Path, key: str, value: object) -> str:
    """Return the rule that a value breaks where a Secret's name, or a mapping, is expected."""
    if not isinstance(value, str):
        return ""
    above = next((part for part in reversed(path[:-1]) if isinstance(part, str)), "")
    is_name = (
        (key != "value" and "/" not in key and not names.value_name(key))
        or key.endswith(("SecretName", "secretName"))
        or (key in ("name", "key") and above in _SECRET_REFERENCES)
    )
    if is_name:
        return _LITERAL if verdicts.judge_object_name(value) else ""
    if path[-1] != key or not names.is_secret_name(names.value_name(above)):
        return ""
    if key in _VALUE_BELOW:
        return judge(above, value)
    if key.lower().rstrip("0123456789").endswith(_ABOUT) or not verdicts.is_random(value):
        return ""
    return judge(above, value)


def _judge_mapping(path: Path, node: Mapping[object, object]) -> Iterator[tuple[Path, str]]:
    for name, value in product(_NAME_KEYS, _VALUE_KEYS):
        said = node.get(name)
        if isinstance(said, str) and (rule := judge(said, node.get(value))):
            yield (*path, value), rule
    if "kty" in node and any(isinstance(node.get(part), str) for part in ("d", "k")):
        yield (*path, "d" if "d" in node else "k"), _LITERAL
    login = node.get("auth")
    if isinstance(login, str) and b":" in decode_base64(login):
        yield (*path, "auth"), _LITERAL
    for key, below in node.items():
        # `{password:VALUE}` is a key without a value.
        if isinstance(key, str) and below is None and (leak := next(find_literals(key), None)):
            yield (*path, "(a key)"), leak.rule
        if isinstance(below, list) and below and all(isinstance(item, str) for item in below):
            arguments = any(item.startswith("-") for item in below)
            if arguments and (leak := next(find_literals(json.dumps(below)), None)):
                yield (*path, str(key)), leak.rule
