"""Judges values: a literal secret, a placeholder in the place of one, or a reference.

The name of a value says whether it must be judged (names.py); the value says what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from wizard.secrets import patterns
from wizard.secrets.encoded import decode_base64
from wizard.secrets.names import (
    is_password_name,
    is_public_name,
    is_secret_name,
    is_weak_key_name,
    split_words,
)
from wizard.secrets.tokens import compile_once

# "" for what is not a secret: empty, a reference, a switch, a path.
Verdict = Literal["", "literal", "placeholder"]
# What a search found: offset, "literal" or "placeholder", what it is.
Found = tuple[int, str, str]

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
        "undefined",
        "enabled",
        "disabled",
        "read",
        "write",
        "inherit",
        "required",
        "optional",
        "string",
        "str",
        "text",
    )
)
_PATH = re.compile(
    r"(?:~|\.{1,2})?(?:/[\w.@$(){}-]{1,40}){1,40}+/?"
    r"|(?:[A-Za-z]:|\\)(?:[/\\][\w.@$(){}-]{1,40}){1,40}+[/\\]?"
)
# Credentials of Vault's engines are named by a path of words.
_WORDS_PATH = r"[A-Za-z][\w-]{0,40}(?:/[A-Za-z][\w-]{0,40}){1,8}"
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONG_HEX = re.compile(r"(?=[^a-f]*+[a-f])(?=[^0-9]*+[0-9])[0-9a-f]{32,128}")
# One word with letters and digits, without the separators of names.
_RANDOM = re.compile(r"(?=[^A-Za-z]*+[A-Za-z])(?=[^0-9]*+[0-9])[A-Za-z0-9+=~!@$%^&]{8,400}")
# The name of an object in Kubernetes.
_OBJECT = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_LOGIN = re.compile(r"[\w.@+-]{1,80}:(?!//)(?!\d{1,5}\Z)(?P<password>[^\s:/]{4,200})")
# References that other tools resolve, and addresses; patterns.py finds URLs with a password.
_REFERENCE = re.compile(
    r"(?:arn|https?|awssm|gcpsm|azurekv|gs|s3):\S++|ENC\[AES256_GCM,.*+|\$ANSIBLE_VAULT;.*+"
    r"|@\w+(?:\.\w+)?\(.*+|@/\S++",
    re.DOTALL,
)
# The same, if what follows is a path, a variable or a name; else it is a part of the secret.
_SCHEME = re.compile(
    r"(?:ref\+)?(?:vault|secret|secrets|secretref|ref|file|env|op|sops|ssm|pass):(?P<rest>\S++)"
)
# The name of a variable; a secret of only capitals and "_" is not probable.
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*+(?:_[A-Z0-9]++)++")
# A part that is replaced later: a template action, a variable, a command's output.
_REPLACED = re.compile(
    r"\{\{[^{}\r\n]{0,400}+\}\}|\{%[^{}\r\n]{0,400}+%\}|\$\{\{[^{}\r\n]{0,200}+\}\}"
    r"|\$\{[^{}\r\n]{1,200}+\}|\$\([^()\r\n]{1,200}+\)|%\w{1,100}+%|%\(\w{1,60}\)s"
    r"|%[sdr]|\{[A-Za-z_][\w.]{0,60}(?:\(\)){0,1}\}|\$\d|\$env:\w{1,100}+"
    # `pa$word` is a password; `a$NAME` and `a:$name` have a variable.
    r"|(?<![A-Za-z0-9])\$[A-Za-z_]\w{0,100}+|\$[A-Z][A-Z_]\w{0,100}+"
)
_FILL_IN = (
    r"(?i)<[^<>]*+>|\*++|\.{3,}+|x{3,}+|(?:[a-z0-9]{1,20}[-_ .]){0,4}?(?:change[-_ ]?"
    r"(?:me|it|this)|replace[-_ ]?(?:me|this|with[-_ \w]{0,60})?"
    r"|fill[-_ ]?(?:me|in|this)(?:[-_ ]in)?|todo|tbd|fixme"
    r"|dummy|placeholder|redacted|(?:put|insert|enter|add|set)[-_ ][\w -]{1,60}"
    r"|your[-_ ][\w -]{1,60}|my[-_ ]?(?:secret|password|token|key)|from[-_ ](?:the[-_ ])?\w{1,40})"
    r"(?:[-_ !.]\w{0,20})?|\[(?:redacted|hidden|secret|password|token)[\w ]{0,20}\]"
)
# Names with a digit that are no secrets.
_ALGORITHM = re.compile(
    r"(?:sha|md|rfc|argon|pbkdf|scrypt|bcrypt|scram|base|oauth|pkcs|x|utf|aes|v)-?\d[\w.-]{0,20}"
    r"|scram-[\w-]{1,20}|#\d{1,9}",
    re.IGNORECASE,
)
_WORD_AS_VALUE = frozenset(("password", "passwd", "pass", "pwd", "secret", "token", "credentials"))
_FERNET = re.compile(r"[A-Za-z0-9_-]{43}=")
_AZURE = re.compile(r"[A-Za-z0-9+/]{86}==")
_CREDENTIALS = ("CREDENTIAL", "CREDENTIALS", "CREDS", "PAT")
_WORD = r"[A-Za-z]{1,30}(?:[-_ ][A-Za-z]{1,30}){0,3}"
_SENTENCE = r"[A-Za-z'][\w',:;()-]{0,40}(?: [\w',.:;()-]{1,40}){2,60}+"
_DOTTED = r"[A-Za-z_]{1,40}(?:\.[A-Za-z_]{1,40}){1,8}"
_NUMBER = r"[+-]?\d{1,9}(?:\.\d{1,9})?"


def judge_value(name: str, value: str) -> Verdict:
    """Return whether a value of this name is a literal secret, a placeholder of one, or neither."""
    text = value.strip()
    if not text:
        return ""
    if name.upper().startswith("AIRFLOW_CONN_"):
        return _judge_connection(text)
    if is_secret_name(name):
        return judge_literal(name, text)
    words = split_words(name)
    secret_id = words[-2:] == ["SECRET", "ID"] and _UUID.fullmatch(text) is not None
    return "literal" if secret_id or _is_login(words, text) else ""


def _is_login(words: list[str], text: str) -> bool:
    """Return whether the value under `*_AUTH` is `user:password`, also in base64."""
    if words[-1:] != ["AUTH"]:
        return False
    plain = decode_base64(text) if ":" not in text else text.encode()
    match = _LOGIN.fullmatch(plain.decode("latin-1"))
    if match is None or judge_literal("PASSWORD", match["password"]) != "literal":
        return False
    # `module:Class` chooses a way to log in.
    return words[-2:-1] == ["BASIC"] or is_mixed(match["password"])


def judge_object_name(text: str) -> Verdict:
    """Return what a value is where the name of a Secret, or of a key in one, is expected."""
    text = text.strip()
    if _UUID.fullmatch(text) or _LONG_HEX.fullmatch(text):
        return "literal"
    if "/" in text or _OBJECT.fullmatch(text) or not is_mixed(text):
        return ""
    return judge_literal("SECRET", text)


def judge_literal(name: str, text: str) -> Verdict:
    """Return what a value is under a name that is known to be a secret's."""
    lowered = text.lower()
    if lowered in _NO_SECRET_VALUES or _is_path(text) or _is_reference(text):
        return ""
    if is_variable(text):
        return "placeholder"
    left = _REPLACED.sub("", text)
    if left != text and not _is_mixed(left):
        return ""
    if lowered in _WORD_AS_VALUE or compile_once(_FILL_IN).fullmatch(text):
        return "placeholder"
    if is_password_name(name):
        return "literal"
    words = split_words(name)
    if is_weak_key_name(name):
        return "literal" if _RANDOM.fullmatch(text) or _UUID.fullmatch(text) else ""
    if (
        compile_once(_NUMBER).fullmatch(text)
        or compile_once(_SENTENCE).fullmatch(text)
        or compile_once(_DOTTED).fullmatch(text)
    ):
        return ""
    # `credential: known` chooses where a credential comes from.
    choice = words[-1:] and words[-1] in _CREDENTIALS
    choice = choice and compile_once(f"{_WORD}|{_WORDS_PATH}").fullmatch(text) is not None
    return "" if choice else "literal"


