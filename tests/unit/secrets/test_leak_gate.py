"""The leak gate: a true positive for every encoding, and no false alarm on clean trees."""

from __future__ import annotations

import base64
import html
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.support.paths import TOP
from wizard.secrets import leak_gate as module
from wizard.secrets.leak_gate import Gate, is_too_weak

HOSTILE = "p@ss/w:rd %+&=?#'\"<>\\$x é€😀"
VALUES = [
    "hunter2x",
    "Zq3+xW/9vK==uT-7_m",
    HOSTILE,
    "two\nlines of it",
    "-starts: with {yaml} [flow] | !tag",
    "\x01control\x7f\u2028\x85bytes",
    "tab\tand\\nbackslash",
]


def b64(data: bytes, before: bytes = b"", after: bytes = b"") -> bytes:
    return base64.b64encode(before + data + after)


def escaped(value: str) -> bytes:
    return "".join(f"\\u{unit:04X}" for unit in units(value)).encode()


def units(value: str) -> list[int]:
    data = value.encode("utf-16-be")
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "clear": lambda v: v.encode(),
    "base64 at 0": lambda v: b64(v.encode()),
    "base64 at 1": lambda v: b64(v.encode(), b"x", b"yz"),
    "base64 at 2": lambda v: b64(v.encode(), b"xy", b"z"),
    "base64 urlsafe": lambda v: base64.urlsafe_b64encode(b"user:" + v.encode()),
    "base64 without padding": lambda v: b64(v.encode()).rstrip(b"="),
    "base64 in lines": lambda v: base64.encodebytes(b"#" * 50 + v.encode() + b"#" * 50),
    "base64 in short indented lines": lambda v: b"data: |\n" + b"".join(
        b"    " + b64(v.encode())[i : i + 5] + b"\r\n" for i in range(0, len(b64(v.encode())), 5)
    ),
    "base64 in a JSON string with line ends": lambda v: json.dumps(
        base64.encodebytes(b"#" * 50 + v.encode()).decode()
    ).encode(),
    "base64 in a URL": lambda v: quote(b64(v.encode()), safe="").encode(),
    "base64 of a URL": lambda v: b64(f"postgresql://u:{quote(v, safe='')}@h/d".encode()),
    "base64 of JSON": lambda v: b64(json.dumps({"password": v}).encode()),
    "base64 of UTF-16": lambda v: b64(v.encode("utf-16-le")),
    "hex": lambda v: v.encode().hex().encode(),
    "hex in capitals": lambda v: v.encode().hex().upper().encode(),
    "hex in pairs": lambda v: v.encode().hex(":").encode(),
    "hex in lines": lambda v: v.encode().hex("\n", 4).encode(),
    "URL": lambda v: quote(v, safe="").encode(),
    "URL, slash kept": lambda v: quote(v).encode(),
    "URL, small digits": lambda v: "".join(
        part.lower() if part.startswith("%") else part
        for part in (quote(char, safe="") for char in v)
    ).encode(),
    "URL, everything": lambda v: "".join(f"%{byte:02x}" for byte in v.encode()).encode(),
    "form": lambda v: quote_plus(v).encode(),
    "URL, twice": lambda v: quote(quote(v, safe=""), safe="").encode(),
    "JSON": lambda v: json.dumps(v).encode(),
    "JSON, letters kept": lambda v: json.dumps(v, ensure_ascii=False).encode(),
    "JSON, slashes escaped": lambda v: json.dumps(v).replace("/", "\\/").encode(),
    "JSON, everything": escaped,
    "JSON in JSON": lambda v: json.dumps(json.dumps({"password": v})).encode(),
    "YAML, double quotes": lambda v: yaml.dump(v, default_style='"', width=10**6).encode(),
    "YAML, double quotes, folded": lambda v: yaml.dump(
        {"key": v}, default_style='"', width=12, allow_unicode=True
    ).encode(),
    "YAML, any style": lambda v: yaml.dump({"key": v}, width=10**6, allow_unicode=True).encode(),
    "HTML": lambda v: html.escape(v).encode(),
    "HTML, numbers": lambda v: "".join(f"&#{ord(char)};" for char in v).encode(),
    "single quotes doubled": lambda v: v.replace("'", "''").encode(),
    "double quotes doubled": lambda v: v.replace('"', '""').encode(),
    "percent doubled": lambda v: v.replace("%", "%%").encode(),
    "dollar doubled": lambda v: v.replace("$", "$$").encode(),
    "shell": lambda v: v.replace("'", "'\\''").encode(),
    "CRLF": lambda v: v.replace("\n", "\r\n").encode(),
    "UTF-16-LE": lambda v: v.encode("utf-16-le"),
    "UTF-16-BE": lambda v: v.encode("utf-16-be"),
    "UTF-16 with BOM": lambda v: v.encode("utf-16"),
}  # fmt: skip
# C1 controls and line separators have no form of their own there.
UNFIT = {("HTML, numbers", VALUES[5]), ("YAML, any style", VALUES[5])}


