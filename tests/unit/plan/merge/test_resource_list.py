"""A kustomization that a person edited follows the rendering, item by item."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wizard.plan.merge.files import merge_file
from wizard.plan.merge.sides import MergeError

HEAD = "# Head.\n\nkind: Kustomization\n"
BASE = f"{HEAD}resources:\n  - s/a.yaml\n  - s/c.yaml\n  - s/e.yaml\n"
# Without c, with b and f.
NEW = f"{HEAD}resources:\n  - s/a.yaml\n  - s/b.yaml\n  - s/e.yaml\n  - s/f.yaml\n"

EDITS = {
    "lines around": (
        "# Ours.\nkind: Kustomization\ncommonAnnotations:\n  team: data\nresources:\n"
        "# first\n- own.yaml # keep\n- s/a.yaml\n# about c\n- s/c.yaml # c\n- ../shared\n"
        "- s/e.yaml\n- last\n# the end\n",
        "# Ours.\nkind: Kustomization\ncommonAnnotations:\n  team: data\nresources:\n"
        "# first\n- own.yaml # keep\n- s/a.yaml\n- s/b.yaml\n# about c\n# c\n- ../shared\n"
        "- s/e.yaml\n- s/f.yaml\n- last\n# the end\n",
    ),
    "flow": (
        'kind: Kustomization\nresources: [own.yaml, "s/a.yaml", s/c.yaml, s/e.yaml] # ours\n',
        'kind: Kustomization\nresources: [own.yaml, "s/a.yaml", s/b.yaml, s/e.yaml, s/f.yaml]'
        " # ours\n",
    ),
    "Windows lines, none at the end": (
        "resources:\r\n  - own.yaml\r\n  - s/a.yaml\r\n  - s/c.yaml\r\n  - s/e.yaml",
        "resources:\r\n  - own.yaml\r\n  - s/a.yaml\r\n  - s/b.yaml\r\n  - s/e.yaml\r\n"
        "  - s/f.yaml",
    ),
    "other order": (
        "resources:\n  - s/e.yaml\n  - s/c.yaml\n  - s/a.yaml\n  - own.yaml\n",
        "resources:\n  - s/e.yaml\n  - s/f.yaml\n  - s/a.yaml\n  - s/b.yaml\n  - own.yaml\n",
    ),
    "listed already": (
        "resources:\n  - s/b.yaml\n  - s/a.yaml\n  - s/e.yaml\n",
        "resources:\n  - s/b.yaml\n  - s/a.yaml\n  - s/e.yaml\n  - s/f.yaml\n",
    ),
}


def merge(base: str, mine: str, new: str) -> str | None:
    try:
        data = merge_file("k.yaml", base.encode(), mine.encode(), new.encode()).data
    except MergeError:
        return None
    return None if data is None else data.decode()


@pytest.mark.parametrize(("mine", "merged"), EDITS.values(), ids=EDITS)
def test_only_the_lines_of_the_rendering_change(mine: str, merged: str) -> None:
    assert merge(BASE, mine, NEW) == merged


@pytest.mark.parametrize(
    ("mine", "new"),
    [
        (BASE.replace("  - s/c.yaml\n", "  - &x s/c.yaml\n  - *x\n"), NEW),
        (BASE.replace("resources:", "resources: &all"), NEW),
        ("resources: [s/a.yaml, # a\n  s/c.yaml, # c\n  s/e.yaml]\n", NEW),
        ("resources: {}\n", NEW),
        ("- a\n", NEW),
        (f"{BASE}---\n{BASE}", NEW),
        (f"{BASE}resources: []\n", NEW),
        ("resources: [\n", NEW),
    ],
)
def test_what_cannot_be_edited_by_lines_is_left_to_the_person(mine: str, new: str) -> None:
    assert merge(BASE, mine, new) is None


NAMES = st.lists(st.sampled_from([f"s/{x}.yaml" for x in "abcdefgh"]), unique=True, min_size=1)
OWN = st.lists(st.sampled_from(["own.yaml", "../shared", "z", "in/x.yaml"]), unique=True)


@given(NAMES, NAMES, OWN, st.randoms(use_true_random=False), st.booleans())
def test_the_merged_list_has_the_rendering_and_the_person_s(  # type: ignore[no-untyped-def]
    old, new, own, random, flow: bool
) -> None:
    mine = [*old, *own]
    random.shuffle(mine)
    texts = [
        yaml.safe_dump({"resources": items}, default_flow_style=flow)
        for items in (sorted(old), mine, sorted(new))
    ]
    found = merge(*texts)
    assert found is not None
    listed = yaml.safe_load(found)["resources"]
    assert sorted(listed) == sorted([*new, *own])
    assert [x for x in listed if x in own] == [x for x in mine if x in own]
