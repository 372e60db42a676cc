"""Properties of the merge over real values files: the wizard's renderings and others' charts."""

from __future__ import annotations

import copy
import io
from functools import cache
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.support.paths import TOP
from tests.support.rendered import rendering
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.formats.yaml_writer import dump_yaml
from wizard.plan.merge.files import merge_file
from wizard.plan.merge.sides import is_same

EXAMPLES = TOP.parent / "shared/data/examples"
Path_ = tuple[str, ...]


@cache
def renderings() -> dict[str, str]:
    """YAML texts by name: those of two presets, and of the examples where they are at hand."""
    found = {
        f"{preset} {file.logical}": file.text
        for preset in ("production", "local")
        for file in rendering(preset).tree.values()
        if file.path.endswith(".yaml") and file.logical != "answers"
    }
    for path in sorted(EXAMPLES.glob("*.yaml")):
        documents, findings = parse_yaml("", path.read_bytes())
        if len(documents) == 1 and not any(one.is_error for one in findings):
            found[path.name] = dump_yaml(documents[0])
    return found


def leaves(value: Any, path: Path_ = ()) -> list[Path_]:
    if isinstance(value, dict) and value:
        return [leaf for key, below in value.items() for leaf in leaves(below, (*path, key))]
    return [path]


def parent(data: Any, path: Path_) -> Any:
    for part in path[:-1]:
        data = data[part]
    return data


VALUES = st.one_of(
    st.integers(0, 99),
    st.booleans(),
    st.none(),
    st.sampled_from(["x", "yes", "0123", "a: b # c", "", "two\nlines\n", "ä", "- x"]),
    st.sampled_from([[], {}, ["a", "b"], {"k": {"l": [1, {"m": "n"}]}}]),
)
KINDS = st.sampled_from(["set", "delete", "add above", "add"])
Edit = tuple[Path_, str, Any]


@st.composite
def edits(draw: st.DrawFn, most: int = 6) -> tuple[str, list[Edit], list[Edit]]:
    """A file, and edits of the person and of the answers at different leaves."""
    name = draw(st.sampled_from(sorted(renderings())))
    data = yaml.safe_load(renderings()[name])
    places = draw(st.lists(st.sampled_from(leaves(data)), unique=True, max_size=2 * most))
    made = [(place, draw(KINDS), draw(VALUES)) for place in places]
    split = draw(st.integers(0, len(made)))
    return name, made[:split], made[split:]


def apply(data: Any, changes: list[Edit], key: str) -> Any:
    """The data after the edits; keys that are added get the name `key`."""
    found = copy.deepcopy(data)
    for number, (path, kind, value) in enumerate(changes):
        if not path:
            continue
        below = parent(found, path)
        if kind == "set":
            below[path[-1]] = value
        elif kind == "delete":
            # What would be left empty could also go as a whole: that is another edit.
            if len(below) > 1:
                del below[path[-1]]
        elif kind == "add":
            below[f"{key}{number}"] = value
        else:
            entries = list(below.items())
            below.clear()
            below.update({f"{key}{number}": value, **dict(entries)})
    return found


def by_hand(data: Any, style: str, *, commented: bool) -> str:
    """The data as a person may have written it."""
    if style == "ours":
        text = dump_yaml(data)
    elif style == "wide":
        writer = YAML(typ="rt", pure=True)
        writer.indent(mapping=4, sequence=6, offset=3)
        stream = io.StringIO()
        writer.dump(data, stream)
        text = stream.getvalue()
    else:
        text = yaml.safe_dump(
            data, sort_keys=False, allow_unicode=True, width=40 if style == "narrow" else 9999,
            default_flow_style=style == "flow",
        )  # fmt: skip
    if commented:
        key = next(iter(data))
        text = f"# Head.\n\n# first\n{text}# foot {key}\n"
    if style == "narrow":
        text = text.replace("\n", "\r\n")
    return text


