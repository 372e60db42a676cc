"""What the platform's owner and CI are handed where Argo CD delivers."""

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
# ARGOCD_CONTEXT: the cluster of Argo CD, where that is another one.
hub=${ARGOCD_CONTEXT:-${KUBE_CONTEXT:-}}
argo() {
  kubectl ${hub:+"--context=$hub"} "$@"
}"""
_CI_OPTIONS = """ \\
    ${ARGOCD_CONTEXT:+"--argocd-context=$ARGOCD_CONTEXT"}"""


def render_delivery_handover(
    answers: Answers, rendering: Rendering, committed: Mapping[str, str]
) -> DeliveryHandover:
    """Return what is applied once from outside Git, and which ways must be open."""
    return DeliveryHandover(
        apply=_render_apply(answers, rendering.release, committed),
        flows=tuple(_list_flows(answers)),
        ci_variables=(
            "  ARGOCD_CONTEXT   its context for the cluster of Argo CD, where that is another",
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
            f"The cluster's side of Airflow installation {release.installation}: once, from",
            "outside Git; Argo CD delivers everything else. It may be run again; what others own",
            "is a conflict that kubectl names, and is never forced.",
        ),
        CLUSTER_FUNCTION,
        _HUB_FUNCTION,
        "\n".join(_requirement_lines(answers, release, committed, guarded=bool(guards))),
        here_document(f"cluster {APPLY}", dump_yaml(space)),
        apply_documents("cluster", guards),
        *_render_repository(answers, committed),
        comment(f"Once branch {argo.revision} holds what was committed:"),
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
        "# Argo CD 2.6 or newer has Applications with several sources (proven with 3.5.1).",
        "argo get crd applications.argoproj.io appprojects.argoproj.io >/dev/null",
        f"argo get namespace {quote(argo.namespace)} >/dev/null",
        *(["argo get --raw /apis/external-secrets.io/v1 >/dev/null"] if reads else []),
    ]
    if argo.applications == "two":
        lines.append("# The runbook has the health check of Applications that two of them need.")
    return lines


def _render_repository(answers: Answers, committed: Mapping[str, str]) -> tuple[str, ...]:
    argo = argocd_answers(answers.delivery)
    own = [
        committed[f"{CREDENTIAL_PREFIX}{part}"]
        for part in CREDENTIAL_PARTS
        if f"{CREDENTIAL_PREFIX}{part}" in committed
    ]
    if own:
        text = "Argo CD's credential for the config repository, which it reads from Vault itself."
        hosts = "The keys of its host have to be, verified, in ConfigMap argocd-ssh-known-hosts-cm."
        more = [hosts] if parse_git_url(argo.repo_url).scheme == "ssh" else []
        return (comment(text, *more), here_document(f"argo {APPLY}", join_documents(own)))
    lines = [
        "Argo CD needs a read-only credential of its own for the config repository (its own",
        "deploy key, not the one of the DAGs); where it has none:",
        f"  argocd repo add {argo.repo_url}",
    ]
    if parse_git_url(argo.repo_url).scheme == "ssh":
        lines[-1] += " --ssh-private-key-path FILE"
        lines += [
            "and the keys of its host, verified, in ConfigMap argocd-ssh-known-hosts-cm of",
            f"{argo.namespace}: append lines, never replace.",
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
