"""The YAML writer: what it writes, and that every reader reads the same back."""

import io
import math
import re
from enum import Enum

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from wizard.formats.yaml_writer import Code, Yaml, dump_yaml, quote_yaml

HOSTILE = [
    "y", "n", "Y", "N", "yes", "no", "Yes", "NO", "on", "off", "ON", "Off", "true", "True", "false",
    "null", "Null", "NULL", "~", "", " ", "=", "<<", "-", "--", "---", "...", "?", ":", "a:", ": a",
    "a: b", "a #b", "#a", "a ", " a", "-a", "- a", "? a", "1", "-1", "+1", "0", "012", "0o17",
    "0x1F", "0b1", "1_000", "1e3", "1E3", "1.", ".5", "-.5", "1:30", "190:20:30", "1:30.5", ".inf",
    "-.INF", ".nan", ".NaN", "nan", "inf", "2026-11-21", "2026-11-21T10:00:00Z",
    "2026-11-21 10:00:00", "3.2.2", "3.2", "10Gi", "@a", "`a", "%a", "!a", "&a", "*a", "|", ">",
    "|-", "{a}", "[a]", "{{ .x }}", "a, b", "'a'", '"a"', "a\\b", "a'b", 'a"b', "a\tb", "\ta",
    "a\t", "\n", "\n\n", "a\n", "a\n\n", "a\nb", "a\nb\n", "\na", " a\nb", "a\n b\nc", "a \nb",
    "a\n\nb", "a\n \nb", "a\r\nb", "a\rb", "a\x85b", "a\u2028b\u2029c", "a\u202eb", "\ufeffa",
    "a\ufeffb", "a\x00b", "a\x07b", "a\x7fb", "a\xa0b", "a\xadb", "\uffff", "\ufffe", "\ufffd",
    "\U0001f600", "a\U0001f600\nb", "\U0010ffff", "\U000e0041", "é", "日本", "#\n#", "a\n# b\n",
    "a\n---\nb", "a\n...\n", "%YAML 1.1\n", "-----BEGIN X-----\nabc=\n-----END X-----\n",
    "k" * 2000,
    '"' * 700, "日" * 1100, "a\n\tb", "a\tb\nc", "a\nb\t", "a:b", "http://x/y?z=1#f", "/a b", "_1",
    "a  b", "e3", "O17", "x1F", "a:\nb", "- a\n- b\n", "key: |\n  text\n", "null ", "True\n",
]  # fmt: skip

text = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    st.text(alphabet="ab01:#-? \n\t.,~=<{}[]|>&*!%@`\"'\\éy\x85\u2028\ufeff", max_size=12),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False),
    text,
)
data = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=20,
)


def both(source: str) -> tuple[object, object]:
    """What a YAML 1.1 and a YAML 1.2 reader make of the text."""
    reader = YAML(typ="safe", pure=True)
    return yaml.safe_load(source), reader.load(io.StringIO(source))


