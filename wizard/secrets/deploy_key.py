"""Deploy keys: generated in memory, or read from the user's text with an error for each defect.

The private key is in OpenSSH's own format and ends in a newline: without a final newline, or with
CRLF, OpenSSH fails with `error in libcrypto` (facts on SSH, section 4). The public key's line has a
comment; the private key has none. `cryptography` is imported on first use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SecretStr

from wizard.errors import ConflictError, Fix
from wizard.hostkeys.blob import MIN_RSA_BITS
from wizard.secrets.encoded import decode_base64
from wizard.secrets.resolve import SecretError

if TYPE_CHECKING:
    from pydantic import SecretStr

KeyKind = Literal["ed25519", "rsa"]

_RSA_BITS = 3072
_COMMENT = 100
_WIDTH = 70
_ARMOUR = re.compile(r"-----BEGIN ([A-Z0-9 ]*)-----((?:[^-]|-(?!----))*+)-----END \1-----")
_BOM = "\ufeff"
_OPENSSH = "OPENSSH PRIVATE KEY"
_PEM = {"RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"}
# A placeholder in messages for the key of the question that asks for the deploy key.
_QUESTION = "<question>"
_NEW_KEY = f"or let `airflow-wizard secrets` generate one: --set {_QUESTION}=generate"
# How the body of a key in OpenSSH's format begins: base64 of `openssh-key-v1`.
_BODY = "b3BlbnNzaC1rZXktdjE"
_PUBLIC = re.compile(r"\s*(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ AAAA")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key pair: the private key as pods read it, and the public key's line with its comment."""

    private: SecretStr
    public: str


def choose_kind(host: str) -> KeyKind:
    """Return the kind of key to generate for this Git host.

    AWS CodeCommit and Azure DevOps accept only RSA keys (their documentation of SSH keys).
    """
    azure = host in {"ssh.dev.azure.com", "vs-ssh.visualstudio.com"}
    codecommit = re.fullmatch(r"git-codecommit(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?", host)
    return "rsa" if azure or codecommit else "ed25519"


def build_comment(installation: str, place: str) -> str:
    """Return the comment for a public key: the installation and the repository (`host/path`)."""
    text = f"airflow-wizard {installation} {place}"
    return re.sub(r"[^A-Za-z0-9 ._@:+/-]", "-", text)[:_COMMENT].rstrip()


def generate_key_pair(kind: KeyKind, comment: str) -> KeyPair:
    """Return a new key pair; nothing is written to disk."""
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    key: Any = (
        rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
        if kind == "rsa"
        else ed25519.Ed25519PrivateKey.generate()
    )
    return KeyPair(SecretStr(_to_openssh(key)), _public_line(key, comment))


def read_private_key(
    text: SecretStr, name: str, comment: str, question: str = "dags.key"
) -> KeyPair:
    """Return the key pair of a given or stored private key, in the form that pods need.

    Fixes white space and line ends, and converts PEM to OpenSSH's format. `name` is the source of
    the key, as messages name it, and `question` the question that asks for the key. Raises
    SecretError for anything that is not a usable private key.
    """
    try:
        return _read_private_key(text, name, comment)
    except SecretError as error:
        if _QUESTION in error.hint:
            error.fix = Fix(error.hint.replace(_QUESTION, question), question)
        raise


def _read_private_key(text: SecretStr, name: str, comment: str) -> KeyPair:
    label, body = _extract_pem(text.get_secret_value(), name)
    key = _load_key(label, body, name)
    _require_strong(key, name)
    private = _format_pem(label, body) if label == _OPENSSH else _to_openssh(key)
    return KeyPair(SecretStr(private), _public_line(key, comment))


def list_repairs(text: SecretStr) -> tuple[str, ...]:
    """Return descriptions of what `read_private_key` would fix in a given key.

    Without the fixes, OpenSSH or other programs refuse the key.
    """
    given = text.get_secret_value()
    text_only = given.removeprefix(_BOM)
    plain = text_only.replace("\\r", "").replace("\\n", "\n")
    plain = plain.replace("\r\n", "\n").replace("\r", "\n")
    label = _ARMOUR.search(plain)
    lines = plain.strip().split("\n")
    found = {
        "a byte order mark before it": given != text_only,
        "carriage returns at its line ends (CRLF)": "\r" in given,
        "line ends written as \\n": "\\n" in given,
        "no final newline": not plain.endswith("\n"),
        "white space around its lines": any(line != line.strip() for line in lines),
        "PEM format": label is not None and label[1] in _PEM,
    }
    return tuple(name for name, there in found.items() if there)


def is_same_key(one: str, other: str) -> bool:
    """Return whether two public key lines have the same key, regardless of their comments."""
    first, second = one.split()[:2], other.split()[:2]
    return len(first) == 2 and first == second


def fingerprint(public: str) -> str:
    """Return a public key's `SHA256:...`, as in `ssh-keygen -l`; empty if the text is no key."""
    import base64
    import binascii
    import hashlib

    try:
        blob = base64.b64decode(public.split()[1], validate=True)
    except (IndexError, binascii.Error, ValueError):
        return ""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def require_recorded_key(
    key: KeyPair, recorded: str, name: str = "dags.key", question: str = ""
) -> None:
    """Raise ConflictError if the public key `recorded` in the answers is not that of `key`.

    `name` is the key's place in the answers, `question` the one that holds it if they differ.
    """
    if recorded and not is_same_key(key.public, recorded):
        raise ConflictError(
            f"{name}.public is {fingerprint(recorded) or 'no public key'}, but the private key "
            f"in use belongs to {fingerprint(key.public)}",
            Fix(
                "find out which of the two keys the Git host has; put that private key into the "
                f"store, or set {name}.public to an empty string and run "
                "`airflow-wizard secrets` again",
                question or name,
            ),
        )


