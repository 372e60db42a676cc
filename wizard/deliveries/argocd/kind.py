"""The record of the delivery argocd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.argocd.claims import argocd_claims
from wizard.deliveries.argocd.known_hosts import KNOWN_HOSTS_LOGICAL, known_hosts_files
from wizard.deliveries.argocd.manifests import (
    app_project,
    one_application,
    two_applications,
)
from wizard.deliveries.argocd.questions import NAME, ArgoCd, argocd_answers
from wizard.deliveries.argocd.rules import (
    check_argocd_namespace,
    check_chart_registry,
    check_credential_auth_mount,
    check_credential_path,
    check_project_kind,
)
from wizard.deliveries.argocd.runbook import argocd_runbook
from wizard.deliveries.argocd.steps import argocd_steps, install_group
from wizard.deliveries.record import DeliveryKind, Rendered, RivalSearch
from wizard.formats.addresses import IN_CLUSTER_SERVER, parse_git_url, read_url_address
from wizard.manifests.contribution import Contribution, Link
from wizard.manifests.prerequisites import argo_cd
from wizard.stores.registry import store_kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wizard.deliveries.answers import DeliveryAnswers
    from wizard.manifests.contribution import Reader
    from wizard.manifests.release import Release
    from wizard.manifests.transformations import Manifest
    from wizard.manifests.tree import File


def _hook(phase: str) -> dict[str, str]:
    return {
        "argocd.argoproj.io/hook": phase,
        "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
    }


def _settings(delivery: DeliveryAnswers, release: Release) -> Contribution:
    """Return settings that make both Jobs hooks, which Argo CD neither tracks nor patches."""
    del delivery, release
    settings: dict[str, object] = {}
    for job, phase in (("migrateDatabaseJob", "Sync"), ("createUserJob", "PostSync")):
        settings[f"{job}.ttlSecondsAfterFinished"] = None
        settings[f"{job}.jobAnnotations"] = _hook(phase)
    return Contribution(
        settings=settings,
        comments={
            "migrateDatabaseJob.ttlSecondsAfterFinished": (
                "no TTL: self-healing would run a deleted Job again"
            )
        },
    )


def _readers(delivery: DeliveryAnswers, release: Release) -> tuple[Reader, ...]:
    """Return Argo CD as a reader if its credential comes from the store."""
    argo = argocd_answers(delivery)
    if store_kind(release.store).reader_settings is None or argo.credential != "store":
        return ()
    return (argo.reader(release),)


def _render(delivery: DeliveryAnswers, release: Release, total: Contribution) -> Rendered:
    argo = argocd_answers(delivery)
    steps = argocd_steps(argo, release, reads=bool(_readers(delivery, release)))
    return Rendered(_files(argo, release, total), steps, _list_links(argo, release))


_CONFIG = "config repository"


def _list_links(argo: ArgoCd, release: Release) -> tuple[Link, ...]:
    """Return the connections of Argo CD; a preview may have no address of the repository yet."""
    chart, port = release.chart_repository.address
    inside = argo.destination == IN_CLUSTER_SERVER
    server = ("", 443) if inside else read_url_address(argo.destination)
    location = parse_git_url(argo.repo_url) if argo.repo_url else None
    return (
        *([Link("Argo CD", _CONFIG, location.host, location.port)] if location else []),
        Link("Argo CD", "chart repository", chart, int(port)),
        Link("Argo CD", "Kubernetes API", *server, f"namespace {release.namespace}"),
    )


def _find_edits(
    logical: str,
    data: bytes,
    rendered: bytes,
    *,
    values: bytes | None,
    objects: Sequence[Manifest],
) -> Iterator[tuple[str, str]]:
    # Loaded only for a hand edit: it reads manifests.
    from wizard.deliveries.argocd.pinned import find_argocd_edits

    return find_argocd_edits(logical, data, rendered, values=values, objects=objects)


def _search_rivals() -> RivalSearch:
    # Loaded only to read a repository: it parses YAML of others.
    from wizard.deliveries.argocd.rivals import MARKS, ApplicationIndex

    return RivalSearch(MARKS, ApplicationIndex)


def _files(argo: ArgoCd, release: Release, total: Contribution) -> tuple[File, ...]:
    settings = argo.settings(release)
    own = () if argo.uses_existing_project else (app_project(release, settings, total),)
    if argo.applications == "two" and total.manifests:
        applications = two_applications(release, settings)
    else:
        applications = one_application(release, settings, manifests=bool(total.manifests))
    return (*own, *applications, *known_hosts_files(argo, release))


DELIVERY = DeliveryKind(
    name=NAME,
    label="Argo CD",
    title="Argo CD",
    questions=ArgoCd,
    gitops=True,
    prerequisites=lambda delivery: (argo_cd(argocd_answers(delivery).namespace),),
    settings=_settings,
    readers=_readers,
    render=_render,
    group=lambda delivery, release: install_group(argocd_answers(delivery), release),
    urls=("delivery.argocd.repo_url", "delivery.argocd.destination"),
    rules=(
        check_argocd_namespace,
        check_project_kind,
        check_chart_registry,
        check_credential_path,
        check_credential_auth_mount,
    ),
    runbook=argocd_runbook,
    source_url=lambda delivery: argocd_answers(delivery).repo_url,
    controller_namespace=lambda delivery: argocd_answers(delivery).namespace,
    controller_is_inside=(
        lambda delivery: argocd_answers(delivery).destination == IN_CLUSTER_SERVER
    ),
    claims=argocd_claims,
    find_edits=_find_edits,
    rivals=_search_rivals,
    known_hosts=KNOWN_HOSTS_LOGICAL,
)
