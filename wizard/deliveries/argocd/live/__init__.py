"""The live part of the delivery argocd: steps, waits, removal, checks and handover."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wizard.deliveries.argocd.live.handover import render_delivery_handover
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.deliveries.live import Installer, LiveDelivery, Steps
from wizard.systems.argocd import application_removal, cascade, hub, rivals
from wizard.systems.argocd.application import diagnose_applications, find_job_evidence
from wizard.systems.argocd.cluster_checks import list_argocd_checks
from wizard.systems.argocd.removal import build_argocd_removal
from wizard.systems.argocd.steps import build_argocd_steps, build_push_checks
from wizard.systems.argocd.waits import build_application_wait
from wizard.systems.cluster import verify
from wizard.systems.release import delivered_objects, protection, volumes
from wizard.systems.release.database_logins import build_logins_check
from wizard.systems.release.dependents import build_dependents_check
from wizard.systems.release.hooks import build_hooks_step

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.engine.steps import Step
    from wizard.systems.store_login import StoreLogin
    from wizard.systems.target import DataKind, Target


def _build_steps(target: Target) -> Steps:
    return (
        *build_argocd_steps(target),
        *verify.build_store_waits(target, lambda: diagnose_applications(target.argocd, target)),
        build_application_wait(target),
        *verify.build_chart_waits(target, lambda: find_job_evidence(target.argocd, target)),
    )


def _lock(target: Target) -> tuple[Kube | None, str]:
    return target.argocd, argocd_answers(target.answers.delivery).namespace


def _build_rivals_check(target: Target) -> Step:
    namespace = argocd_answers(target.answers.delivery).namespace
    return rivals.build_rivals_check(target, target.argocd, namespace)


def _undo(target: Target, login: StoreLogin | None) -> Steps:
    return (
        hub.build_hub_check(target),
        _build_rivals_check(target),
        cascade.build_undo_pause_step(target),
        build_hooks_step(target, "undo.hooks", "apply --undo", alone=True),
        application_removal.build_application_undo(target),
        *build_argocd_removal(target, exact=True, session=login),
    )


def _destroy(target: Target, login: StoreLogin | None, pieces: Collection[DataKind]) -> Steps:
    """Return steps that stop syncing, remove what could block deletion, and delete all objects."""
    guarded = login is not None and "payload" not in pieces
    return (
        hub.build_hub_check(target),
        _build_rivals_check(target),
        *((delivered_objects.build_copies_check(target, login),) if guarded and login else ()),
        delivered_objects.build_store_check(target),
        *build_logins_check(target, pieces),
        build_dependents_check(target, pieces),
        cascade.build_pause_step(target),
        build_hooks_step(target, "destroy.hooks", "destroy"),
        volumes.build_mark_step(target, pieces),
        *(
            (delivered_objects.build_secrets_removal(target),)
            if delivered_objects.external_secret_refs(target)
            else ()
        ),
        protection.build_keep_step(target, pieces),
        cascade.build_cascade_step(target),
        delivered_objects.build_objects_removal(target, pieces),
        *build_argocd_removal(target, exact=False, session=login if guarded else None),
    )


LIVE = LiveDelivery(
    installer=Installer(
        build_steps=_build_steps,
        lock=_lock,
        undo=_undo,
        destroy=_destroy,
        require_gone=application_removal.require_gone,
        build_push_checks=build_push_checks,
        undo_note="Airflow and its Secrets are not deleted, but no longer synced;",
    ),
    cluster_checks=list_argocd_checks,
    handover=render_delivery_handover,
)
