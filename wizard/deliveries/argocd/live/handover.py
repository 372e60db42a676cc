"""Argo CD's part of the handover to the platform's owner and CI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.deliveries.argocd.manifests import CREDENTIAL_PARTS, CREDENTIAL_PREFIX, HEALTH_KEY
from wizard.deliveries.argocd.project import describe_needs, find_needs
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.deliveries.live import DeliveryHandover
from wizard.formats.addresses import IN_CLUSTER_SERVER, parse_git_url
from wizard.formats.shell import comment, here_document, quote, script
from wizard.formats.yaml_reader import read_mapping
from wizard.formats.yaml_writer import Yaml, dump_yaml
from wizard.manifests.objects import owner_annotation, pod_security_labels
from wizard.systems.cluster.handover import (
    HUB_FUNCTION,
    apply_command,
    apply_documents,
    guard_documents,
    health_comment,
    look_documents,
    render_cluster,
    requirement_lines,
    split_address,
)

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.chart.repository import ChartRepository
    from wizard.deliveries.argocd.questions import ArgoCd
    from wizard.manifests.release import Release
    from wizard.plan.render import Rendering

_CI_OPTIONS = """ \\
    ${ARGOCD_CONTEXT:+"--argocd-context=$ARGOCD_CONTEXT"}"""


def render_delivery_handover(
    answers: Answers, rendering: Rendering, committed: Mapping[str, str]
) -> DeliveryHandover:
    """Return the script for the platform's owner, and the network flows that must be open."""
    return DeliveryHandover(
        apply=_render_apply(answers, rendering, committed),
        flows=tuple(_list_flows(answers, rendering.release.chart_repository)),
        ci_variables=(
            "  ARGOCD_CONTEXT   its context for Argo CD's cluster, if that is a different one",
        ),
        ci_options=_CI_OPTIONS,
    )


def _render_apply(answers: Answers, rendering: Rendering, committed: Mapping[str, str]) -> str:
    release = rendering.release
    argo, guards = argocd_answers(answers.delivery), guard_documents(committed)
    labels: dict[str, Yaml] = {**pod_security_labels(release)}
    space: dict[str, Yaml] = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": release.namespace,
            "labels": labels,
            "annotations": {**owner_annotation(release)},
        },
    }
    delivered = ["argocd/project", "argocd/application"]
    if "argocd/bootstrap/parent" in committed:
        delivered[1:] = ["argocd/bootstrap/project", "argocd/bootstrap/parent"]
    delivered = [one for one in delivered if one in committed]
    namespace, credential = dump_yaml(space), _list_credential(committed)
    # Argo CD overwrites by name; in a namespace of others the script has already stopped.
    wide = [
        text
        for name, text in sorted(committed.items())
        if name.startswith("secrets/") and not read_mapping(text, name)["metadata"].get("namespace")
    ]
    looks = [
        *(("cluster", text) for text in (namespace, *guards, *wide)),
        *(("argo", text) for text in (*credential, *(committed[one] for one in delivered))),
    ]
    return script(
        comment(
            f"Run once for Airflow installation {release.installation}: the objects that Git",
            "cannot deliver. Argo CD delivers everything else. You can run it again. It looks at",
            "all of them first, and stops if one belongs to another repository.",
        ),
        render_cluster(answers),
        HUB_FUNCTION,
        "\n".join(_requirement_lines(answers, release, committed, guarded=bool(guards))),
        look_documents(release, looks),
        here_document(f"cluster {apply_command(release)}", namespace),
        apply_documents(release, "cluster", guards),
        *_render_repository(answers, release, credential),
        *_render_chart_login(release.chart_repository),
        *_describe_project(argo, rendering),
        comment(f"Run these after branch {argo.revision} contains the commit:"),
        *(here_document(f"argo {apply_command(release)}", committed[one]) for one in delivered),
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
        lines += [
            f"config=$(argo get configmap argocd-cm -n {quote(argo.namespace)} -o yaml || true)",
            "case $config in",
            f"*{HEALTH_KEY}* | *argoproj.io/Application*) ;;",
            "*)",
            "  echo 'warning: argocd-cm has no health check of Applications, so both sync at' >&2",
            "  echo 'the same time; the runbook has the key to add' >&2",
            "  ;;",
            "esac",
        ]
    return lines


def _list_credential(committed: Mapping[str, str]) -> list[str]:
    """Return the objects of Argo CD's credential, if it comes from the store."""
    names = [f"{CREDENTIAL_PREFIX}{part}" for part in CREDENTIAL_PARTS]
    return [committed[name] for name in names if name in committed]


def _render_repository(answers: Answers, release: Release, own: list[str]) -> tuple[str, ...]:
    argo = argocd_answers(answers.delivery)
    if own:
        text = "Argo CD's credential for the config repository, which it reads from Vault."
        hosts = "Add the verified keys of its host to ConfigMap argocd-ssh-known-hosts-cm."
        more = [hosts] if parse_git_url(argo.repo_url).scheme == "ssh" else []
        return (comment(text, *more), apply_documents(release, "argo", own))
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


def _render_chart_login(chart: ChartRepository) -> tuple[str, ...]:
    """Return how Argo CD gets a login for a chart repository that is not Apache's."""
    if chart.is_official:
        return ()
    return (
        comment(
            f"The chart comes from {chart.url}.",
            "If that requires a login or a CA, they are Argo CD's, in a repository Secret of its",
            "own namespace. Neither is in Git:",
            f"  {chart.argocd_command}",
        ),
    )


def _describe_project(argo: ArgoCd, rendering: Rendering) -> tuple[str, ...]:
    """Return what an existing project must allow, and the check that it exists."""
    if not argo.uses_existing_project:
        return ()
    needs = find_needs(rendering.release, argo.settings(rendering.release), rendering.total)
    lines = dump_yaml({"spec": describe_needs(needs)}).splitlines()
    return (
        comment(
            f"AppProject {argo.project} is yours and is not changed here. It must allow at least",
            "the following (Argo CD allows every kind with a namespace if it has no list of them):",
            *(f"  {line}" for line in lines),
        ),
        f"argo get appproject {quote(argo.project)} -n {quote(argo.namespace)} >/dev/null",
    )


def _list_flows(answers: Answers, chart: ChartRepository) -> list[tuple[str, str, str, str, str]]:
    argo = argocd_answers(answers.delivery)
    location = parse_git_url(argo.repo_url)
    rows = [
        ("Argo CD", location.host, str(location.port), "TCP", "config repository"),
        ("Argo CD", *chart.address, "TCP", "the chart"),
    ]
    if argo.destination != IN_CLUSTER_SERVER:
        rows.append(("Argo CD", *split_address(argo.destination), "TCP", "the cluster of Airflow"))
    return rows
