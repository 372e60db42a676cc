"""The overview of an installation: its parts, and who connects to whom on which port.

One model, computed from the release and the Helm values in effect; drawn as text, as Mermaid for
the runbook, and as sentences. The connections to the outside are those of the network policies.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from wizard.chart.contract import get_chart_value
from wizard.manifests.contribution import Link
from wizard.manifests.network_policy import list_egress_flows
from wizard.manifests.postgres import POOLER_PORT, POSTGRES_PORT
from wizard.manifests.quota import list_demands

if TYPE_CHECKING:
    from wizard.manifests.contribution import Contribution, Flow
    from wizard.manifests.release import Release

WIDTH = 78
EVERY_PART = "all of Airflow"
USERS = "users"
# Ports of chart 1.22.0.
_WEB_PORT, _WORKER_LOGS, _TRIGGERER_LOGS, _REDIS, _STATSD = 8080, 8793, 8794, 6379, 9125
_JOBS = {"run-airflow-migrations", "create-user-job", "database-cleanup"}
# The widest column of sources; a longer one has a line of its own.
_COLUMN = 20
_SCALED = (("keda", 0), ("hpa", 1))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of Airflow in its namespace, and its number of pods in words."""

    name: str
    pods: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The parts of one installation, and the connections of each group.

    `delivery` are those of what installs it and of its store, `inner` those in the namespace,
    `outer` those from it. `title` names namespace, version and executor.
    """

    title: str
    chart: str
    parts: tuple[Part, ...]
    delivery: tuple[Link, ...]
    inner: tuple[Link, ...]
    outer: tuple[Link, ...]

    @property
    def links(self) -> tuple[Link, ...]:
        """All connections."""
        return (*self.delivery, *self.inner, *self.outer)

    def find_changes(self, before: Overview | None) -> frozenset[Part | Link]:
        """Return what differs from an earlier overview; nothing without one."""
        if before is None:
            return frozenset()
        known: set[Part | Link] = {*before.parts, *before.links}
        every: tuple[Part | Link, ...] = (*self.parts, *self.links)
        return frozenset(one for one in every if one not in known)


def build_overview(release: Release, total: Contribution, links: Iterable[Link] = ()) -> Overview:
    """Return the overview of a release; `links` come in addition to those of `total`."""
    values = total.values
    parts = tuple(_list_parts(release, values))
    names = [part.name for part in parts]
    executor = get_chart_value(values, "executor")
    flows = dict.fromkeys(list_egress_flows(release, total.flows, values))
    return Overview(
        f"namespace {release.namespace}: Airflow {release.airflow_version}, {executor}",
        release.chart,
        parts,
        (*total.links, *links),
        tuple(_list_inner(release, names)),
        tuple(_describe_flow(flow, names) for flow in flows),
    )


def _list_parts(release: Release, values: Mapping[str, Any]) -> Iterator[Part]:
    pods: dict[str, int] = {}
    for demand in list_demands(release, values):
        pods[demand.component] = pods.get(demand.component, 0) + demand.pods
    for name, number in pods.items():
        least = _find_least(values) if name == "worker" else None
        yield Part(name, str(number) if least is None else f"{least} to {number}")
    if release.kubernetes and not release.celery:
        yield Part("worker", "one for each task")


def _find_least(values: Mapping[str, Any]) -> int | None:
    """Return the fewest pods of autoscaled workers; None for a fixed number."""
    for kind, default in _SCALED:
        key = f"workers.celery.{kind}"
        if get_chart_value(values, f"{key}.enabled") is True:
            least = get_chart_value(values, f"{key}.minReplicaCount")
            return least if isinstance(least, int) else default
    return None


def _list_inner(release: Release, names: Sequence[str]) -> Iterator[Link]:
    """Yield the connections inside the namespace (chart 1.22.0)."""
    web = release.web_component
    clients = _name_sources(release.database_clients, names)
    yield Link(USERS, web, "", _WEB_PORT, f"UI at {release.base_url}")
    if release.pgbouncer:
        yield Link(clients, "pgbouncer", "", POOLER_PORT, "database")
    if release.bundled_database:
        yield Link(clients, "postgresql", "", POSTGRES_PORT, "database")
    if release.chart_redis:
        yield Link("scheduler, worker", "redis", "", _REDIS, "broker")
    runner = "scheduler" if release.local else "worker"
    if release.airflow_3 and runner in names:
        yield Link(runner, web, "", _WEB_PORT, "task execution")
    if release.celery:
        yield Link(web, "worker", "", _WORKER_LOGS, "logs of running tasks")
    if "triggerer" in names:
        yield Link(web, "triggerer", "", _TRIGGERER_LOGS, "logs of deferred tasks")
    if "statsd" in names:
        yield Link(EVERY_PART, "statsd", "", _STATSD, "metrics", "UDP")


def _describe_flow(flow: Flow, names: Sequence[str]) -> Link:
    place = flow.host or flow.network
    source = _name_sources(flow.components, names) if flow.components else EVERY_PART
    return Link(source, flow.purpose, place, flow.port, "", flow.protocol)


def _name_sources(components: Iterable[str], names: Sequence[str]) -> str:
    """Return the components that exist, in one word if they are all of Airflow's own."""
    found = [one for one in dict.fromkeys(components) if one in names or one in _JOBS]
    own = {"api-server", "webserver", "scheduler", "dag-processor", "triggerer", "worker"}
    if {one for one in names if one in own} <= set(found):
        return EVERY_PART
    return ", ".join(found) or EVERY_PART


# Text


