"""Host keys against the real ssh-keygen, and against everything that is not one."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_public_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.rendered import answers
from tests.testbed.sshd import keygen
from wizard.hostkeys.blob import check_blob
from wizard.hostkeys.keys import (
    HostKey,
    HostKeyTextError,
    known_hosts_name,
    parse_fingerprint,
    parse_host_keys,
)

HOST = "git.example.com"
ED25519 = "AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf"
OTHER_ED25519 = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
ECDSA = (
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNu"
    "G5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg="
)
KINDS = [
    ("ed25519", 256),
    ("ecdsa", 256),
    ("ecdsa", 384),
    ("ecdsa", 521),
    ("rsa", 2048),
    ("rsa", 3072),
]

needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed"
)


def packed(*parts: bytes) -> str:
    return base64.b64encode(b"".join(struct.pack(">I", len(p)) + p for p in parts)).decode()


def parse(text: str, host: str = HOST, port: int = 22) -> tuple[HostKey, ...]:
    return parse_host_keys(text, host=host, port=port)


def refusal(text: str, host: str = HOST, port: int = 22) -> str:
    with pytest.raises(HostKeyTextError) as caught:
        parse(text, host, port)
    assert caught.value.problems
    return str(caught.value)


# --- the same as ssh-keygen -----------------------------------------------------------------------


@needs_ssh_keygen
@pytest.mark.parametrize(("kind", "bits"), KINDS)
def test_fingerprint_size_and_randomart_are_those_of_ssh_keygen(
    tmp_path: Path, kind: str, bits: int
) -> None:
    path = tmp_path / "key"
    keygen("-q", "-t", kind, "-b", str(bits), "-N", "", "-C", "a comment", "-f", str(path))
    public = path.with_suffix(".pub").read_text()
    (key,) = parse(public)
    first, art = keygen("-lv", "-f", f"{path}.pub").split("\n", 1)
    assert first.split()[:2] == [str(key.bits), key.fingerprint]
    assert key.bits == bits
    assert key.randomart() + "\n" == art
    for name, port in ((HOST, 22), (HOST, 2222)):
        line = key.known_hosts_line(name.upper(), port)
        known = tmp_path / f"known_{port}"
        known.write_text(line + "\n")
        assert "found" in keygen("-F", line.split()[0], "-f", str(known))
        assert parse(line, port=port) == (key,)


@needs_ssh_keygen
def test_randomart_of_many_random_keys(tmp_path: Path) -> None:
    keys = []
    for number in range(150):
        seed = hashlib.sha256(str(number).encode()).digest()
        keys.append(HostKey("ssh-ed25519", packed(b"ssh-ed25519", seed)))
        modulus = b"\0" + (b"\xc1" + hashlib.shake_256(seed).digest(254 + number)) + b"\x01"
        keys.append(HostKey("ssh-rsa", packed(b"ssh-rsa", b"\1\0\1", modulus)))
    path = tmp_path / "keys.pub"
    path.write_text("".join(f"{key.type} {key.key}\n" for key in keys))
    printed = keygen("-lv", "-f", str(path))
    assert printed.count("\n") == 12 * len(keys)
    lines = printed.split("\n")
    for index, key in enumerate(keys):
        assert lines[12 * index].split()[:2] == [str(key.bits), key.fingerprint]
        assert "\n".join(lines[12 * index + 1 : 12 * index + 12]) == key.randomart()


# --- the same as cryptography ---------------------------------------------------------------------


def is_one_sound_key(name: str, blob: bytes) -> bool:
    """Whether cryptography loads it, and writes the same bytes again."""
    line = f"{name} {base64.b64encode(blob).decode()}"
    try:
        key = load_ssh_public_key(line.encode())
    except (ValueError, NotImplementedError, UnsupportedAlgorithm):
        return False
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() == line


def is_accepted(name: str, blob: bytes) -> bool:
    try:
        check_blob(name, blob)
    except ValueError:
        return False
    return True


def public_key(kind: str, bits: int) -> tuple[str, bytes]:
    made: Any
    if kind == "rsa":
        made = rsa.generate_private_key(65537, bits)
    elif kind == "ecdsa":
        curves = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}
        made = ec.generate_private_key(curves[bits])
    else:
        made = ed25519.Ed25519PrivateKey.generate()
    line = made.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    name, key = line.decode().split()
    return name, base64.b64decode(key)


@pytest.mark.parametrize(("kind", "bits"), KINDS)
def test_bytes_that_cryptography_refuses_or_writes_otherwise_are_refused(
    kind: str, bits: int
) -> None:
    """Each byte changed, left out or doubled; where cryptography is more lenient, ours refuses."""
    name, blob = public_key(kind, bits)
    assert is_accepted(name, blob)
    assert is_one_sound_key(name, blob)
    wrong = {blob + b"\0", blob[:-1], b"", blob * 2}
    for at in range(len(blob)):
        before, byte, after = blob[:at], blob[at : at + 1], blob[at + 1 :]
        wrong |= {before + after, before + byte * 2 + after}
        wrong |= {before + bytes([byte[0] ^ flip]) + after for flip in (0x01, 0x80, 0xFF)}
    for changed in wrong:
        assert not is_accepted(name, changed) or is_one_sound_key(name, changed), changed.hex()
    # The points of a curve and Ed25519's 32 bytes: neither judges more than the other.
    if kind != "rsa":
        assert [one for one in wrong if is_accepted(name, one) != is_one_sound_key(name, one)] == []


def test_a_plan_with_host_keys_loads_no_cryptography(tmp_path: Path) -> None:
    """Every plan checks the keys of the answers and of the published list: 40 ms of imports."""
    given = answers("production").model_dump(mode="json", by_alias=True)
    assert given["dags"]["host_keys"]
    (tmp_path / "answers.json").write_text(json.dumps(given))
    subprocess.run(["git", "init", "-q", "repo"], cwd=tmp_path, check=True)
    code = (
        "import sys\n"
        "sys.argv = ['airflow-wizard', '--answers', '../answers.json', 'plan']\n"
        "from wizard.cli.main import main\n"
        "try:\n    ended = main()\nexcept SystemExit as end:\n    ended = end.code\n"
        "assert not ended, ended\n"
        "assert 'wizard.hostkeys.blob' in sys.modules\n"
        "assert 'cryptography' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "repo", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


# --- what may be pasted ---------------------------------------------------------------------------


def test_ssh_keyscan_output_with_comments_and_several_keys() -> None:
    text = (
        f"# {HOST}:22 SSH-2.0-OpenSSH_9.2p1\r\n{HOST} ssh-ed25519 {ED25519}\r\n"
        f"\r\n# {HOST}:22 SSH-2.0-OpenSSH_9.2p1\r\n  {HOST}\tecdsa-sha2-nistp256  {ECDSA}\r\n"
        f"{HOST} ssh-ed25519 {ED25519}"
    )
    assert [key.type for key in parse(text)] == ["ssh-ed25519", "ecdsa-sha2-nistp256"]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (f"ssh-ed25519 {ED25519}", HOST, 22),
        (f"ssh-ed25519 {ED25519} root@git, made 2024", HOST, 2222),
        (f"\ufeff{HOST} ssh-ed25519 {ED25519} comment", HOST, 22),
        (f"GIT.Example.com. ssh-ed25519 {ED25519}", HOST, 22),
        (f"{HOST},192.0.2.7 ssh-ed25519 {ED25519}", HOST, 22),
        (f"[{HOST}]:22 ssh-ed25519 {ED25519}", HOST, 22),
        (f"[{HOST}]:2222 ssh-ed25519 {ED25519}", HOST, 2222),
        (f"2001:db8::1 ssh-ed25519 {ED25519}", "2001:DB8:0::1", 22),
        (f"[2001:db8::1]:2222 ssh-ed25519 {ED25519}", "2001:db8::1", 2222),
        (f"ssh-rsa ssh-ed25519 {ED25519}", "ssh-rsa", 22),
    ],
)
def test_accepted_forms(text: str, host: str, port: int) -> None:
    assert parse(text, host, port) == (HostKey("ssh-ed25519", ED25519),)


def wrong_tail(key: str) -> str:
    blob = bytearray(base64.b64decode(key))
    blob[-1] ^= 1
    return base64.b64encode(blob).decode()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no key found"),
        ("# only a comment\n\n", "no key found"),
        ("hello", "not a public host key"),
        (f"{HOST} ssh-dss AAAAB3NzaC1kc3M=", "DSA"),
        (f"ssh-ed25519-cert-v01@openssh.com {ED25519}", "certificate"),
        (f"{HOST} ssh-rsa-cert-v01@openssh.com {ED25519}", "certificate"),
        (f"{HOST} sk-ssh-ed25519@openssh.com {ED25519}", "belong to people"),
        (f"{HOST} rsa-sha2-512 {ED25519}", "written as ssh-rsa"),
        (f"@revoked * ssh-ed25519 {ED25519}", "revoked"),
        (f"@cert-authority {HOST} ssh-ed25519 {ED25519}", "any key it signs"),
        (f"@new {HOST} ssh-ed25519 {ED25519}", "marker"),
        (f"|1|aaaa=|bbbb= ssh-ed25519 {ED25519}", "hashed"),
        (f"*.example.com ssh-ed25519 {ED25519}", "wildcards"),
        (f"{HOST},!evil ssh-ed25519 {ED25519}", "wildcards"),
        (f"git?example.com ssh-ed25519 {ED25519}", "wildcards"),
        (f"evil.example.com ssh-ed25519 {ED25519}", "a different host or port"),
        (f"[{HOST}]:2222 ssh-ed25519 {ED25519}", "a different host or port"),
        (f"[{HOST}]:99999 ssh-ed25519 {ED25519}", "a different host or port"),
        (f"{HOST} ssh-rsa {ED25519}", "type does not match"),
        (f"{HOST} ecdsa-sha2-nistp384 {ECDSA}", "type does not match"),
        (f"{HOST} ssh-ed25519 {ED25519[:-4]}", "truncated"),
        (f"{HOST} ssh-ed25519 {ED25519[:-1]}", "not complete base64"),
        (f"{HOST} ssh-ed25519 {ED25519}AAAA", "data after the end"),
        (f"{HOST} ssh-ed25519 {ED25519[:20]}!{ED25519[20:]}", "not complete base64"),
        (f"{HOST} ssh-ed25519 {ED25519[:-2]}é=", "not complete base64"),
        (f"{HOST} ecdsa-sha2-nistp256 {ECDSA[:-2]}h=", "not complete base64"),
        (f"{HOST} ecdsa-sha2-nistp256 {wrong_tail(ECDSA)}", "not a point of its curve"),
        (f"{HOST} ssh-ed25519 {packed(b'ssh-ed25519', b'x' * 31)}", "32 bytes"),
        (f"{HOST} ssh-rsa {packed(b'ssh-rsa', b'#', b'')}", "damaged"),
        (f"{HOST} ssh-rsa {packed(b'ssh-rsa', b'#', bytes(1) + b'Q' * 257)}", "shortest form"),
        (f"{HOST} ssh-rsa {packed(b'ssh-rsa', b'#', b'Q' * 128)}", "1023 bits"),
        (f"{HOST} ssh-rsa {packed(b'ssh-rsa', b'#', b'Q' * 2049)}", "damaged"),
        (f"{HOST} ssh-rsa {packed(b'ssh-rsa', b'$', b'Q' * 257)}", "damaged"),
        (f"{HOST} ssh-rsa {packed(b'ssh-rsa', b'#', b'P' * 257)}", "damaged"),
        (f"{HOST} ssh-ed25519 {ED25519} \u202ehidden", "invisible"),
        (f"{HOST} ssh-ed25519 {ED25519} \x1b[2J", "control"),
        ("256 SHA256:HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw git (ECDSA)", "a fingerprint"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n", "private key"),
        ("b3BlbnNzaC1rZXktdjEAAAAA", "private key"),
        ("---- BEGIN SSH2 PUBLIC KEY ----", "ssh-keygen -i"),
        ("x" * 100_001, "too long"),
    ],
)
def test_refused_forms(text: str, says: str) -> None:
    assert says in refusal(text)


def test_a_small_rsa_key_is_refused_with_its_size_and_what_to_do() -> None:
    key = packed(b"ssh-rsa", b"\1\0\1", b"\0" + b"\xc1" * 128)
    message = refusal(f"{HOST} ssh-rsa {key}")
    assert "1024 bits" in message
    assert "2048" in message


def test_every_bad_line_is_reported_with_its_number_and_never_repeated() -> None:
    text = f"hunter2-line one\n{HOST} ssh-ed25519 {ED25519}\n@revoked hunter2 x y\nhunter2"
    with pytest.raises(HostKeyTextError) as caught:
        parse(text)
    assert [problem.key for problem in caught.value.problems] == ["line 1", "line 3", "line 4"]
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("host", ["", "a b", "a,b", "*.x", "-x", "a\nb", "[", "|1|x", "#x", "é"])
def test_a_host_that_is_no_plain_field_never_gets_into_a_line(host: str) -> None:
    with pytest.raises(ValueError, match="host name"):
        HostKey("ssh-ed25519", ED25519).known_hosts_line(host, 22)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_ports(port: int) -> None:
    with pytest.raises(ValueError, match="port"):
        known_hosts_name(HOST, port)


def test_ipv6_names() -> None:
    assert known_hosts_name("[2001:DB8:0:0::1]", 22) == "2001:db8::1"
    assert known_hosts_name("2001:db8::1", 2222) == "[2001:db8::1]:2222"


def test_a_key_cannot_be_changed_or_made_from_nonsense() -> None:
    key = HostKey("ssh-ed25519", ED25519)
    with pytest.raises(AttributeError):
        key.key = OTHER_ED25519  # type: ignore[misc]
    with pytest.raises(ValueError, match="base64"):
        HostKey("ssh-ed25519", "")


# --- hostile input --------------------------------------------------------------------------------

NAMES = (HOST, f"[{HOST}]:22", "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", ED25519, ECDSA)
MARKS = (
    "#",
    "@revoked",
    "|1|a|b",
    "*",
    "\t",
    "\n",
    "\r\n",
    ",",
    "!",
    "AAAA",
    "=",
    "\ufeff",
    "\x00",
)
WORDS = st.sampled_from(NAMES + MARKS)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(), st.lists(st.one_of(WORDS, st.text(max_size=3))).map(" ".join)))
def test_no_text_crashes_the_parser_and_what_it_accepts_is_sound(text: str) -> None:
    try:
        keys = parse(text)
    except HostKeyTextError:
        return
    for key in keys:
        assert key.key in text
        assert parse(key.known_hosts_line(HOST, 22)) == (key,)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([("ssh-ed25519", ED25519), ("ecdsa-sha2-nistp256", ECDSA)]),
    st.integers(min_value=0),
    st.binary(max_size=6),
    st.booleans(),
)
def test_damaged_blobs(pair: tuple[str, str], place: int, noise: bytes, cut: bool) -> None:
    name, text = pair
    blob = base64.b64decode(text)
    place %= len(blob)
    damaged = blob[:place] + noise + (b"" if cut else blob[place:])
    try:
        key = HostKey(name, base64.b64encode(damaged).decode())
    except ValueError:
        return
    assert len(damaged) == len(blob)
    assert key.blob == damaged


# --- fingerprints ---------------------------------------------------------------------------------

GOOD = "SHA256:HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw"


def test_a_fingerprint_is_taken_with_blanks_around_it() -> None:
    assert parse_fingerprint(f"  {GOOD}\r\n") == GOOD


@pytest.mark.parametrize(
    "line",
    [
        f"256 {GOOD} no comment (ED25519)",
        f"256 {GOOD} git.example.com (ECDSA)\n",
        f"3072 {GOOD} root@host (RSA)",
        f"256 {GOOD} a (b) (ED25519-SK)",
        f"ED25519 key fingerprint is {GOOD}.",
    ],
)
def test_a_fingerprint_is_taken_from_the_line_that_it_is_printed_in(line: str) -> None:
    assert parse_fingerprint(line) == GOOD


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "starts with SHA256:"),
        (GOOD + "=", "remove the ="),
        (GOOD.removeprefix("SHA256:"), "start with SHA256:"),
        (GOOD.removeprefix("SHA256:") + "=", "start with SHA256:"),
        (GOOD.replace("SHA256", "sha256"), "capital letters"),
        (GOOD[:-1], "42 characters"),
        (GOOD + "A", "44 characters"),
        (GOOD[:-1] + "x", "mistyped"),
        (GOOD[:-1] + "-", "only letters"),
        (GOOD[:-1] + "é", "only letters"),
        ("f1:d0:fb:46:73:7a:70:92:5a:ab:5d:ef:43:e2:1c:35", "MD5"),
        ("MD5:f1:d0:fb:46:73:7a:70:92:5a:ab:5d:ef:43:e2:1c:35", "MD5"),
        ("MD5:f1", "MD5"),
        ("SHA256:" + "ab" * 32, "hexadecimal"),
        ("AB" * 32, "hexadecimal"),
        (f"{GOOD} and {GOOD}", "nothing else"),
        (f"256 {GOOD} host (ECDSA)\n256 {GOOD} host (ECDSA)", "nothing else"),
        (f"256 {GOOD} host (ED25519-CERT)", "nothing else"),
        (f"256 {GOOD[:-1]} host (ED25519)", "nothing else"),
        (f"256 {GOOD[:-1]}x host (ED25519)", "mistyped"),
        (f"ssh-ed25519 {ED25519}", "public key"),
        (f"{HOST} ssh-ed25519 {ED25519}", "public key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2", "private key"),
        ("SHA256:", "0 characters"),
    ],
)
def test_other_forms_are_refused_with_the_right_one(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        parse_fingerprint(text)
    assert "hunter2" not in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="SHA256:abc+/=- ", min_size=40, max_size=60)))
def test_no_fingerprint_text_crashes(text: str) -> None:
    try:
        value = parse_fingerprint(text)
    except ValueError:
        return
    assert len(base64.b64decode(value.removeprefix("SHA256:") + "=")) == 32
