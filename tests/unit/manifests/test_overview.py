"""The overview agrees with the network policies, and its three renderings with each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.rendered import objects, rendering
from tests.unit.plan.test_golden_trees import VARIANTS
from wizard.answers import presets
from wizard.manifests.overview import (
    EVERY_PART,
    Overview,
    build_overview,
    draw_text,
    render_mermaid,
    render_sentences,
)
from wizard.plan.render import Rendering

ON: dict[str, object] = {"environment.network_policies": True}
CASES: dict[str, tuple[str, dict[str, object]]] = {
    **{name: (name, {}) for name in presets.list_presets()},
    **{f"production {name}": ("production", more) for name, more in VARIANTS.items()},
    "production isolated": ("production", {**ON, "environment.isolate_database": True}),
    "production metrics": (
        "production",
        {"values": {"config": {"smtp": {"smtp_host": "mail.example.com:587"}}}},
    ),
}
# What every pod may reach, and no part of the drawing.
NAMES, API = {53, 5353}, {443, 6443}


def overview_of(made: Rendering) -> Overview:
    return build_overview(made.release, made.total)


def policies(made: Rendering) -> Iterator[tuple[set[str], set[str], set[tuple[str, int]]]]:
    """Yield each egress policy: its components (none: all), those it leaves out, its ports."""
    for one in objects(made):
        if one.get("kind") != "NetworkPolicy" or one["spec"]["policyTypes"] != ["Egress"]:
            continue
        selector = one["spec"]["podSelector"]
        chosen = {selector.get("matchLabels", {}).get("component")} - {None}
        left: set[str] = set()
        for rule in selector.get("matchExpressions", []):
            (chosen if rule["operator"] == "In" else left).update(rule["values"])
        ports = {
            (port["protocol"], port["port"])
            for rule in one["spec"]["egress"]
            for port in rule.get("ports", [])
        }
        yield {str(name) for name in chosen}, left, ports


def allowed(made: Rendering, component: str) -> set[tuple[str, int]]:
    return {
        port
        for chosen, left, ports in policies(made)
        if component not in left and (not chosen or component in chosen)
        for port in ports
    }


def sources(made: Rendering, source: str) -> list[str]:
    if source != EVERY_PART:
        return source.split(", ")
    own = {"api-server", "webserver", "scheduler", "dag-processor", "triggerer", "worker"}
    return [part.name for part in overview_of(made).parts if part.name in own]


@pytest.mark.parametrize("case", CASES)
def test_the_policies_allow_what_is_drawn_and_nothing_else(case: str) -> None:
    preset, changes = CASES[case]
    made = rendering(preset, {**changes, **ON} if preset != "local" else changes)
    drawn = overview_of(made)
    assert drawn.outer, "an installation without any connection is none"
    if preset == "local":
        return
    for link in drawn.outer:
        for source in sources(made, link.source):
            assert (link.protocol, link.port) in allowed(made, source), (source, link)
    ports = {port for _, _, found in policies(made) for _, port in found}
    assert ports - NAMES - API <= {link.port for link in drawn.outer}


@pytest.mark.parametrize("case", CASES)
def test_it_reads_at_80_columns_and_nothing_is_lost(case: str) -> None:
    drawn = overview_of(rendering(*CASES[case]))
    lines = draw_text(drawn)
    assert max(map(len, lines)) <= 78
    text = " ".join(" ".join(lines).replace("|", " ").split())
    mermaid, said = render_mermaid(drawn), "\n".join(render_sentences(drawn))
    for part in drawn.parts:
        assert part.name in text
        assert f"{part.name}: " in said
        assert f'["{part.name}"]' in mermaid
    for link in drawn.links:
        assert f"{link.port}" in text
        assert link.target in text
        assert (link.host or link.target) in said
        assert f"port {link.port}" in said
        assert link.target in mermaid
    edges = [line for line in mermaid.splitlines() if "-->" in line]
    known = {line.split("[")[0].strip() for line in mermaid.splitlines() if '["' in line}
    for edge in edges:
        start, end = edge.split(" -->")[0].strip(), edge.split("| ")[1]
        assert {start, end} <= known | {"airflow"}, edge


def test_what_is_modified_is_marked() -> None:
    before = overview_of(rendering("production"))
    after = overview_of(
        rendering("production", {"executor.workers.replicas": 4, "database.port": 6432})
    )
    changed = after.find_changes(before)
    lines = draw_text(after, changed)
    assert any("*worker x4" in line for line in lines), lines
    marked = [line for line in lines if line.startswith(" *")]
    assert marked == [" *pgbouncer, run-airflow-migrations"]
    said = render_sentences(after, changed)
    assert "worker: 4 pods; changed." in said
    assert [line for line in said if line.endswith("; changed.") and "6432" in line]
    assert after.find_changes(None) == frozenset()
    assert draw_text(before, before.find_changes(before)) == draw_text(before)


def test_a_text_of_the_answers_does_not_end_a_label() -> None:
    egress: list[dict[str, Any]] = [
        {"purpose": 'mail "and <b>', "host": "mail.example.com", "port": 25}
    ]
    try:
        made = rendering("production", {**ON, "environment.egress": egress})
    except AssertionError:
        return  # the question refuses such a text
    assert 'mail "and' not in render_mermaid(overview_of(made))
