"""Argo CD's part of the handover to the platform's owner and CI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.chart.versions import CHART_REPOSITORY
from wizard.deliveries.argocd.manifests import CREDENTIAL_PARTS, CREDENTIAL_PREFIX
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.deliveries.live import DeliveryHandover
from wizard.formats.addresses import IN_CLUSTER_SERVER, parse_git_url
from wizard.formats.shell import comment, here_document, quote, script
from wizard.formats.yaml_writer import Yaml, dump_yaml
from wizard.manifests.objects import pod_security_labels
from wizard.systems.cluster.handover import (
    APPLY,
    CLUSTER_FUNCTION,
    apply_documents,
    guard_documents,
    health_comment,
    join_documents,
    requirement_lines,
    split_address,
)

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release
    from wizard.plan.render import Rendering

_HUB_FUNCTION = """\
# ARGOCD_CONTEXT: the context of Argo CD's cluster, if it is a different cluster.
hub=${ARGOCD_CONTEXT:-${KUBE_CONTEXT:-}}
argo() {
  kubectl ${hub:+"--context=$hub"} "$@"
}"""
_CI_OPTIONS = """ \\
    ${ARGOCD_CONTEXT:+"--argocd-context=$ARGOCD_CONTEXT"}"""


def render_delivery_handover(
    answers: Answers, rendering: Rendering, committed: Mapping[str, str]
) -> DeliveryHandover:
    """Return the script for the platform's owner, and the network flows that must be open."""
    return DeliveryHandover(
        apply=_render_apply(answers, rendering.release, committed),
        flows=tuple(_list_flows(answers)),
        ci_variables=(
            "  ARGOCD_CONTEXT   its context for Argo CD's cluster, if that is a different one",
        ),
        ci_options=_CI_OPTIONS,
    )


def _render_apply(answers: Answers, release: Release, committed: Mapping[str, str]) -> str:
    argo, guards = argocd_answers(answers.delivery), guard_documents(committed)
    labels: dict[str, Yaml] = {**pod_security_labels(release)}
    space: dict[str, Yaml] = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": release.namespace, "labels": labels},
    }
    delivered = ["argocd/project", "argocd/application"]
    if "argocd/bootstrap/parent" in committed:
        delivered[1:] = ["argocd/bootstrap/project", "argocd/bootstrap/parent"]
    return script(
        comment(
            f"Run once for Airflow installation {release.installation}: the objects that Git",
            "cannot deliver. Argo CD delivers everything else. You can run it again. kubectl",
            "reports objects of other owners as conflicts; they are never overwritten.",
        ),
        CLUSTER_FUNCTION,
        _HUB_FUNCTION,
        "\n".join(_requirement_lines(answers, release, committed, guarded=bool(guards))),
        here_document(f"cluster {APPLY}", dump_yaml(space)),
        apply_documents("cluster", guards),
        *_render_repository(answers, committed),
        comment(f"Run these after branch {argo.revision} contains the commit:"),
        *(here_document(f"argo {APPLY}", committed[one]) for one in delivered),
        health_comment(release),
    )


def _requirement_lines(
    answers: Answers, release: Release, committed: Mapping[str, str], *, guarded: bool
) -> list[str]:
    argo = argocd_answers(answers.delivery)
    reads = f"{CREDENTIAL_PREFIX}secret" in committed
    lines = [
        *requirement_lines(release, guarded=guarded),
        "# Argo CD 2.6 or newer has Applications with several sources (tested with 3.5.1).",
        "argo get crd applications.argoproj.io appprojects.argoproj.io >/dev/null",
        f"argo get namespace {quote(argo.namespace)} >/dev/null",
        *(["argo get --raw /apis/external-secrets.io/v1 >/dev/null"] if reads else []),
    ]
    if argo.applications == "two":
        lines.append("# Two Applications need the health check that the runbook describes.")
    return lines


def _render_repository(answers: Answers, committed: Mapping[str, str]) -> tuple[str, ...]:
    argo = argocd_answers(answers.delivery)
    own = [
        committed[f"{CREDENTIAL_PREFIX}{part}"]
        for part in CREDENTIAL_PARTS
        if f"{CREDENTIAL_PREFIX}{part}" in committed
    ]
    if own:
        text = "Argo CD's credential for the config repository, which it reads from Vault."
        hosts = "Add the verified keys of its host to ConfigMap argocd-ssh-known-hosts-cm."
        more = [hosts] if parse_git_url(argo.repo_url).scheme == "ssh" else []
        return (comment(text, *more), here_document(f"argo {APPLY}", join_documents(own)))
    lines = [
        "Argo CD needs its own read-only credential for the config repository (a separate",
        "deploy key, not that of the DAG repository). If it has none:",
        f"  argocd repo add {argo.repo_url}",
    ]
    if parse_git_url(argo.repo_url).scheme == "ssh":
        lines[-1] += " --ssh-private-key-path FILE"
        lines += [
            "Add the verified keys of its host to ConfigMap argocd-ssh-known-hosts-cm in",
            f"{argo.namespace}: append lines, never replace any.",
        ]
    return (comment(*lines),)


def _list_flows(answers: Answers) -> list[tuple[str, str, str, str, str]]:
    argo = argocd_answers(answers.delivery)
    location = parse_git_url(argo.repo_url)
    rows = [
        ("Argo CD", location.host, str(location.port), "TCP", "config repository"),
        ("Argo CD", *split_address(CHART_REPOSITORY), "TCP", "the chart"),
    ]
    if argo.destination != IN_CLUSTER_SERVER:
        rows.append(("Argo CD", *split_address(argo.destination), "TCP", "the cluster of Airflow"))
    return rows
