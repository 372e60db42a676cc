"""How the UI is exposed by the Helm values in effect: an Ingress, or the Service itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wizard.chart.contract import get_chart_value

_ANYWHERE = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True)
class Exposure:
    """One way to the UI from outside; `where` is the value that opens it.

    `hosts` are the names of an Ingress, with the place of each. `sources` are the networks that
    a Service admits.
    """

    kind: Literal["ingress", "service"]
    where: str
    hosts: tuple[tuple[str, str], ...] = ()
    sources: tuple[str, ...] = ()
    tls: bool = False


def list_exposures(values: Mapping[str, Any], *, airflow_3: bool) -> Iterator[Exposure]:
    """Yield the ways to the UI that these values open."""
    section = "ingress.apiServer" if airflow_3 else "ingress.web"
    own = get_chart_value(values, f"{section}.enabled")
    if own or get_chart_value(values, "ingress.enabled"):
        where = f"{section}.enabled" if own else "ingress.enabled"
        hosts = tuple(_hosts(values, section))
        yield Exposure("ingress", where, hosts, tls=_has_tls(values, section))
    web = "apiServer" if airflow_3 else "webserver"
    if get_chart_value(values, f"{web}.service.type") in ("LoadBalancer", "NodePort"):
        given = get_chart_value(values, f"{web}.service.loadBalancerSourceRanges")
        sources = tuple(map(str, given)) if isinstance(given, list) and given else _ANYWHERE
        yield Exposure("service", f"{web}.service.type", sources=sources)


def _hosts(values: Mapping[str, Any], section: str) -> Iterator[tuple[str, str]]:
    listed = get_chart_value(values, f"{section}.hosts")
    for number, item in enumerate(listed if isinstance(listed, list) else []):
        name = item.get("name") if isinstance(item, Mapping) else item
        if isinstance(name, str) and name:
            yield f"{section}.hosts[{number}]", name
    single = get_chart_value(values, f"{section}.host")
    if isinstance(single, str) and single and not listed:
        yield f"{section}.host", single


def _has_tls(values: Mapping[str, Any], section: str) -> bool:
    listed = get_chart_value(values, f"{section}.hosts")
    items = [
        item.get("tls") for item in (listed if isinstance(listed, list) else [])
        if isinstance(item, Mapping)
    ]  # fmt: skip
    items.append(get_chart_value(values, f"{section}.tls"))
    return any(isinstance(item, Mapping) and item.get("enabled") for item in items)