STYLES = st.sampled_from(["ours", "wide", "plain", "narrow", "flow"])
SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


@SETTINGS
@given(edits(), STYLES, st.booleans())
def test_edits_of_different_leaves_never_conflict_and_all_survive(
    case: tuple[str, list[Edit], list[Edit]], style: str, commented: bool
) -> None:
    name, theirs, ours = case
    data = yaml.safe_load(renderings()[name])
    mine = by_hand(apply(data, theirs, "mine"), style, commented=commented).encode()
    new = dump_yaml(apply(data, ours, "new")).encode()
    # A deletion depends on what is beside it, so the order of the two is that of the leaves.
    wanted = apply(apply(data, theirs, "mine"), ours, "new")
    if [*deleted(data, theirs), *deleted(data, ours)] != deleted(data, [*theirs, *ours]):
        return
    found = merge_file("x.yaml", renderings()[name].encode(), mine, new)
    assert found.data is not None, found.disagreements
    documents, findings = parse_yaml("", found.data)
    assert not [one for one in findings if one.is_error]
    assert is_same(documents[0], wanted)
    assert b"<<<<<<<" not in found.data
    if commented:
        assert found.data.startswith(b"# Head.")
        assert b"# foot" in found.data
    assert (b"\r\n" in mine) == (b"\r\n" in found.data)
    assert merge_file("x.yaml", new, found.data, new).data == found.data


def deleted(data: Any, changes: list[Edit]) -> list[Path_]:
    """The leaves that edits delete, in order, as `apply` does it."""
    found = copy.deepcopy(data)
    gone = []
    for path, kind, _ in changes:
        if path and kind == "delete" and len(parent(found, path)) > 1:
            del parent(found, path)[path[-1]]
            gone.append(path)
    return gone


@SETTINGS
@given(edits(), STYLES)
def test_without_a_change_of_one_side_the_other_one_stays(
    case: tuple[str, list[Edit], list[Edit]], style: str
) -> None:
    name, theirs, _ = case
    base = renderings()[name].encode()
    other = by_hand(apply(yaml.safe_load(base), theirs, "x"), style, commented=True).encode()
    assert merge_file("x.yaml", base, base, other).data == other
    assert merge_file("x.yaml", base, other, base).data == other
    assert merge_file("x.yaml", base, other, other).data == other


@SETTINGS
@given(edits(), st.randoms(use_true_random=False))
def test_one_leaf_of_both_is_one_question(
    case: tuple[str, list[Edit], list[Edit]], random: Any
) -> None:
    name, _, _ = case
    data = yaml.safe_load(renderings()[name])
    path = random.choice(leaves(data))
    mine, new = (
        dump_yaml(apply(data, [(path, "set", value)], "")).encode() for value in ("mine", "new")
    )
    found = merge_file("x.yaml", renderings()[name].encode(), mine, new)
    assert found.data is None
    assert len(found.disagreements) == 1


def test_the_examples_are_among_the_files() -> None:
    if not EXAMPLES.exists():
        pytest.skip("the example values are not here")
    assert any(name.endswith("vault-oauth.yaml") for name in renderings())


@pytest.mark.parametrize("name", sorted(renderings()))
def test_each_leaf_can_change_beside_a_person_s_comments(name: str) -> None:
    """Every 40th leaf of every file; the person has a comment at the end of every line."""
    base = renderings()[name]
    data = yaml.safe_load(base)
    for path in leaves(data)[::40]:
        side = copy.deepcopy(data)
        parent(side, path)[path[-1]] = {"a": ["b"]}
        new = dump_yaml(side).encode()
        mine = f"# Mine.\n{base}# end\n".encode()
        found = merge_file("x.yaml", base.encode(), mine, new).data
        assert found is not None
        assert found.startswith(b"# Mine.\n")
        assert found.endswith(b"# end\n")
        assert is_same(yaml.safe_load(found), side)
