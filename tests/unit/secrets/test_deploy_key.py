"""Deploy keys: what is made is what OpenSSH reads, and what is given is put right or named."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from tests.testbed.sshd import keygen
from wizard.errors import ConflictError
from wizard.secrets.deploy_key import (
    KeyPair,
    build_comment,
    choose_kind,
    fingerprint,
    generate_key_pair,
    is_same_key,
    list_repairs,
    read_private_key,
    require_recorded_key,
)
from wizard.secrets.resolve import SecretError

NAME = "dags.key"


def made(folder: Path, *options: str, passphrase: str = "", name: str = "key") -> Path:
    path = folder / name
    keygen("-q", "-N", passphrase, "-C", "somebody@example.com", *options, "-f", path)
    return path


def public_by_openssh(folder: Path, key: KeyPair) -> str:
    path = folder / "written"
    path.write_bytes(key.private.get_secret_value().encode())
    path.chmod(0o600)
    return keygen("-y", "-f", path).strip()


def given(text: str) -> KeyPair:
    return read_private_key(SecretStr(text), NAME, "ours")


def refused(text: str) -> SecretError:
    with pytest.raises(SecretError) as caught:
        given(text)
    assert NAME in caught.value.message
    for line in text.splitlines():
        if len(line) > 30 and not line.startswith("-----"):
            assert line not in caught.value.message + caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("kind", "type_", "bits"), [("ed25519", "ssh-ed25519", "256"), ("rsa", "ssh-rsa", "3072")]
)
def test_openssh_reads_what_is_made(tmp_path: Path, kind: str, type_: str, bits: str) -> None:
    key = generate_key_pair("rsa" if kind == "rsa" else "ed25519", "airflow-wizard prod host/path")

    assert key.private.get_secret_value().startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert key.private.get_secret_value().endswith("-----END OPENSSH PRIVATE KEY-----\n")
    assert is_same_key(public_by_openssh(tmp_path, key), key.public)
    assert key.public.split(" ", 2)[0] == type_
    assert key.public.split(" ", 2)[2] == "airflow-wizard prod host/path"
    (tmp_path / "public").write_text(key.public + "\n")
    listed = keygen("-l", "-f", tmp_path / "public")
    assert listed.split()[:2] == [bits, fingerprint(key.public)]


def test_no_two_keys_are_alike_and_none_is_shown() -> None:
    one, other = generate_key_pair("ed25519", "c"), generate_key_pair("ed25519", "c")

    assert not is_same_key(one.public, other.public)
    assert "PRIVATE" not in repr(one) + str(one)


@pytest.mark.parametrize(
    "host",
    ["ssh.dev.azure.com", "vs-ssh.visualstudio.com", "git-codecommit.eu-west-1.amazonaws.com"],
)
def test_hosts_that_take_rsa_only(host: str) -> None:
    assert choose_kind(host) == "rsa"


@pytest.mark.parametrize("host", ["github.com", "git.example.com", "amazonaws.com.example.com"])
def test_every_other_host_gets_ed25519(host: str) -> None:
    assert choose_kind(host) == "ed25519"


def test_a_comment_is_one_line_of_harmless_characters() -> None:
    assert build_comment("prod", "git.example.com/~me/dags") == (
        "airflow-wizard prod git.example.com/-me/dags"
    )
    assert len(build_comment("p", "x" * 500)) == 100


KINDS = {
    "ed25519": ("-t", "ed25519"),
    "ecdsa": ("-t", "ecdsa", "-b", "384"),
    "rsa": ("-t", "rsa", "-b", "2048"),
    "rsa in PEM": ("-t", "rsa", "-b", "2048", "-m", "PEM"),
    "rsa in PKCS8": ("-t", "rsa", "-b", "2048", "-m", "PKCS8"),
    "ecdsa in PEM": ("-t", "ecdsa", "-b", "256", "-m", "PEM"),
}


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_every_usual_kind_becomes_a_key_that_openssh_reads(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = made(tmp_path, *options)

    key = given(path.read_text())

    assert key.private.get_secret_value().startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert key.private.get_secret_value().endswith("\n")
    assert "\r" not in key.private.get_secret_value()
    expected = path.with_suffix(".pub").read_text()
    assert is_same_key(key.public, expected)
    assert is_same_key(public_by_openssh(tmp_path, key), expected)
    assert key.public.endswith(" ours")


def _unfolded(text: str) -> str:
    head, *lines, tail, end = text.split("\n")
    return "\n".join([head, "".join(lines), tail, end])


DAMAGE: dict[str, Callable[[str], str]] = {
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "old Mac line ends": lambda text: text.replace("\n", "\r"),
    "no final newline": lambda text: text.rstrip("\n"),
    "blank lines around": lambda text: f"\n\n{text}\n\n",
    "indented": lambda text: "".join(f"    {line}\n" for line in text.splitlines()),
    "escaped line ends": lambda text: text.replace("\n", "\\n"),
    "spaces for line ends": lambda text: text.replace("\n", " "),
    "one long line": _unfolded,
    "byte order mark": lambda text: "\ufeff" + text,
}


@pytest.mark.parametrize("damage", list(DAMAGE))
def test_white_space_is_put_right(tmp_path: Path, damage: str) -> None:
    path = made(tmp_path, "-t", "ed25519")

    key = given(DAMAGE[damage](path.read_text()))

    assert key.private.get_secret_value() == path.read_text()


REPAIRS = {
    "CRLF": "carriage returns at its line ends (CRLF)",
    "old Mac line ends": "carriage returns at its line ends (CRLF)",
    "no final newline": "no final newline",
    "indented": "white space around its lines",
    "escaped line ends": "line ends written as \\n",
    "byte order mark": "a byte order mark before it",
}


def test_what_was_put_right_is_named(tmp_path: Path) -> None:
    text = made(tmp_path, "-t", "ed25519").read_text()
    pem = made(tmp_path, *KINDS["rsa in PEM"], name="pem").read_text()

    assert list_repairs(SecretStr(text)) == ()
    for damage, name in REPAIRS.items():
        assert list_repairs(SecretStr(DAMAGE[damage](text))) == (name,), damage
    assert list_repairs(SecretStr(pem)) == ("PEM format",)


def test_a_passphrase_is_named_in_every_format(tmp_path: Path) -> None:
    texts = [
        made(tmp_path, "-t", "ed25519", passphrase="longer", name="a").read_text(),
        made(tmp_path, "-t", "rsa", "-m", "PEM", passphrase="longer", name="b").read_text(),
        made(tmp_path, "-t", "rsa", "-m", "PKCS8", passphrase="longer", name="c").read_text(),
    ]
    for text in texts:
        error = refused(text)
        assert "passphrase" in error.message
        assert "ssh-keygen -p" in error.hint


def test_what_is_no_usable_key_is_named(tmp_path: Path) -> None:
    path = made(tmp_path, "-t", "ed25519")
    text, public = path.read_text(), path.with_suffix(".pub").read_text()
    lines = text.splitlines(keepends=True)
    cases = {
        "this is a public key": public,
        "PuTTY key": "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n",
        "SSH2": "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nAAAA\n",
        "this is not a private key": "hunter2-is-a-password",
        "its first or last line is missing": "".join(lines[:-1]),
        "has 2 keys": text + text,
        "this is a certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "DSA keys are broken": "-----BEGIN DSA PRIVATE KEY-----\nAA\n-----END DSA PRIVATE KEY-----",
        "damaged": "".join([*lines[:2], *lines[3:]]),
        "the base64 form of a private key": base64.encodebytes(text.encode()).decode(),
    }
    for said, case in cases.items():
        assert said in refused(case).message, said
    assert "first or last line" in refused("".join(lines[1:-1])).message
    assert "base64 -d" in refused(base64.b64encode(text.encode()).decode()).hint


def test_one_changed_character_is_damage(tmp_path: Path) -> None:
    text = made(tmp_path, "-t", "ed25519").read_text()
    head, body, *rest = text.split("\n")
    for place in (60, 66):  # in the public part that stands in clear
        changed = body[:place] + ("B" if body[place] != "B" else "C") + body[place + 1 :]
        assert "damaged" in refused("\n".join([head, changed, *rest])).message


def test_weak_and_foreign_keys_are_refused(tmp_path: Path) -> None:
    weak = made(tmp_path, "-t", "rsa", "-b", "1024").read_text()
    assert "1024 bits" in refused(weak).message
    other = X448PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    assert "are not supported" in refused(other.decode()).message


def test_a_key_that_is_not_the_recorded_one_is_a_conflict(tmp_path: Path) -> None:
    key, other = generate_key_pair("ed25519", "ours"), generate_key_pair("ed25519", "ours")

    require_recorded_key(key, "")
    require_recorded_key(key, key.public)
    require_recorded_key(key, " ".join(key.public.split()[:2]) + " another comment")
    with pytest.raises(ConflictError) as caught:
        require_recorded_key(key, other.public)
    assert fingerprint(key.public) in caught.value.message
    assert fingerprint(other.public) in caught.value.message
    with pytest.raises(ConflictError):
        require_recorded_key(key, "garbage")
