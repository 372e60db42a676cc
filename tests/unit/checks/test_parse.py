"""Reading what anybody may have written: nothing raises, nothing runs, nothing grows."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paths import DATA
from wizard.formats.yaml_untrusted import parse_yaml, parse_yaml_text

CHARTS = DATA / "chart"


def one(source: str) -> object:
    documents, findings = parse_yaml("x.yaml", source.encode())
    assert [f for f in findings if f.severity == "error"] == []
    (document,) = documents
    return document


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("{a: 1}", {"a": 1}),
        ("a: 0x1F\nb: 0o17\nc: 1e3\nd: .inf\ne: ~\nf:\ng: TRUE\n",
         {"a": 31, "b": 15, "c": 1000.0, "d": float("inf"), "e": None, "f": None, "g": True}),
        ("a: !!str 1\nb: !custom 2\nc: !!python/object:os.system x\n",
         {"a": "1", "b": "2", "c": "x"}),
        ("a: 2026-11-21\n", {"a": "2026-11-21"}),
        ("x: &x {b: 1, c: 2}\nz: {<<: *x, c: 3}\n", {"x": {"b": 1, "c": 2}, "z": {"b": 1, "c": 3}}),
        ("z: {<<: [{a: 1}, {a: 2, b: 3}]}\n", {"z": {"a": 1, "b": 3}}),
        ("1: a\ntrue: b\n", {"1": "a", "true": "b"}),
        ('{"a": [1, "b", null]}', {"a": [1, "b", None]}),
        ("a: '0x1F'\n", {"a": "0x1F"}),
    ],
)  # fmt: skip
def test_values(source: str, wanted: object) -> None:
    assert one(source) == wanted


def test_every_document_of_a_file() -> None:
    assert parse_yaml("x", b"a: 1\n---\n- b\n---\n") == ([{"a": 1}, ["b"], None], [])
    assert parse_yaml("x", b"") == ([], [])
    _, findings = parse_yaml("x", b"a: 1\n---\nb: yes\n")
    assert [finding.where for finding in findings] == ["document 2: b"]


@pytest.mark.skipif(not CHARTS.is_dir(), reason=f"no chart data in {CHARTS}")
@pytest.mark.parametrize("file", sorted(CHARTS.glob("*/values.yaml")), ids=lambda p: p.parent.name)
def test_reads_the_charts_values_as_other_readers_do(file: Path) -> None:
    assert one(file.read_text("utf-8")) == yaml.safe_load(file.read_text("utf-8"))


@given(st.one_of(st.binary(max_size=60), st.text(
    alphabet="ab:-[]{}#&*!|>'\"%@`, \n\t?<~0.é", max_size=40).map(str.encode)))  # fmt: skip
def test_nothing_raises_and_no_text_is_quoted(source: bytes) -> None:
    documents, findings = parse_yaml("x.yaml", source)
    assert isinstance(documents, list)
    for finding in findings:
        assert finding.rule.startswith("yaml.")
        assert finding.message
    broken = {"yaml.syntax", "yaml.too-large", "yaml.too-deep", "yaml.not-utf8"}
    assert not (broken & {finding.rule for finding in findings} and documents)


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x]\nb: &b [*a,*a]\n" + "".join(
            f"{chr(99 + i)}: &{chr(99 + i)} [{','.join(['*' + chr(98 + i)] * 20)}]\n"
            for i in range(5)),
        "a: &a [*a]\n",
        "a: &a {b: *a}\n",
    ],
    ids=["laughs", "loop", "loop in a map"],
)  # fmt: skip
def test_bombs_are_reported(bomb: str) -> None:
    documents, findings = parse_yaml("x.yaml", bomb.encode())
    assert documents == []
    assert [finding.rule for finding in findings] == ["yaml.too-large"]


def test_a_file_with_too_many_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wizard.formats.yaml_untrusted.NODE_LIMIT", 50)
    assert parse_yaml("x.yaml", b"[" + b"a," * 49 + b"]")[1] == []
    documents, findings = parse_yaml("x.yaml", b"[" + b"a," * 50 + b"]")
    assert (documents, [finding.rule for finding in findings]) == ([], ["yaml.too-large"])


def test_text_inside_values() -> None:
    assert parse_yaml_text("- secretRef: {name: a}\n") == [{"secretRef": {"name": "a"}}]
    assert parse_yaml_text("a: [") is None
    assert parse_yaml_text("a: 1\n---\nb: 1") is None
    assert parse_yaml_text("x\ud800") == "x?"
