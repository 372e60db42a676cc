"""The live part of the delivery helm: steps, removal, program and handover."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wizard.answers.questions import list_secret_variables
from wizard.clients.helm import open_helm
from wizard.deliveries.helm.live.handover import render_delivery_handover
from wizard.deliveries.live import Installer, LiveDelivery, Steps
from wizard.systems.cluster import verify
from wizard.systems.helm import removal
from wizard.systems.helm.steps import build_chart_step, build_manifest_steps
from wizard.systems.release.namespace_removal import build_namespace_removal

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.helm import Helm
    from wizard.clients.kube.protocol import Kube
    from wizard.systems.store_login import StoreLogin
    from wizard.systems.target import DataKind, Target


def _build_steps(target: Target) -> Steps:
    return (
        *build_manifest_steps(target),
        *verify.build_store_waits(target, lambda: None),
        build_chart_step(target),
        # Helm waits for no Job, so its revision shows nothing of them.
        *verify.build_chart_waits(target, lambda: ""),
    )


def _lock(target: Target) -> tuple[Kube | None, str]:
    return target.kube, target.release.namespace


def _undo(target: Target, login: StoreLogin | None) -> Steps:
    return (
        *removal.build_helm_removal(target, login, (), exact=True),
        build_namespace_removal(target, ()),
    )


def _destroy(target: Target, login: StoreLogin | None, pieces: Collection[DataKind]) -> Steps:
    return removal.build_helm_removal(target, login, pieces, exact=False)


def _open_program(answers: Answers, context: str) -> Helm:
    """Return Helm for the context; it does not get the variables that secrets are read from."""
    return open_helm(context, hidden=list_secret_variables(answers))


INSTALLER = Installer(
    build_steps=_build_steps,
    lock=_lock,
    undo=_undo,
    destroy=_destroy,
    require_gone=removal.require_gone,
    undo_note="the release is uninstalled, and its ExternalSecrets go with their Secrets;",
    open_program=_open_program,
)
LIVE = LiveDelivery(installer=INSTALLER, handover=render_delivery_handover)
