"""From a reference to its value: only whole, strong, well-kept values, and none in a message."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.canary import Canary
from wizard.secrets.leak_gate import is_too_weak
from wizard.secrets.references import SecretRef
from wizard.secrets.resolve import MAX_BYTES, SecretError, resolve_reference

KEY = "database.password"


def kept(path: Path, data: bytes, mode: int = 0o600) -> SecretRef:
    path.write_bytes(data)
    path.chmod(mode)
    return SecretRef(file=str(path))


def refused(reference: SecretRef, says: str, **options: bool) -> SecretError:
    with pytest.raises(SecretError, match=says) as caught:
        resolve_reference(reference, KEY, **options)  # type: ignore[arg-type]
    assert KEY in caught.value.message
    return caught.value


def test_a_variable(monkeypatch: pytest.MonkeyPatch, canary: Canary) -> None:
    monkeypatch.setenv("DB_PASSWORD", canary.hostile())
    value = resolve_reference(SecretRef(env="DB_PASSWORD"), KEY)
    assert value.get_secret_value() == canary.hostile()
    canary.assert_absent(repr(value), str(value))
    refused(SecretRef(env="NOT_SET"), "NOT_SET is not set")


def test_an_empty_or_undecodable_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "")
    refused(SecretRef(env="DB_PASSWORD"), "is empty")
    monkeypatch.setitem(os.environ, "DB_PASSWORD", "long-enough\udcff")
    refused(SecretRef(env="DB_PASSWORD"), "not UTF-8")


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_file_loses_one_line_end_and_nothing_else(tmp_path: Path, end: bytes) -> None:
    reference = kept(tmp_path / "password", b"  spaces stay  " + end)
    assert resolve_reference(reference, KEY).get_secret_value() == "  spaces stay  "


def test_a_file_is_found_beside_what_names_it(tmp_path: Path) -> None:
    kept(tmp_path / "password", b"good-enough-1")
    value = resolve_reference(SecretRef(file="password"), KEY, folder=tmp_path)
    assert value.get_secret_value() == "good-enough-1"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    error = refused(kept(tmp_path / "password", b"good-enough-1", mode), "others may read")
    assert "chmod 600" in error.hint


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"first-line-1\nsecond-line-2\n", "more than one line"),
        (b"first-line-1\n\n", "more than one line"),
        (b"with-a-nul\0-inside", "NUL"),
        ("good-enough-1".encode("utf-16"), "not plain UTF-8"),
        ("\ufeffgood-enough-1".encode(), "byte order mark"),
        (b"x" * (MAX_BYTES + 1), "larger than"),
        (b"short1!", "too weak"),
        (b"aaaaaaaaaaaaaaaa", "too weak"),
        (b"           a          ", "too weak"),
    ],
)
def test_files_that_hold_no_password(tmp_path: Path, data: bytes, says: str) -> None:
    error = refused(kept(tmp_path / "password", data), says)
    for part in data.split(b"\n"):
        assert not part.strip() or part.decode("utf-8", "replace") not in str(error)


def test_a_weak_password_is_one_to_log_in_with(tmp_path: Path) -> None:
    """The server decides what it takes; only what is stored must be findable by the leak gate."""
    reference = kept(tmp_path / "password", b"short1!")
    assert resolve_reference(reference, KEY, weak=True).get_secret_value() == "short1!"


def test_no_regular_file(tmp_path: Path) -> None:
    refused(SecretRef(file=str(tmp_path)), "not a regular file|it is a folder")
    refused(SecretRef(file=str(tmp_path / "missing")), "No such file")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    refused(SecretRef(file=str(pipe)), "not a regular file")


def test_several_lines_where_they_belong(tmp_path: Path) -> None:
    reference = kept(tmp_path / "key", b"-----BEGIN X-----\nabcdefgh\n-----END X-----\n")
    value = resolve_reference(reference, KEY, lines=True).get_secret_value()
    assert value == "-----BEGIN X-----\nabcdefgh\n-----END X-----\n"


def test_a_prompt_gets_the_question_and_needs_a_person() -> None:
    asked: list[str] = []

    def prompt(text: str) -> str:
        asked.append(text)
        return "typed-by-hand-1"

    assert resolve_reference(SecretRef(prompt=True), KEY, prompt=prompt).get_secret_value()
    assert asked == [KEY]
    assert refused(SecretRef(prompt=True), "no terminal").available


@pytest.mark.parametrize("kind", ["generate", "store"])
def test_what_does_not_exist_here_is_said_to(kind: str) -> None:
    assert not refused(SecretRef.parse(kind), "not available here").available


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=30))
def test_any_strong_line_comes_back_whole(text: str) -> None:
    if not text or is_too_weak(text):
        with pytest.raises(SecretError):
            resolve_reference(SecretRef(prompt=True), KEY, prompt=lambda _: text)
    else:
        value = resolve_reference(SecretRef(prompt=True), KEY, prompt=lambda _: text)
        assert value.get_secret_value() == text