def judge_password(offset: int, value: str, what: str) -> Iterator[Found]:
    """Yield a password in this place unless it is a reference."""
    verdict = judge_literal("PASSWORD", value)
    if verdict:
        yield offset, verdict, what


def is_variable(text: str) -> bool:
    """Return whether the text is the name of a variable that holds a secret: `SMTP_PASSWORD`."""
    return _VARIABLE.fullmatch(text) is not None and is_secret_name(text)


def _is_path(text: str) -> bool:
    """Return whether the text is a path, and not a secret that starts with a slash."""
    if not _PATH.fullmatch(text):
        return False
    parts = [part for part in re.split(r"[/\\]", text) if part.strip("~.")]
    if len(parts) == 1 and text[0] in "/\\" and "." not in text:
        return not is_mixed(parts[0])
    return not any(len(part) >= 20 and _has_all(part) for part in parts)


def _has_all(text: str) -> bool:
    return all(any(map(kind, text)) for kind in (str.isupper, str.islower, str.isdigit))


def _is_reference(text: str) -> bool:
    if _REFERENCE.fullmatch(text):
        return True
    match = _SCHEME.fullmatch(text)
    if match is None:
        return False
    rest = match["rest"]
    return "/" in rest or "#" in rest or rest.isupper() or is_named_secret(rest)


