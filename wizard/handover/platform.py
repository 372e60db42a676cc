"""Files for the platform's owners: the one-time script outside Git, and the network flows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wizard.formats.shell import Files, table
from wizard.handover import images

if TYPE_CHECKING:
    from wizard.deliveries.live import DeliveryHandover
    from wizard.manifests.contribution import Contribution, Flow
    from wizard.manifests.release import Release
    from wizard.stores.live import StoreHandover


def render_files(
    release: Release, store: StoreHandover, delivery: DeliveryHandover, total: Contribution
) -> Files:
    """Return `apply.sh`, `network.md`, the store's own files, and the script for the images."""
    return {
        "apply.sh": delivery.apply,
        "network.md": _render_network(release, store, delivery, total.flows),
        **store.platform,
        **images.render_files(release, total),
    }


def _render_network(
    release: Release, store: StoreHandover, delivery: DeliveryHandover, flows: Iterable[Flow]
) -> str:
    rows: list[tuple[str, str, str, str, str]] = [
        (
            f"{release.namespace}: {', '.join(flow.components) or 'all Airflow pods'}",
            flow.host or flow.network, str(flow.port), flow.protocol, flow.purpose,
        )
        for flow in flows
    ]  # fmt: skip
    rows += [*store.flows, *delivery.flows]
    head = ("from", "to", "port", "protocol", "for")
    name = release.installation
    return (
        f"# Network flows of Airflow installation {name}\n\n{table(head, rows)}\n\n"
        "Also required: DNS, traffic between the pods of the namespace and to the API server of\n"
        "the cluster, and access to the image registry from the nodes.\n"
    )
