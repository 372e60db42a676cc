"""Helm's part of the handover to the platform's owner and CI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.deliveries.live import DeliveryHandover
from wizard.formats.shell import comment, here_document, script
from wizard.systems.cluster.handover import (
    api_server_address,
    apply_command,
    apply_documents,
    guard_documents,
    health_comment,
    look_documents,
    render_cluster,
    requirement_lines,
)

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.chart.repository import ChartRepository
    from wizard.manifests.release import Release
    from wizard.plan.render import Rendering


def render_delivery_handover(
    answers: Answers, rendering: Rendering, committed: Mapping[str, str]
) -> DeliveryHandover:
    """Return the script for the cluster's owner; `apply` does the rest with Helm."""
    return DeliveryHandover(
        apply=_render_apply(answers, rendering.release, committed),
        flows=(
            (
                "where apply runs",
                *rendering.release.chart_repository.address,
                "TCP",
                "the chart (or --chart PATH)",
            ),
            ("where apply runs", *api_server_address(answers), "TCP", "the cluster of Airflow"),
        ),
        ci_programs=", git and helm (3.13 or newer, or 4)",
        ci_variables=_describe_chart_login(rendering.release.chart_repository),
    )


def _describe_chart_login(chart: ChartRepository) -> tuple[str, ...]:
    """Return how CI logs in to a chart repository that is not Apache's."""
    if chart.is_official:
        return ()
    if chart.is_oci:
        return ("If the registry of the chart requires a login, first:", f"  {chart.login_command}")
    return (
        "If the chart repository requires a login, fetch the chart and add --chart FILE to apply:",
        f"  {chart.login_command}",
        f"  helm pull {chart.chart}",
    )


def _render_apply(answers: Answers, release: Release, committed: Mapping[str, str]) -> str:
    guards = guard_documents(committed)
    return script(
        comment(
            f"Run once for Airflow installation {release.installation}: the objects that only the",
            "cluster's owner may create. `airflow-wizard apply` does everything else with Helm, as",
            f"an account with access to namespace {release.namespace}. You can run it again.",
            "It looks at all of them first, and stops if one belongs to another repository.",
        ),
        render_cluster(answers),
        "\n".join(requirement_lines(release, guarded=bool(guards))),
        look_documents(
            release, [("cluster", text) for text in (committed["secrets/namespace"], *guards)]
        ),
        here_document(f"cluster {apply_command(release)}", committed["secrets/namespace"]),
        apply_documents(release, "cluster", guards),
        health_comment(release),
    )
