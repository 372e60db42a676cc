"""Files that only their recipients can open: age (age-encryption.org/v1), with the library pyrage.

Recipients are `age1...` and `ssh-ed25519` public keys; identities are the private keys, as for
`age -r` and `age -i`. Tested in both directions with age 1.1. Keys in plugins or on hardware are
not supported. Messages never repeat file content.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from wizard.errors import RefusedError, UsageError, WizardError
from wizard.formats.input_files import read_input_file

if TYPE_CHECKING:
    from pydantic import SecretStr

_MAX_BYTES = 1 << 20
_SECRET = "AGE-SECRET-KEY-"  # noqa: S105 - the prefix of a private key
_HEADERS = (b"age-encryption.org/v1", b"-----BEGIN AGE ENCRYPTED FILE-----")
_RECIPIENT_HINT = (
    "give a public key: age1... (age-keygen prints it), or the line of an ssh-ed25519 .pub file"
)


def read_recipients(texts: Sequence[str], files: Sequence[Path] = ()) -> list[Any]:
    """Return the recipients for these public keys, and for the keys in files (as for `age -R`).

    Raises UsageError for text that is not a public key.
    """
    found = {
        text.strip(): _parse_recipient(text.strip(), f"--recipient, the {_ordinal(number)} one")
        for number, text in enumerate(texts, 1)
    }
    for path in files:
        lines = read_small(path, "--recipients-file").decode("utf-8", "replace").splitlines()
        for number, line in enumerate(lines, 1):
            if (text := line.strip()) and not text.startswith("#"):
                found[text] = _parse_recipient(text, f"--recipients-file {path}, line {number}")
    if not found:
        raise UsageError(
            "--hand-off needs at least one recipient", f"--recipient: {_RECIPIENT_HINT}"
        )
    return list(found.values())


def _parse_recipient(text: str, which: str) -> Any:
    from pyrage import RecipientError, ssh, x25519

    if _SECRET in text.upper() or "PRIVATE KEY" in text:
        raise UsageError(
            f"{which}: this is a private key, and it has now been exposed",
            f"create a new one, and {_RECIPIENT_HINT}",
        )
    kind = text.partition(" ")[0]
    try:
        if kind == "ssh-ed25519":
            return ssh.Recipient.from_str(text)
        if text.startswith("age1"):
            return x25519.Recipient.from_str(text)
    except RecipientError:
        plugin = text.count("1") > 1 and not kind.startswith("ssh-")
        more = "; keys in plugins or on hardware are not supported" if plugin else ""
        raise UsageError(f"{which} is not a readable public key{more}", _RECIPIENT_HINT) from None
    raise UsageError(f"{which} is neither an age nor an ssh-ed25519 key", _RECIPIENT_HINT)


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def encrypt_bytes(plain: bytes, keys: Sequence[Any]) -> bytes:
    """Return `plain` encrypted as text that only the owners of these keys can decrypt."""
    from pyrage import EncryptError, encrypt

    try:
        return encrypt(plain, keys, armored=True)
    except EncryptError:
        raise WizardError("the hand-off file could not be encrypted") from None


def read_identities(paths: Sequence[Path]) -> list[Any]:
    """Return the private keys in these files, as `age -i` reads them.

    Raises UsageError for a file that is not readable, has no key, or needs a passphrase.
    """
    return [key for path in paths for key in _read_identity_file(path)]


def _read_identity_file(path: Path) -> list[Any]:
    from pyrage import IdentityError, ssh, x25519

    data = read_small(path, "--identity")
    try:
        if b"PRIVATE KEY-----" in data:
            return [ssh.Identity.from_buffer(data)]
        lines = [line.strip() for line in data.decode("utf-8").splitlines()]
        keys = [line for line in lines if line and not line.startswith("#")]
        found = [x25519.Identity.from_str(key) for key in keys]
    except IdentityError as error:
        locked = "decrypted first" in str(error)
        raise _identity_error(path, "has a passphrase" if locked else "") from None
    except UnicodeDecodeError:
        raise _identity_error(path, "") from None
    if not found:
        raise _identity_error(path, "")
    return found


def _identity_error(path: Path, why: str) -> UsageError:
    return UsageError(
        f"--identity {path} {why or 'is not a usable private key'}",
        "give the file that age-keygen wrote, or an ssh-ed25519 private key, without a passphrase; "
        "or decrypt the file yourself (age -d) and put its values into the store",
    )


def read_small(path: Path, option: str) -> bytes:
    """Return a file's bytes; UsageError if it is not readable or far too large."""
    try:
        return read_input_file(path, _MAX_BYTES, pipe=True)
    except OSError as error:
        raise UsageError(f"{option}: the file cannot be read: {error.strerror}") from None


def decrypt_text(data: bytes, keys: Sequence[Any], name: str) -> SecretStr:
    """Return the decrypted text; RefusedError if no key fits or the data was changed."""
    from pyrage import DecryptError, decrypt

    if not data.lstrip().startswith(_HEADERS):
        raise RefusedError(f"{name} is not an age file", "give the file that --hand-off wrote")
    try:
        return SecretStr(decrypt(data, keys).decode("utf-8"))
    except DecryptError as error:
        other = "No matching keys" in str(error)
        raise RefusedError(
            f"{name} cannot be opened: "
            + ("it is for other recipients" if other else "it was changed or is incomplete"),
            "give the --identity of one of its recipients"
            if other
            else "copy the file again without changing it",
        ) from None
    except UnicodeDecodeError:
        raise RefusedError(
            f"{name} does not contain text", "give the file that --hand-off wrote"
        ) from None
