"""Rules on where metrics go."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from wizard.errors import Problem
from wizard.formats.addresses import split_address
from wizard.questions.cases import STATSD_IPV6

if TYPE_CHECKING:
    from wizard.answers.model import Answers


def check_metrics(answers: Answers) -> Iterator[Problem]:
    """Report a target of the other IP version: the client looks for one version only."""
    metrics = answers.metrics
    if not (STATSD_IPV6.holds(answers) and metrics.target):
        return
    try:
        address = ip_address(split_address(metrics.target)[0])
    except ValueError:
        # A name may have addresses of both versions.
        return
    if isinstance(address, IPv6Address) != metrics.ipv6:
        switch = "off" if metrics.ipv6 else "on"
        yield Problem(
            "metrics.ipv6",
            f"turn it {switch}, or give another metrics.target: {address} is an address of IPv"
            f"{address.version}",
        )
