"""Recognises secrets by their name: `SMTP_PASSWORD`, `api_token`, a connection with a password.

A pattern cannot recognise a value such as `hunter2pw`, but a name shows that it is a password.
Information about a secret is allowed: the name of a Secret (`FERNET_KEY_SECRET_NAME`), a file
(`KEY_PATH`), an address (`TOKEN_URL`), a switch, a variable, a reference to a store.
"""

from __future__ import annotations

import re
from functools import lru_cache

from wizard.chart.contract import SECRET_OPTIONS

_SENSITIVE = frozenset(
    f"AIRFLOW__{section}__{option}".upper() for section, option in SECRET_OPTIONS
)
_PASSWORD = re.compile(
    r"\w*(?:PASSWORD|PASSWD|PASSPHRASE|PASSPHRASES|PASSWORDS)|PWD|PW|PASSWRD"
    r"|(?:ADMIN|DB|FTP|HTTP|KEY|LDAP|MYSQL|PG|PROXY|REDIS|ROOT|SFTP|SMTP|SSH|STORE|SUDO|USER)?PASS"
)
# Words for a password in other languages, at the end of a name.
_FOREIGN = re.compile(
    r"(?:passwort|kennwort|geheimnis|mot_?de_?passe|contrase[nñ]a|senha|wachtwoord|has[lł]o"
    r"|l[oö]senord|salasana|heslo|jelsz[oó]|пароль|密码|密碼|口令|パスワード|비밀번호)\d{0,3}\Z"
)
# `HSM_PIN`; other pins are those of a version, a certificate or a board.
_PIN_OF = frozenset(
    ("HSM", "PKCS", "USER", "SO", "TOKEN", "CARD", "SMARTCARD", "SIM", "SLOT", "PIV", "YUBIKEY",
     "UNLOCK", "LOGIN", "ACCESS", "SECURITY", "ADMIN", "OPERATOR", "OFFICER", "PARTITION")
)  # fmt: skip
# Secrets if a word says of what: `salt` alone is a program.
_SEASONING = frozenset(("SALT", "PEPPER"))
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
        "PASSWORT",
        "KENNWORT",
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

# Keys of values and manifests whose value is the name of a Secret or of a key in a Secret, and keys
# that say nothing about their value.
_KEY_NAMES = re.compile(r"(?:[a-z][a-zA-Z0-9]*)?[sS]ecret(?:Key)?|[^/]*+/.*+|value")


def value_name(key: str) -> str:
    """Return the name by which a value in YAML is judged; "" for a key that names a Secret."""
    return "" if _KEY_NAMES.fullmatch(key) else key


@lru_cache(4096)
def is_secret_name(name: str) -> bool:
    """Return whether a value of this name is a secret, not only information about a secret."""
    if name.upper() in _SENSITIVE:
        return True
    if _FOREIGN.search(name.lower()):
        return True
    words = split_words(name)
    if not words:
        return False
    before = words[-2] if len(words) > 1 else ""
    if words[-1] == "SECRET" and before in _SECRET_NAME_WORDS:
        return False
    return bool(
        _PASSWORD.fullmatch(words[-1]) is not None
        or words[-1] in _SECRET_WORDS
        or (words[-1] in _SEASONING and before)
        or _is_pin(words)
        or _JOINED.fullmatch(words[-1]) is not None
        or (words[-1] == "KEY" and (before in _KEY_WORDS or before in _WEAK_KEY_WORDS))
        or (words[-1].endswith("KEY") and words[-1][:-3] in _KEY_WORDS)
    )


def is_password_name(name: str) -> bool:
    """Return whether the name is that of a password, not of a token or key."""
    words = split_words(name)
    if _FOREIGN.search(name.lower()) or _is_pin(words):
        return True
    return bool(words) and _PASSWORD.fullmatch(words[-1]) is not None


def _is_pin(words: list[str]) -> bool:
    return words[-1:] == ["PIN"] and any(
        word in _PIN_OF for word in words[-3:-1] if not word.isdecimal()
    )


def is_public_name(name: str) -> bool:
    """Return whether the name is that of a checksum, a fingerprint or a public key."""
    return bool(_PUBLIC & set(split_words(name)))


def is_weak_key_name(name: str) -> bool:
    """Return whether the name may be that of a thing, too: `serviceKey`."""
    words = split_words(name)
    return len(words) > 1 and words[-1] == "KEY" and words[-2] in _WEAK_KEY_WORDS


def split_words(name: str) -> list[str]:
    """Return the words of a name in capitals, without a number or a suffix such as `_B64`."""
    words = [word.upper() for word in _WORDS.findall(_NUMBERED.sub("", name))]
    while len(words) > 1 and (words[-1].isdecimal() or words[-1] in _SUFFIX):
        words.pop()
    return words