def held(*values: str) -> list[SecretStr]:
    return [SecretStr(value) for value in values]


CASES = [(name, value) for name in ENCODINGS for value in VALUES if (name, value) not in UNFIT]


@pytest.mark.parametrize(
    ("encoding", "value"), CASES, ids=[f"{name}-{VALUES.index(value)}" for name, value in CASES]
)
def test_every_encoding_is_found(encoding: str, value: str) -> None:
    data = b"# a file\nfirst: line\nkey: >" + ENCODINGS[encoding](value) + b"< end\nlast: line\n"
    assert Gate(held("other-secret", value)).leaks(data)
    assert not Gate(held("other-secret")).leaks(data)


PRINTABLE = st.text(
    alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=8
).filter(lambda text: not is_too_weak(text))


@settings(max_examples=150)
@given(PRINTABLE, st.sampled_from(sorted(ENCODINGS)), st.binary(max_size=8), st.binary(max_size=8))
def test_any_value_is_found(value: str, encoding: str, before: bytes, after: bytes) -> None:
    data = before + b"\n" + ENCODINGS[encoding](value.strip()) + b"\n" + after
    assert Gate(held(value)).leaks(data)


# --- lines ----------------------------------------------------------------------------------------


def test_where_names_lines_and_nothing_else() -> None:
    secrets = held("hunter2-hunter2", "two\nlines of it")
    data = b"a\nb hunter2-hunter2\nc\n" + b64(b"hunter2-hunter2") + b"\nd\n"
    assert Gate(secrets).where(data) == (2, 4)
    assert Gate(secrets).where(b"a\nb: |\n    two\n    lines of it\nc") == (4,)
    assert Gate(secrets).where(b"a\nb\n") == ()
    assert Gate(secrets).where(b"") == ()
    wrapped = b"x\ny\n" + base64.encodebytes(b"#" * 50 + b"hunter2-hunter2" + b"#" * 50)
    assert Gate(secrets).where(wrapped) == (4,)


def test_neither_the_gate_nor_its_errors_show_a_value() -> None:
    gate = Gate(held("hunter2-hunter2"))
    assert "hunter2" not in repr(gate) + str(gate)


# --- private keys ---------------------------------------------------------------------------------

KEYS = [("ed25519", 256), ("rsa", 2048), ("rsa", 3072), ("ecdsa", 256), ("ecdsa", 521)]
needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed"
)


def ssh_key(folder: Path, kind: str, bits: int, *options: str) -> tuple[str, list[str]]:
    """A private key, and everything public that may be made from it."""
    path = folder / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-b", str(bits), "-N", "", "-f", str(path), *options],
        check=True,
        timeout=60,
    )
    public = [Path(f"{path}.pub").read_text()]
    for form in ("RFC4716", "PKCS8", "PEM"):
        done = subprocess.run(
            ["ssh-keygen", "-e", "-m", form, "-f", path], capture_output=True, text=True, timeout=60
        )
        public.append(done.stdout)
    return path.read_text(), public


# ssh-keygen writes Ed25519 keys in its own format only.
FORMS = [
    (kind, bits, form)
    for kind, bits in KEYS
    for form in ("RFC4716", "PEM", "PKCS8")
    if kind != "ed25519" or form == "RFC4716"
]


@needs_ssh_keygen
@pytest.mark.parametrize(("kind", "bits", "form"), FORMS)
def test_single_lines_of_a_private_key(tmp_path: Path, kind: str, bits: int, form: str) -> None:
    private, public = ssh_key(tmp_path, kind, bits, "-m", form)
    gate = Gate(held(private))
    for text in public:
        assert not gate.leaks(text.encode())
        assert not gate.leaks(text.replace("\n", "").encode())
    lines = private.splitlines()[1:-1]
    found = [line for line in lines if gate.leaks(f"  x: {line}\n".encode())]
    assert found, "no line of the key is looked for"
    for line in found:
        assert gate.leaks(b64(b"a" + line.encode()))
        assert gate.leaks("\n".join(line[i : i + 16] for i in range(0, len(line), 16)).encode())
    assert gate.leaks(json.dumps({"key": private}).encode())
    assert gate.leaks(b64(private.encode()))
    assert gate.leaks(private.replace("\n", "\\n").encode())
    assert gate.leaks(
        ("key: |\n" + "".join(f"  {line}\n" for line in private.split("\n"))).encode()
    )
    assert Gate(held(json.dumps({"private_key": private}))).leaks(found[0].encode())
    if kind == "ed25519":
        assert len(found) >= 3


