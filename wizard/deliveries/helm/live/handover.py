"""What the platform's owner and CI are handed where Helm delivers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.chart.versions import CHART_REPOSITORY
from wizard.deliveries.live import DeliveryHandover
from wizard.formats.shell import comment, here_document, script
from wizard.systems.cluster.handover import (
    APPLY,
    CLUSTER_FUNCTION,
    api_server_address,
    apply_documents,
    guard_documents,
    health_comment,
    requirement_lines,
    split_address,
)

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release
    from wizard.plan.render import Rendering


def render_delivery_handover(
    answers: Answers, rendering: Rendering, committed: Mapping[str, str]
) -> DeliveryHandover:
    """Return what only the cluster's owner may do; the rest is `apply`'s, with Helm."""
    return DeliveryHandover(
        apply=_render_apply(rendering.release, committed),
        flows=(
            (
                "where apply runs",
                *split_address(CHART_REPOSITORY),
                "TCP",
                "the chart (or --chart PATH)",
            ),
            ("where apply runs", *api_server_address(answers), "TCP", "the cluster of Airflow"),
        ),
        ci_programs=", git and helm (3.13 or newer, or 4)",
    )


def _render_apply(release: Release, committed: Mapping[str, str]) -> str:
    guards = guard_documents(committed)
    return script(
        comment(
            f"The cluster's side of Airflow installation {release.installation} that is its",
            "owner's: once. `airflow-wizard apply` does everything else, with Helm, as an account",
            f"that may work in namespace {release.namespace}. It may be run again; what others own",
            "is a conflict that kubectl names, and is never forced.",
        ),
        CLUSTER_FUNCTION,
        "\n".join(requirement_lines(release, guarded=bool(guards))),
        here_document(f"cluster {APPLY}", committed["secrets/namespace"]),
        apply_documents("cluster", guards),
        health_comment(release),
    )