def draw_text(overview: Overview, changed: Collection[Part | Link] = ()) -> list[str]:
    """Return the overview as lines of at most 78 characters; `*` marks what changed."""
    lines = [*_draw_links(overview.delivery, changed, 2)]
    if lines:
        lines += ["      |", f"      v  chart {overview.chart}"]
    inside = WIDTH - 4
    lines.append(f"+- {overview.title} ".ljust(WIDTH - 1, "-") + "+")
    body = [*_draw_parts(overview.parts, changed, inside), ""]
    body += _draw_links(overview.inner, changed, 0, inside)
    lines += [f"| {line.ljust(inside)} |" for line in body]
    lines.append("+" + "-" * (WIDTH - 2) + "+")
    outer = _draw_links(overview.outer, changed, 2)
    if outer:
        lines += ["      |", "      v  outside the namespace", *outer]
    return lines


def _draw_parts(
    parts: Iterable[Part], changed: Collection[Part | Link], width: int
) -> Iterator[str]:
    texts = [
        f"{'*' if part in changed else ''}{part.name} "
        + (f"x{part.pods}" if part.pods.isdecimal() else f"({part.pods})")
        for part in parts
    ]
    line = ""
    for text in texts:
        longer = f"{line}   {text}" if line else text
        if len(longer) > width:
            yield line
            longer = text
        line = longer
    yield line


def _draw_links(
    links: Sequence[Link], changed: Collection[Part | Link], indent: int, width: int = WIDTH
) -> list[str]:
    """Return one line for each connection, and more where it does not fit."""
    column = max((len(one.source) for one in links if len(one.source) <= _COLUMN), default=8)
    arrows = [f"--{_say_port(one)}-->" for one in links]
    arrow_width = max(map(len, arrows), default=0)
    lines = []
    for one, arrow in zip(links, arrows, strict=True):
        head = " " * max(indent - 1, 0) + ("*" if one in changed else " ") + one.source
        start = len(head) - len(one.source) + column + 1
        if len(one.source) > column:
            lead = head.removesuffix(one.source)
            lines += [f"{lead}{part}" for part in wrap(one.source, width - len(lead))]
            head = ""
        target = " ".join(filter(None, (one.target, one.host)))
        text = f"{target}: {one.purpose}" if one.purpose else target
        below = start + arrow_width + 1
        first, *rest = wrap(text, width - below)
        lines.append(f"{head:<{start}}{arrow:>{arrow_width}} {first}")
        lines += [" " * below + more for more in rest]
    return lines


def _say_port(link: Link) -> str:
    return f"{link.port}/UDP" if link.protocol == "UDP" else str(link.port)


# Mermaid


def render_mermaid(overview: Overview) -> str:
    """Return the overview as a fenced Mermaid flowchart.

    It has no numbers of pods: a change of one would change the runbook, too.
    """
    ids: dict[tuple[str, str], str] = {}

    def name(title: str, place: str = "") -> str:
        # Named, not numbered: another part must not rename all others in the runbook.
        slug = "_".join(["p", *re.findall("[a-z0-9]+", title.lower())])
        same = sum(known[0] == title for known in ids if known != (title, place))
        return ids.setdefault((title, place), f"{slug}_{same + 1}" if same else slug)

    inside = [f'    {name(part.name)}["{part.name}"]' for part in overview.parts]
    lines = ["```mermaid", "flowchart LR", f'  subgraph airflow["{overview.title}"]', *inside]
    lines.append("  end")
    own = {part.name for part in overview.parts}
    edges = []
    for one in overview.links:
        place = "" if one.target in own else one.host
        known = one.target in own or (one.target, place) in ids
        target = name(one.target, place)
        if not known:
            title = "<br/>".join(map(_escape, filter(None, (one.target, place))))
            lines.append(f'  {target}["{title}"]')
        for source in _list_sources(one.source, own):
            if source != "airflow" and source not in own and (source, "") not in ids:
                lines.append(f'  {name(source)}["{_escape(source)}"]')
            start = "airflow" if source == "airflow" else name(source)
            edges.append(f"  {start} -->|{_say_port(one)}| {target}")
    return "\n".join([*lines, *dict.fromkeys(edges), "```"])


def _escape(text: str) -> str:
    """Return text for a quoted label of Mermaid."""
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;")


def _list_sources(source: str, own: Collection[str]) -> list[str]:
    if source == EVERY_PART:
        return ["airflow"]
    names = source.split(", ")
    return names if any(one in own for one in names) else [source]


# Sentences


def render_sentences(overview: Overview, changed: Collection[Part | Link] = ()) -> list[str]:
    """Return the overview as plain sentences; `changed` ones say so."""
    title = f"{overview.title[0].upper()}{overview.title[1:]}, chart {overview.chart}."
    lines = [title]
    for part in overview.parts:
        lines.append(f"{part.name}: {_say_pods(part)}{_say_changed(part, changed)}.")
    for one in overview.links:
        sources = one.source.split(", ")
        who = f"{', '.join(sources[:-1])} and {sources[-1]}" if sources[1:] else one.source
        if one.source in {EVERY_PART, USERS}:
            who = who.capitalize() if who == USERS else f"A{who[1:]}"
        verb = "connect" if sources[1:] or one.source == USERS else "connects"
        about = ": ".join(filter(None, (one.target if one.host else "", one.purpose)))
        port = f"UDP port {one.port}" if one.protocol == "UDP" else f"port {one.port}"
        text = f"{who} {verb} to {one.host or one.target} on {port}"
        text += f" ({about})" if about else ""
        lines.append(f"{text}{_say_changed(one, changed)}.")
    return lines


def _say_pods(part: Part) -> str:
    if not part.pods[-1].isdecimal():
        return part.pods
    return f"{part.pods} pod" if part.pods == "1" else f"{part.pods} pods"


def _say_changed(one: Part | Link, changed: Collection[Part | Link]) -> str:
    return "; changed" if one in changed else ""