def same(left: object, right: object) -> bool:
    """Equality that tells 1 from True and from 1.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


@given(data)
def test_every_reader_reads_back_what_was_written(value: Yaml) -> None:
    out = dump_yaml(value)
    assert out.endswith("\n")
    assert not out.startswith("\n")
    for loaded in both(out):
        assert same(loaded, value), out
    assert dump_yaml(value) == out


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_text_survives_as_value_key_and_item(value: str) -> None:
    wanted: Yaml = {"a": value, value: {value: [value, {value: value}, [value]]}, "z": "end"}
    for loaded in both(dump_yaml(wanted)):
        assert same(loaded, wanted)


@given(text)
@example("if x:\n    y\n")
@example("a\n  b\n\n c\n\n")
def test_code_is_read_back_as_it_is(value: str) -> None:
    for loaded in both(dump_yaml({"a": [Code(value)], "z": Code(value)})):
        assert loaded == {"a": [value], "z": value}


def test_code_has_a_line_for_each_line() -> None:
    assert dump_yaml({"a": Code("if x:\n    y\n")}) == "a: |\n  if x:\n      y\n"


@given(data, text, text, st.data())
@example({"a": "x\n\n", "b": "y"}, "h", "c", None)
def test_comments_and_header_stay_comments(
    value: Yaml, header: str, comment: str, draw: st.DataObject | None
) -> None:
    paths = list(every_path(value))
    chosen = draw.draw(st.lists(st.sampled_from(paths), max_size=5)) if draw else paths
    out = dump_yaml(value, dict.fromkeys(chosen, comment), header)
    for loaded in both(out):
        assert same(loaded, value), out


def every_path(value: Yaml, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key, child in value.items():
            found += every_path(child, (*path, key))
    if isinstance(value, list):
        for number, child in enumerate(value):
            found += every_path(child, (*path, number))
    return found


@pytest.mark.parametrize(
    "attack", ["x\nadmin: true", "x\radmin: true", "x\x85admin: true", "x\u2028admin: true", "\x0b"]
)
def test_a_comment_cannot_add_a_key(attack: str) -> None:
    out = dump_yaml({"a": {"b": 1}}, {("a",): attack, ("a", "b"): attack}, header=attack)
    assert all(loaded == {"a": {"b": 1}} for loaded in both(out))
    assert all(line.lstrip().startswith("#") for line in out.splitlines() if "admin" in line)


def test_hidden_characters_in_comments_are_spelled_out() -> None:
    out = dump_yaml({"a": 1}, {("a",): "safe \u202eevil\ufeff \ud800"})
    assert out == "# safe \\u202Eevil\\uFEFF \\uD800\na: 1\n"


def test_layout() -> None:
    out = dump_yaml(
        {
            "executor": "CeleryExecutor",
            "version": "3.2.2",
            "on": None,
            "env": [{"name": "X", "value": "1"}, {"name": "Y", "list": ["a", ["b", "c"]]}],
            "none": {"map": {}, "list": []},
            "ratio": 0.5,
            "big": 1e16,
            "script": "set -e\n\nrun\n",
            "key": "no end",
        },
        {
            ("executor",): "Who runs tasks.\nSecond line.",
            ("env", 0): "an item",
            ("env", 1, "name"): "first key of an item",
            ("env", 1, "list"): "deeper",
        },
        header="Written by the wizard.\n\nHand edits survive.",
    )
    assert out == (
        "# Written by the wizard.\n#\n# Hand edits survive.\n\n"
        "# Who runs tasks.\n# Second line.\n"
        "executor: CeleryExecutor\n"
        'version: "3.2.2"\n'
        '"on": null\n'
        "env:\n"
        "  # an item\n"
        "  - name: X\n"
        '    value: "1"\n'
        "  # first key of an item\n"
        '  - name: "Y"\n'
        "    # deeper\n"
        "    list:\n"
        "      - a\n"
        "      - - b\n"
        "        - c\n"
        "none:\n"
        "  map: {}\n"
        "  list: []\n"
        "ratio: 0.5\n"
        "big: 1.0e+16\n"
        "script: |\n"
        "  set -e\n"
        "\n"
        "  run\n"
        "key: no end\n"
    )


@pytest.mark.parametrize(
    ("value", "style"),
    [("a\nb", "|-"), ("a\nb\n", "|"), ("a\nb\n\n", "|+"), ("a \nb", '"'), ("\na", '"')],
)
def test_block_style(value: str, style: str) -> None:
    out = dump_yaml({"a": value, "b": 1})
    assert out.splitlines()[0].removeprefix("a: ").startswith(style)
    assert all(loaded == {"a": value, "b": 1} for loaded in both(out))


def test_root_scalars_and_empties() -> None:
    assert dump_yaml({}) == "{}\n"
    assert dump_yaml([]) == "[]\n"
    assert dump_yaml(None) == "null\n"
    assert dump_yaml("yes") == '"yes"\n'
    assert both(dump_yaml("a\n---\nb\n")) == ("a\n---\nb\n",) * 2


def test_not_a_number_is_written_as_both_readers_know_it() -> None:
    assert all(isinstance(x, float) and math.isnan(x) for x in both(dump_yaml(math.nan)))


def test_escapes_that_go_yaml_reads_too() -> None:
    # go-yaml rejects surrogate pairs; U+0085 and U+2028 are line breaks to YAML 1.1.
    out = quote_yaml('\U0001f600\U000e0041\x85\u2028\u202e\ufeff\x00\t"\\')
    assert out == '"\U0001f600\\U000E0041\\u0085\\u2028\\u202E\\uFEFF\\u0000\\t\\"\\\\"'
    assert not re.search(r"\\u[dD][89a-fA-F]", out)


def test_what_cannot_be_written_is_refused_without_showing_it() -> None:
    class Colour(Enum):
        RED = "s3cret"

    for value in ({"a": Colour.RED}, {"a": [{1: "s3cret"}]}, {"a": b"s3cret"}, {"a": {"s3cret"}}):
        with pytest.raises(TypeError, match=r"^a") as caught:
            dump_yaml(value)  # type: ignore[arg-type]
        assert "s3cret" not in str(caught.value)
    for bad in ({"a": "s3cret\ud800"}, {"a": {"\ud800": "s3cret"}}, {"a": "x\ns3cret\udfff"}):
        with pytest.raises(ValueError, match=r"^a") as refused:
            dump_yaml(bad)  # type: ignore[arg-type]
        assert "s3cret" not in str(refused.value)


def test_text_enums_are_written_by_value() -> None:
    class Kind(str, Enum):  # noqa: UP042
        ONE = "one"

    assert dump_yaml({Kind.ONE: Kind.ONE}) == "one: one\n"