def _extract_pem(text: str, name: str) -> tuple[str, str]:
    """Return the PEM label and the base64 body of the only private key in a text."""
    # Environment variables often contain the two characters \n instead of a line end.
    plain = text.removeprefix(_BOM)
    plain = plain.replace("\\r", "").replace("\\n", "\n").replace("\r", "\n")
    if plain.lstrip().startswith("PuTTY-User-Key-File"):
        raise SecretError(
            f"{name}: this is a PuTTY key", "puttygen KEY.ppk -O private-openssh -o KEY"
        )
    if plain.lstrip().startswith("---- BEGIN SSH2"):
        raise SecretError(
            f"{name}: this is a key in SSH2 format (RFC 4716)", "ssh-keygen -i -f KEY > NEW"
        )
    if _PUBLIC.match(plain):
        raise SecretError(
            f"{name}: this is a public key", "give the private key: the file without .pub"
        )
    found = _ARMOUR.findall(plain)
    if len(found) > 1:
        raise SecretError(f"{name}: has {len(found)} keys or certificates; give one private key")
    if not found:
        if decode_base64(plain).startswith(b"-----BEGIN "):
            raise SecretError(
                f"{name}: this is the base64 form of a private key, as in a Secret's data",
                "decode it first: base64 -d < FILE > KEY",
            )
        cut = "-----BEGIN" in plain or "-----END" in plain or plain.lstrip().startswith(_BODY)
        reason = "its first or last line is missing" if cut else "this is not a private key"
        raise SecretError(f"{name}: {reason}", f"copy the whole file, {_NEW_KEY}")
    ((label, body),) = found
    if label == "ENCRYPTED PRIVATE KEY" or "ENCRYPTED" in body:
        raise _passphrase_error(name)
    if label != _OPENSSH and label not in _PEM:
        kind = "DSA keys are broken" if label.startswith("DSA") else f"this is a {label.lower()}"
        raise SecretError(f"{name}: {kind}", f"give an Ed25519 or RSA private key, {_NEW_KEY}")
    return label, "".join(body.split())


def _passphrase_error(name: str) -> SecretError:
    return SecretError(
        f"{name}: the key has a passphrase, which a pod cannot enter",
        f"give a separate key without one: ssh-keygen -p -N '' -f COPY, {_NEW_KEY}",
    )


def _format_pem(label: str, body: str) -> str:
    lines = [body[at : at + _WIDTH] for at in range(0, len(body), _WIDTH)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def _load_key(label: str, body: str, name: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        load_pem_private_key,
        load_ssh_private_key,
    )

    load = load_ssh_private_key if label == _OPENSSH else load_pem_private_key
    try:
        key = load(_format_pem(label, body).encode("ascii"), None)
        whole = label != _OPENSSH or _public_blob(key) == _embedded_public_key(body)
    except TypeError:
        # cryptography raises this error for a key that needs a passphrase.
        raise _passphrase_error(name) from None
    except UnsupportedAlgorithm:
        if _embedded_public_key(body)[4:].startswith((b"ssh-dss", b"sk-")):
            raise _unsupported_error(name) from None
        whole, key = False, None
    except Exception:
        # The error is neither repeated nor chained: a parser may quote its input.
        whole, key = False, None
    if not whole:
        raise SecretError(
            f"{name}: the key is damaged or incomplete",
            f"copy the file again without changing it, {_NEW_KEY}",
        )
    return key


def _embedded_public_key(body: str) -> bytes:
    """Return the unencrypted public key in OpenSSH's format (PROTOCOL.key)."""
    import base64

    data = base64.b64decode(body)
    place = 15
    for _ in range(3):
        place += 4 + int.from_bytes(data[place : place + 4], "big")
    size = int.from_bytes(data[place + 4 : place + 8], "big")
    return data[place + 8 : place + 8 + size]


def _require_strong(key: Any, name: str) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < MIN_RSA_BITS:
            raise SecretError(
                f"{name}: an RSA key of {key.key_size} bits; the minimum is {MIN_RSA_BITS}",
                _NEW_KEY,
            )
    elif not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
        raise _unsupported_error(name)


def _unsupported_error(name: str) -> SecretError:
    return SecretError(
        f"{name}: DSA keys and keys on hardware are not supported",
        f"give an Ed25519 or RSA private key, {_NEW_KEY}",
    )


def _to_openssh(key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    text: str = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    # Lines as long as ssh-keygen's, so that the same key always has the same text.
    return _format_pem(_OPENSSH, "".join(text.split("-----")[2].split()))


def _public_text(key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    text: str = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return text


def _public_blob(key: Any) -> bytes:
    import base64

    return base64.b64decode(_public_text(key).split()[1])


def _public_line(key: Any, comment: str) -> str:
    return f"{_public_text(key)} {comment}".rstrip()