@needs_ssh_keygen
def test_two_keys_of_one_kind_have_no_line_in_common(tmp_path: Path) -> None:
    for kind, bits in KEYS:
        folders = (tmp_path / f"{kind}{bits}a", tmp_path / f"{kind}{bits}b")
        for folder in folders:
            folder.mkdir()
        first, second = (ssh_key(folder, kind, bits)[0] for folder in folders)
        assert not Gate(held(first)).leaks(second.encode())


def test_a_public_certificate_beside_the_key_is_no_secret() -> None:
    certificate = "-----BEGIN CERTIFICATE-----\n" + "MIIB" * 16 + "\n-----END CERTIFICATE-----\n"
    key = "-----BEGIN PRIVATE KEY-----\n" + "Qx7Z" * 16 + "\n-----END PRIVATE KEY-----\n"
    gate = Gate(held(certificate + key))
    assert not gate.leaks(certificate.encode())
    assert gate.leaks(key.encode())


# --- no false alarms ------------------------------------------------------------------------------


def test_weak_values_are_named_and_not_looked_for() -> None:
    for value in ("", "airflow", "  airflow \n", "********", "abababab", "1234567"):
        assert is_too_weak(value)
        assert not Gate(held(value)).leaks(value.encode() * 3)
    for value in ("hunter2x", "correct horse"):
        assert not is_too_weak(value)


def test_blanks_around_a_value_do_not_hide_it() -> None:
    assert Gate(held("hunter2x\n")).leaks(b"password: hunter2x")


def test_words_at_two_line_ends_are_no_value() -> None:
    assert not Gate(held("Celeryworkers")).leaks(b"executor: Celery\nworkers: 2")
    assert not Gate(held("Celeryworkers")).leaks(b"a: Celery\nworkers")


def generated(seed: int) -> list[SecretStr]:
    import hashlib

    def text(name: str, size: int) -> str:
        digest = hashlib.shake_256(f"{seed}{name}".encode()).digest(size)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    return held(*(text(str(n), 24) for n in range(8)), text("fernet", 32) + "=", text("s", 6))


def clean_files() -> list[Path]:
    top = TOP
    folders = ("wizard", "screens", "presets", "tests", ".ci")
    files = [p for f in folders for p in (top / f).rglob("*") if p.is_file()]
    return [p for p in files if "__pycache__" not in p.parts and p.stat().st_size < 200_000]


def test_a_clean_tree_raises_no_alarm_and_looking_is_quick() -> None:
    files = [path.read_bytes() for path in clean_files()]
    assert len(files) > 30
    gate = Gate(generated(1))
    start = time.process_time()
    assert not any(gate.leaks(data) for data in files)
    total = sum(map(len, files)) / 1e6
    assert (time.process_time() - start) / total < 2, "seconds a megabyte"


@pytest.mark.parametrize("row", [b" ", b"\n", b"'", b"\\", b"%", b"\t\n", b"&", b":", b"AAAA"])
def test_long_rows_take_linear_time(row: bytes) -> None:
    start = time.process_time()
    assert not Gate(held("hunter2-hunter2")).leaks(row * (400_000 // len(row)))
    assert time.process_time() - start < 5


@given(st.binary(max_size=300), st.integers(0, 5))
def test_random_bytes_raise_no_alarm(data: bytes, seed: int) -> None:
    assert not Gate(generated(seed)).leaks(data)


@given(st.text(max_size=200))
def test_text_full_of_escapes_crashes_nothing(text: str) -> None:
    noise = text + "\\u00 \\ud800 \\U99999999 \\x4 %zz &#x110000; &bogus; \\"
    assert not Gate(held("hunter2-hunter2")).leaks(noise.encode("utf-8", "surrogatepass"))


def test_nothing_held_nothing_found() -> None:
    assert not Gate([]).leaks(b"anything")
    assert module.MIN_LENGTH == 8
