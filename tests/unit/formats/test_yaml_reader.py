"""Reading what people wrote: bounded, unambiguous, and never repeated in a message."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.canary import MARKER, Canary
from wizard.answers.files import parse_answers
from wizard.errors import AnswersError
from wizard.formats.yaml_reader import MAX_BYTES, read_mapping, read_yaml

CANARY = Canary().secret("file")

REFUSED = {
    "a list": (f"- {CANARY}\n", "must be a mapping"),
    "a scalar": (CANARY, "must be a mapping"),
    "not closed": (f"a: [{CANARY}\n", "not readable YAML"),
    "bad indent": (f"a: 1\n b: {CANARY}\n", "not readable YAML"),
    "tab": (f"a:\n\tb: {CANARY}\n", "not readable YAML"),
    "duplicate key": (f"a: {CANARY}\na: 2\n", "a key occurs twice"),
    "duplicate below": (f"a:\n  b: {CANARY}\n  b: 2\n", "a key occurs twice"),
    "alias": (f"a: &x {CANARY}\nb: *x\n", "anchors and aliases"),
    "anchor alone": (f"a: &x {CANARY}\n", "anchors and aliases"),
    "unknown alias": (f"a: {CANARY}\nb: *x\n", ""),
    "merge key": (f"a: &x {{k: {CANARY}}}\nb:\n  <<: *x\n", "anchors and aliases"),
    "merge key without alias": (f"b:\n  <<: {{k: {CANARY}}}\n", ""),
    "python tag": (f"a: !!python/object/apply:os.system ['{CANARY}']\n", "tags"),
    "own tag": (f"a: !vault {CANARY}\n", "tags"),
    "binary tag": (f"a: !!binary {CANARY}\n", "tags"),
    "set tag": (f"a: !!set {{{CANARY}}}\n", "tags"),
    "number key": (f"1: {CANARY}\n", "a key is not text"),
    "null key": (f"~: {CANARY}\n", "a key is not text"),
    "boolean key": (f"true: {CANARY}\n", "a key is not text"),
    "list key": (f"? [a, b]\n: {CANARY}\n", ""),
    "two documents": (f"a: 1\n---\nb: {CANARY}\n", "one YAML document"),
    "deep nesting": ("[" * 200 + CANARY + "]" * 200, "nested deeper"),
    "very deep nesting": ("[" * 100_000, "line 1: nested deeper"),
    "deep block": ("".join(f"{' ' * n}a:\n" for n in range(200)), "nested deeper"),
    "too large": (f"a: {'x' * MAX_BYTES}{CANARY}\n", "larger than"),
    "a control character": (f"a: \x00{CANARY}\n", ""),
    "a lone surrogate": (f"a: \ud800{CANARY}\n", ""),
    "an escaped surrogate": (f'a: "\\ud800{CANARY}"\n', "half of a character"),
    "an escaped surrogate key": (f'"\\udc00": {CANARY}\n', "half of a character"),
    "a directive": (f"%YAML 3.7\n---\na: {CANARY}\n", ""),
}


@pytest.mark.parametrize(("text", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_names_the_file_and_repeats_nothing(text: str, says: str) -> None:
    with pytest.raises(AnswersError) as caught:
        read_mapping(text, "my.yaml")

    assert "my.yaml" in caught.value.message
    assert says in caught.value.message
    assert MARKER not in _everything(caught.value)


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]

    with pytest.raises(AnswersError, match="anchors and aliases"):
        read_mapping("\n".join(lines), "bomb.yaml")


def test_the_line_is_named() -> None:
    with pytest.raises(AnswersError, match=r"^f, line 3"):
        read_mapping("a: 1\nb: 2\nb: 3\n", "f")


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "--- {}\n", "{}"])
def test_nothing_is_an_empty_mapping(text: str) -> None:
    assert read_mapping(text, "f") == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("NO", "NO"),
        ("on", "on"),
        ("true", True),
        ("2026-11-21", "2026-11-21"),
        ("012", 12),
        ("12:30", "12:30"),
        ("~", None),
        ("'5'", "5"),
        ("é 日本", "é 日本"),
    ],
)
def test_values_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    assert read_yaml(f"a: {text}\n", "f") == {"a": value}


@pytest.mark.parametrize("number", ["2", "0", "-1", "'1'", "true", "1.0", "[]", "null", "x"])
def test_a_schema_this_version_does_not_know_is_refused(number: str) -> None:
    with pytest.raises(AnswersError) as caught:
        parse_answers(f"schema: {number}\n", "f.yaml")

    (problem,) = caught.value.problems
    assert problem.key == "schema"
    assert "schema 1" in problem.message


_NOISE = st.text(
    st.sampled_from(list("abc:-[]{}&*!|>'\"%@#?,~ \n\t\\<0123.=\x00\u2028é")), max_size=80
)


@pytest.mark.parametrize("reader", [read_yaml, read_mapping, parse_answers])
@given(before=_NOISE, after=_NOISE)
def test_whatever_the_text_only_this_error_is_raised_and_it_repeats_nothing(
    reader: Callable[[str, str], object], before: str, after: str
) -> None:
    refusal = _refusal(lambda: reader(f"{before}{CANARY}{after}", "f"))

    assert refusal is None or MARKER not in _everything(refusal)


@given(st.text(max_size=200))
def test_any_text_at_all(text: str) -> None:
    refusal = _refusal(lambda: read_yaml(text, "f"))

    assert refusal is None or refusal.message.startswith("f")


def _refusal(act: Callable[[], object]) -> AnswersError | None:
    try:
        act()
    except AnswersError as error:
        return error
    return None


def _everything(error: AnswersError) -> str:
    """All that a handler could print, the exceptions behind it included."""
    import traceback

    shown = "".join(traceback.format_exception(error)) if error.__cause__ else ""
    return "\n".join([error.message, error.hint, *map(str, error.problems), shown])
