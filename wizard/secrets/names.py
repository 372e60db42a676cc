"""Recognises secrets by their name: `SMTP_PASSWORD`, `api_token`, a connection with a password.

A pattern cannot recognise a value such as `hunter2pw`, but a name shows that it is a password.
Information about a secret is allowed: the name of a Secret (`FERNET_KEY_SECRET_NAME`), a file
(`KEY_PATH`), an address (`TOKEN_URL`), a switch, a variable, a reference to a store.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from wizard.chart.contract import SENSITIVE_OPTIONS
from wizard.secrets import patterns
from wizard.secrets.encoded import decode_base64
from wizard.secrets.tokens import compile_once

# "" for what is not a secret: empty, a reference, a switch, a path.
Verdict = Literal["", "literal", "placeholder"]

_SENSITIVE = frozenset(
    f"AIRFLOW__{section}__{option}".upper() for section, option in SENSITIVE_OPTIONS
)
_PASSWORD = re.compile(
    r"\w*(?:PASSWORD|PASSWD|PASSPHRASE|PASSPHRASES|PASSWORDS)|PWD|PW|PASSWRD"
    r"|(?:ADMIN|DB|FTP|HTTP|KEY|LDAP|MYSQL|PG|PROXY|REDIS|ROOT|SFTP|SMTP|SSH|STORE|SUDO|USER)?PASS"
)
_SECRET_WORDS = frozenset(
    (
        "SECRET",
        "TOKEN",
        "TOKENS",
        "CREDENTIAL",
        "CREDENTIALS",
        "CREDS",
        "PAT",
    )
)
# `authtoken`, `clientsecret`: words that nobody separated.
_JOINED = re.compile(
    r"(?:ACCESS|API|APP|AUTH|BEARER|BOT|CLIENT|CONSUMER|DEPLOY|IDENTITY|REFRESH|SESSION|SHARED"
    r"|USER|OAUTH|AWS|GITHUB|GITLAB|VAULT|JWT)(?:TOKEN|SECRET|CREDENTIALS)"
)
_KEY_WORDS = frozenset(
    (
        "ACCESS",
        "ACCOUNT",
        "API",
        "AUTH",
        "CLIENT",
        "ENCRYPTION",
        "FERNET",
        "HMAC",
        "LICENSE",
        "MASTER",
        "PRIVATE",
        "SECRET",
        "SHARED",
        "SIGNING",
        "SSH",
        "SIGNATURE",
        "STORAGE",
        "SUBSCRIPTION",
        "WEBHOOK",
    )
)
# `serviceKey: web` names a thing, `routing_key: 2f1c...` is a secret: the value decides.
_WEAK_KEY_WORDS = frozenset(
    (
        "APP",
        "APPLICATION",
        "CONSUMER",
        "INGEST",
        "INGESTION",
        "INSERT",
        "INSTRUMENTATION",
        "INTEGRATION",
        "ROUTING",
        "SERVICE",
        "WRITE",
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
        "CERTIFICATE",
        "CERTIFICATES",
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
_SUFFIX = frozenset(("B64", "BASE64", "VALUE", "DEFAULT", "HEX", "JSON", "PLAIN", "RAW", "TEXT"))
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NUMBERED = re.compile(r"(?<=[A-Za-z]{2})\d{1,9}\Z")

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
    r"(?:vault|secret|secrets|secretref|ref|file|env|arn|https?|awssm|gcpsm|op|sops|ssm|azurekv|gs"
    r"|s3|pass):\S++|ENC\[AES256_GCM,.*+|@\w+(?:\.\w+)?\(.*+"
    r"|@/\S++"
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
_WORD_AS_VALUE = frozenset(("password", "passwd", "pass", "pwd", "secret", "token", "credentials"))
_FERNET = re.compile(r"[A-Za-z0-9_-]{43}=")
# Keys of values and manifests whose value is the name of a Secret or of a key in a Secret, and keys
# that say nothing about their value.
_KEY_NAMES = re.compile(r"(?:[a-z][a-zA-Z0-9]*)?[sS]ecret(?:Key)?|[^/]*+/.*+|value")
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
    words = _words(name)
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
    if lowered in _NO_SECRET_VALUES or _PATH.fullmatch(text) or _REFERENCE.fullmatch(text):
        return ""
    if _VARIABLE.fullmatch(text) and is_secret_name(text):
        return ""
    left = _REPLACED.sub("", text)
    if left != text and not _is_mixed(left):
        return ""
    if lowered in _WORD_AS_VALUE or compile_once(_FILL_IN).fullmatch(text):
        return "placeholder"
    if is_password_name(name):
        return "literal"
    words = _words(name)
    if words[-1:] == ["KEY"] and words[-2:-1] and words[-2] in _WEAK_KEY_WORDS:
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


def value_name(key: str) -> str:
    """Return the name by which a value in YAML is judged; "" for a key that names a Secret."""
    return "" if _KEY_NAMES.fullmatch(key) else key


@lru_cache(4096)
def is_secret_name(name: str) -> bool:
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
        or _JOINED.fullmatch(words[-1]) is not None
        or (words[-1] == "KEY" and (before in _KEY_WORDS or before in _WEAK_KEY_WORDS))
        or (words[-1].endswith("KEY") and words[-1][:-3] in _KEY_WORDS)
    )


def is_key(name: str, text: str) -> bool:
    """Return whether the text looks like a Fernet key, and its name is not that of a checksum."""
    if len(text) != 44 or not _FERNET.fullmatch(text) or _PUBLIC & set(_words(name)):
        return False
    return patterns.entropy(text) > 4


def is_password_name(name: str) -> bool:
    """Return whether the name is that of a password, not of a token or key."""
    words = _words(name)
    return bool(words) and _PASSWORD.fullmatch(words[-1]) is not None


def is_random(text: str) -> bool:
    """Return whether the text is one word of letters and digits, as no name or version is."""
    return _RANDOM.fullmatch(text) is not None and is_mixed(text)


def is_mixed_password(text: str) -> bool:
    """Return whether the text is one word with letters and digits or signs."""
    return _is_mixed(text) and len(text.split()) == 1


def is_mixed(text: str) -> bool:
    """Return whether the text looks like a secret and not like a word, a name or a version."""
    return is_mixed_password(text) and compile_once(_NAME_WITH_NUMBER).fullmatch(text) is None


_NAME_WITH_NUMBER = (
    r"v?\d{1,9}(?:[.-]\w{1,20}){0,6}|[A-Za-z]{1,30}\d{0,3}(?:[-_.][A-Za-z]{1,30}\d{0,3}){0,8}"
    r"|[a-z][a-z0-9-]{0,60}(?:\.[a-z0-9-]{1,60}){1,8}"
)


def _is_mixed(text: str) -> bool:
    return (
        len(text) >= 6
        and any(char.isalpha() for char in text)
        and any(char.isdigit() or char in "!@#$%^*+~" for char in text)
    )


def _words(name: str) -> list[str]:
    words = [word.upper() for word in _WORDS.findall(_NUMBERED.sub("", name))]
    while len(words) > 1 and (words[-1].isdecimal() or words[-1] in _SUFFIX):
        words.pop()
    return words


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
