"""The record of the delivery helmsman."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.helm.steps import helm_steps, install_group, list_links
from wizard.deliveries.helmsman.manifests import (
    desired_state_file,
    image_values_file,
    list_release_labels,
)
from wizard.deliveries.helmsman.rules import check_argocd_values
from wizard.deliveries.helmsman.runbook import helmsman_runbook
from wizard.deliveries.record import DeliveryKind, Rendered
from wizard.formats.addresses import IN_CLUSTER_SERVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wizard.deliveries.answers import DeliveryAnswers
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release
    from wizard.manifests.transformations import Manifest


def _render(delivery: DeliveryAnswers, release: Release, total: Contribution) -> Rendered:
    del delivery
    image = (image_values_file(release, total),) if release.image_values else ()
    files = (desired_state_file(release), *image)
    return Rendered(files, helm_steps(release, total), list_links(release, "Helmsman"))


def _find_edits(
    logical: str,
    data: bytes,
    rendered: bytes,
    *,
    values: bytes | None,
    objects: Sequence[Manifest],
) -> Iterator[tuple[str, str]]:
    # Loaded only for a hand edit: it reads YAML of others.
    from wizard.deliveries.helmsman.pinned import find_state_edits

    del values, objects
    return find_state_edits(logical, data, rendered)


DELIVERY = DeliveryKind(
    name="helmsman",
    label="Helmsman, desired state file",
    creates_namespace=True,
    has_image_values=True,
    render=_render,
    group=lambda _delivery, release: install_group(release),
    runbook=helmsman_runbook,
    rules=(check_argocd_values,),
    release_labels=list_release_labels,
    find_edits=_find_edits,
    # As with Helm, the user's kubeconfig decides the cluster.
    claims=lambda _read: {"destination": IN_CLUSTER_SERVER},
)
