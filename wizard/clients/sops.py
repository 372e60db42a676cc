"""Runs the program sops of this machine: plain text goes through pipes only, never to a disk.

Encryption needs the recipients' public keys. For decryption, sops itself finds a private key, as
its documentation says: SOPS_AGE_KEY_FILE, SOPS_AGE_KEY, or its own file of keys. The program is
looked up in absolute PATH entries only. Sources: SOPS 3.13, README and CHANGELOG.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

from wizard.clients.plugins import plugin_environment
from wizard.errors import Fix, RefusedError, WizardError
from wizard.formats.terminal import escape_unprintable

# Since 3.10, sops reads standard input without the name of a device.
MIN_VERSION = (3, 10)
_INSTALL = "install SOPS 3.10 or newer: https://getsops.io/docs/#download"
_KEY_FIX = (
    "name the file with the private key of one of its recipients: export SOPS_AGE_KEY_FILE=FILE; "
    "or let somebody run this who has it"
)
_SECONDS = 60.0
_NAME = ("--filename-override", "file.yaml")
# What sops says if the file was changed by hand, and if no private key fits.
_MAC_EXIT, _NO_KEY_EXIT = 51, 128
# These would change for whom sops encrypts, or what.
_OWN_PREFIX, _KEY_PREFIX = "SOPS_", "SOPS_AGE_"
_RECIPIENTS = "SOPS_AGE_RECIPIENTS"


class NoKeyError(RefusedError):
    """No private key of this machine opens a file."""


class NoProgramError(WizardError):
    """There is no sops on this machine."""


class Sops:
    """The program of this machine; starts nothing before the first operation.

    `hidden` are the names of variables that hold secrets of the answers.
    """

    def __init__(self, program: str, hidden: Sequence[str] = ()) -> None:
        self._program = program
        self._hidden = tuple(hidden)

    @property
    def identity(self) -> str:
        """Return the program, for messages; runs nothing."""
        return escape_unprintable(self._program)

    def require_version(self) -> None:
        """Raise WizardError for a program that is too old, or is not sops."""
        done = self._run(["--version", "--disable-version-check"], b"")
        found = re.search(
            r"\b(\d{1,4})\.(\d{1,4})\.\d{1,4}", done.stdout.decode("utf-8", "replace")
        )
        if done.returncode or found is None:
            raise WizardError(f"{self.identity} reports no version", _INSTALL)
        if (int(found[1]), int(found[2])) < MIN_VERSION:
            raise WizardError(f"{self.identity} is SOPS {found[0]}, which is too old", _INSTALL)

    def encrypt(self, plain: SecretStr, recipients: Sequence[str], regex: str = "") -> bytes:
        """Return the JSON text `plain` as YAML, encrypted for these age public keys.

        With `regex`, only fields whose name matches are encrypted. Raises WizardError.
        """
        words = ["encrypt", "--age", ",".join(recipients), *_NAME]
        words += ["--input-type", "json", "--output-type", "yaml"]
        words += ["--encrypted-regex", regex] if regex else []
        done = self._run([*_NO_CONFIG, *words], plain.get_secret_value().encode())
        if done.returncode or b"ENC[AES256_GCM," not in done.stdout:
            raise WizardError(f"{self.identity} could not encrypt: {_describe(done.stderr)}")
        return done.stdout

    def decrypt(self, data: bytes, name: str) -> SecretStr:
        """Return the content of an encrypted YAML file, as JSON.

        Raises NoKeyError without a private key for it, and RefusedError for a file that was changed
        after its encryption. No message quotes the file.
        """
        words = ["decrypt", *_NAME, "--input-type", "yaml", "--output-type", "json"]
        done = self._run([*_NO_CONFIG, *words], data, keys=True)
        if done.returncode == 0:
            return SecretStr(done.stdout.decode("utf-8"))
        if done.returncode == _NO_KEY_EXIT:
            raise NoKeyError(f"{name}: no private key on this machine opens it", Fix(_KEY_FIX))
        if done.returncode == _MAC_EXIT:
            raise RefusedError(
                f"{name} was changed after its encryption: its MAC does not fit",
                f"restore it from Git (git log -- {name}), and change it with `sops edit` only",
            )
        raise RefusedError(
            f"{name} cannot be decrypted: {_describe(done.stderr)}", "restore it from Git"
        )

    def _run(
        self, words: Sequence[str], given: bytes, *, keys: bool = False
    ) -> subprocess.CompletedProcess[bytes]:
        kept = {
            name: value
            for name, value in plugin_environment(self._hidden).items()
            if not name.startswith(_OWN_PREFIX)
            or (keys and name.startswith(_KEY_PREFIX) and name != _RECIPIENTS)
        }
        try:
            return subprocess.run(  # noqa: S603 - no shell, and a program from PATH
                [self._program, *words], input=given, env=kept, cwd="/", capture_output=True,
                timeout=_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise WizardError(f"{self.identity} did not end within {_SECONDS:.0f} s") from None
        except OSError as error:
            raise WizardError(
                f"{self.identity} cannot be run: {error.strerror}", _INSTALL
            ) from None


# A configuration of the machine could name more recipients, or fields that stay plain text.
_NO_CONFIG = ("--config", os.devnull)


def open_sops(hidden: Sequence[str] = ()) -> Sops:
    """Return the program; NoProgramError, with how to install it, if it is not on PATH."""
    import shutil

    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    own = os.pathsep.join(one for one in folders if Path(one).is_absolute())
    program = shutil.which("sops", path=own)
    if not program:
        raise NoProgramError("sops is not on PATH, and the store sops needs it", _INSTALL)
    return Sops(program, hidden)


def _describe(stderr: bytes) -> str:
    """Return the first line of what sops says; it names files and keys, but no value."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines()]
    return escape_unprintable(next(filter(None, lines), "it says nothing"))[:200]
