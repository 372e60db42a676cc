"""Helm's `--set` syntax: the same values as Helm reads, and the same refusals."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest

from wizard.formats.helm_set import HelmSetError, apply_set

# Line and result; from the rules of Helm's package strvals and its documentation.
LINES: dict[str, Any] = {
    "a=1": {"a": 1},
    "a=0": {"a": 0},
    "a=007": {"a": "007"},
    "a=-7": {"a": -7},
    "a=1.5": {"a": "1.5"},
    "a=99999999999999999999": {"a": "99999999999999999999"},
    "a=": {"a": ""},
    "a=TRUE": {"a": True},
    "a=false": {"a": False},
    "a=null": {"a": None},
    "a=x y": {"a": "x y"},
    "a=b=c": {"a": "b=c"},
    "a.b=c": {"a": {"b": "c"}},
    "a=1,b=2": {"a": 1, "b": 2},
    "a.b=1,a.c=2": {"a": {"b": 1, "c": 2}},
    "a\\.b=c": {"a.b": "c"},
    "a\\=b=c": {"a=b": "c"},
    "a=b\\,c": {"a": "b,c"},
    "a=b\\\\c": {"a": "b\\c"},
    "kno\\wn=x": {"known": "x"},
    "a={b,c}": {"a": ["b", "c"]},
    "a={1,true,null}": {"a": [1, True, None]},
    "a={b\\,c,d},e=f": {"a": ["b,c", "d"], "e": "f"},
    "a={}": {"a": [""]},
    "a[0]=b": {"a": ["b"]},
    "a[1]=b": {"a": [None, "b"]},
    "a[0].b=c,a[0].d=e": {"a": [{"b": "c", "d": "e"}]},
    "a[0][1]=b": {"a": [[None, "b"]]},
    "a[0]={b,c}": {"a": [["b", "c"]]},
    "a.b[0].c\\.d=e": {"a": {"b": [{"c.d": "e"}]}},
    "=b": {},
    "": {},
    "a.": {},
}
REFUSED = (
    "a",
    "a,b=1",
    "a=1,b",
    "a.b",
    "a[x]=1",
    "a[-1]=1",
    "a[100000]=1",
    "a[0=1",
    "a[0]b=1",
    "a={b,c",
    "a=1,a.b=2",
    "a=1,a[0]=2",
    ".".join("a" * 40) + "=1",
    "a" + "[0]" * 40 + "=1",
)


@pytest.mark.parametrize("line", LINES)
def test_a_line_gives_the_values_that_helm_reads(line: str) -> None:
    assert apply_set({}, line) == LINES[line]


@pytest.mark.parametrize("line", REFUSED)
def test_a_line_that_helm_refuses_is_refused(line: str) -> None:
    with pytest.raises(HelmSetError):
        apply_set({}, line)


def test_text_stays_text() -> None:
    assert apply_set({}, "a=1,b=true,c={null}", str) == {"a": "1", "b": "true", "c": ["null"]}


def test_only_the_named_value_changes() -> None:
    before = {"a": {"b": 1, "c": [{"d": 1}, {"d": 2}]}, "e": None}
    after = apply_set(before, "a.c[1].d=3")
    assert after == {"a": {"b": 1, "c": [{"d": 1}, {"d": 3}]}, "e": None}
    assert before["a"] == {"b": 1, "c": [{"d": 1}, {"d": 2}]}
    with pytest.raises(HelmSetError):
        apply_set(before, "e.f=1")


@pytest.mark.parametrize("part", ["a,", "a=1,", "\\,", "a.", "[0]", "{", "a={1},"])
def test_a_long_line_takes_linear_time(part: str) -> None:
    def measure(length: int) -> float:
        line = part * (length // len(part))
        started = time.process_time()
        with contextlib.suppress(HelmSetError):
            apply_set({}, line)
        return time.process_time() - started

    measure(1000)
    once, twice = (min(measure(size) for _ in range(3)) for size in (250_000, 500_000))
    assert twice < 4 * once + 0.05
