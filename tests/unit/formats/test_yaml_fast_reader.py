"""The fast reader: right about everything yamltext writes, and never wrong about anything else."""

import io
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.unit.formats.test_yaml_writer import HOSTILE, data, every_path, same, text
from wizard.formats.yaml_fast_reader import ForeignYamlError, load_own_yaml
from wizard.formats.yaml_writer import Yaml, dump_yaml


def readable(value: Yaml) -> bool:
    """Long keys and deep nesting are left to the full reader."""
    return not any(
        isinstance(part, str) and len(part) > 90 for p in every_path(value) for part in p
    )


@given(data)
def test_reads_back_what_was_written(value: Yaml) -> None:
    try:
        assert same(load_own_yaml(dump_yaml(value)), value)
    except ForeignYamlError:
        assert not readable(value)


@pytest.mark.parametrize("value", [text for text in HOSTILE if len(text) < 90])
def test_hostile_text(value: str) -> None:
    wanted: Yaml = {"a": value, value: {value: [value, {value: value}, [value]]}, "z": "end"}
    assert same(load_own_yaml(dump_yaml(wanted)), wanted)


@given(data, text, text, st.data())
def test_comments_make_no_difference(
    value: Yaml, header: str, comment: str, draw: st.DataObject
) -> None:
    chosen = draw.draw(st.lists(st.sampled_from(every_path(value)), max_size=5))
    out = dump_yaml(value, dict.fromkeys(chosen, comment), header)
    try:
        assert same(load_own_yaml(out), value)
    except ForeignYamlError:
        assert not readable(value) or not value or not isinstance(value, dict | list)


# Text close to ours, made by cutting and joining lines of it.
pieces = st.lists(
    st.sampled_from(
        [
            "a: 1", "a:", "b: x", "  b: 2", "  - c", "- d", "- e: f", "    g: |", "      text", "",
            "# note", "  # note", "      # note", "c: |-", "  one", "   two", "d: |+", "---", "...",
            '"q": "x\\ty"', '"q": "x\\zy"', "yes: no", "k: yes", "k: 010", "k: 1e3", "k: &a x",
            "k: *a", "k: 'q'", "k: a #b", "k: a: b", "- - x", "- ", "-", "k: ", "? x", ": y",
            "\tk: v", "k:\tv", "<<: {}", "k: {}", "k: []", "k: [a]", "k: 0x1f", "k: 2026-01-01",
            "k: ~", "k: NULL", "# a\u2028b: c", "# a\x85b: c", "k: a  ", "k: .5", "k: +1", "k: -0",
            "a : b", "a b: c", "k: |2", "k: >-", "\ufeffa: b", "k: a\u2028b", "%YAML 1.1",
            "k: !x y", 'k: "\\uD800"',
            "k: 1_000", "k: 1:30", "k: 1.", "k: 00", "k: -", "k: --", "k: =", "k: -.inf", "k: .NaN",
        ]
    ),
    min_size=1,
    max_size=7,
).map(lambda lines: "\n".join(lines) + "\n")  # fmt: skip


@given(pieces)
def test_what_it_accepts_means_the_same_to_every_reader(source: str) -> None:
    try:
        found = load_own_yaml(source)
    except ForeignYamlError:
        return
    assert same(yaml.safe_load(source), found)
    assert same(YAML(typ="safe", pure=True).load(io.StringIO(source)), found)


@given(data, st.integers(0, 10_000), st.sampled_from(" \n#:-'\"|0\t\u2028,"))
def test_a_changed_text_is_refused_or_right(value: Yaml, at: int, char: str) -> None:
    source = dump_yaml(value)
    at %= len(source) + 1
    changed = source[:at] + char + source[at:]
    try:
        found = load_own_yaml(changed)
    except ForeignYamlError:
        return
    assert same(yaml.safe_load(changed), found)


@pytest.mark.parametrize(
    "foreign",
    ["", "\n", "a: 1", "a: 1\r\n", "a: 1\na: 2\n", "a: yes\n", "{a: 1}\n", "a: 1\n\nb: 2\n",
     "- a\nb: 1\n", "a:\n- b\n", "a: 1 # x\n", "a:\n    b: 1\n", "a: 1\n# \u2028b: 2\n",
     "a: 1\n---\nb: 2\n", "a: |\n  x\n# c\n  y\n", "#\n",
     'a: "\\uD800"\n', "[" * 3000 + "\n", "a:\n" * 3000],
)  # fmt: skip
def test_other_forms_are_refused(foreign: str) -> None:
    with pytest.raises(ForeignYamlError):
        load_own_yaml(foreign)


def test_deep_nesting_is_left_to_the_full_reader() -> None:
    nested: Yaml = "x"
    for _ in range(100):
        nested = {"a": nested}
    with pytest.raises(ForeignYamlError):
        load_own_yaml(dump_yaml(nested))


def test_numbers_and_words() -> None:
    wanted: Yaml = {"i": -3, "f": 1e16, "g": -0.5, "inf": float("-inf"), "t": True, "n": None}
    assert same(load_own_yaml(dump_yaml(wanted)), wanted)
    assert re.search("nan", dump_yaml(float("nan")))