def is_named_secret(text: str) -> bool:
    """Return whether the text is the name of a secret: `smtp-token`, and not `hunter2pw`."""
    return is_secret_name(text) and not is_mixed(text)


def is_key(name: str, text: str) -> bool:
    """Return whether the text looks like a Fernet key, or under `key` like one of Azure.

    Checksums, signatures and public keys have the same form, and other names.
    """
    words = split_words(name)
    if is_public_name(name):
        return False
    if len(text) == 88 and _AZURE.fullmatch(text) and words:
        return words[-1].endswith(("KEY", "CREDENTIAL")) and patterns.entropy(text) > 4
    return len(text) == 44 and _FERNET.fullmatch(text) is not None and patterns.entropy(text) > 4


def is_random(text: str) -> bool:
    """Return whether the text is one word of letters and digits, as no name or version is."""
    return _RANDOM.fullmatch(text) is not None and is_mixed(text)


def is_mixed_password(text: str) -> bool:
    """Return whether the text is one word with letters and digits or signs."""
    return _is_mixed(text) and len(text.split()) == 1 and not is_algorithm(text)


def is_algorithm(text: str) -> bool:
    """Return whether the text names an algorithm or a document, such as `sha256` or `rfc7519`."""
    return _ALGORITHM.fullmatch(text) is not None


def is_mixed(text: str) -> bool:
    """Return whether the text looks like a secret and not like a word, a name or a version."""
    return is_mixed_password(text) and compile_once(_NAME_WITH_NUMBER).fullmatch(text) is None


_NAME_WITH_NUMBER = (
    r"v?\d{1,9}(?:[.-]\w{1,20}){0,6}"
    r"|[A-Za-z]{1,30}\d{0,3}(?:[-_.](?:[A-Za-z]{1,30}\d{0,3}|\d{1,3})){0,8}"
    r"|[a-z][a-z0-9-]{0,60}(?:\.[a-z0-9-]{1,60}){1,8}"
)


def _is_mixed(text: str) -> bool:
    return (
        len(text) >= 6
        and any(char.isalpha() for char in text)
        and any(char.isdigit() or char in "!@#$%^*+~" for char in text)
    )


def _judge_connection(text: str) -> Verdict:
    """Return what an Airflow connection (a URL, or JSON that literals.py reads) is.

    A user without a password is a token if it looks like one.
    """
    if text.startswith("{"):
        return ""
    if "://" not in text:
        return "" if _REPLACED.sub("", text) == "" else judge_literal("PASSWORD", text)
    if any(patterns.find_secrets(text)):
        return "literal"
    login = text.partition("://")[2].partition("/")[0].rpartition("@")[0]
    user, _, password = login.partition(":")
    if password:
        return judge_literal("PASSWORD", password)
    return "literal" if is_mixed(user) and len(user) >= 16 else ""
