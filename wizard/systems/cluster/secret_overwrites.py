"""Secrets of others that External Secrets would overwrite: it takes a Secret of the target's name.

With creationPolicy Owner the operator becomes the owner of an existing Secret and replaces its
data, so that a Fernet key that was made by hand is lost. Source: External Secrets, ExternalSecret
controller (mutateSecret), and its label on every Secret that it makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.systems.cluster.external_secrets import read_external_secrets
from wizard.systems.cluster.guarded_steps import guard_step
from wizard.systems.cluster.object_removal import merge_statuses, read_object
from wizard.systems.cluster.objects import explain_error
from wizard.systems.cluster.ownership import UnknownOwnerStatus, ask_unseen, settle_unknown

if TYPE_CHECKING:
    from wizard.systems.target import Target

MANAGED = "reconcile.external-secrets.io/managed"


def find_overwritten_secrets(kube: Kube, target: Target) -> Iterator[UnknownOwnerStatus]:
    """Yield a question for each Secret that a new ExternalSecret would overwrite.

    Only names and metadata are read. Raises KubeError.
    """
    for manifest in read_external_secrets(target).values():
        ref = Ref.from_manifest(manifest)
        name = str((manifest["spec"].get("target") or {}).get("name") or ref.name)
        secret = Ref("v1", "Secret", name, ref.namespace)
        found = read_object(kube, secret, metadata=True)
        if found is None or _is_made_by_operator(found):
            continue
        if read_object(kube, ref, metadata=True) is not None:
            continue
        yield UnknownOwnerStatus(
            "blocked",
            f"{escape_unprintable(str(secret))} already exists, and External Secrets did not make "
            "it; External Secrets would overwrite its values",
            Fix(
                "compare its values with those in the store, and correct the store: a Fernet key "
                "in use must stay"
            ),
            f"{secret} {found['metadata'].get('uid')}",
        )


def _is_made_by_operator(found: KubeObject) -> bool:
    about = found["metadata"]
    owners = about.get("ownerReferences") or []
    return (about.get("labels") or {}).get(MANAGED) == "true" or any(
        one.get("kind") == "ExternalSecret" for one in owners
    )


def guard_secrets_step(target: Target, step: Step) -> Step:
    """Return the step that applies ExternalSecrets, blocked while they would overwrite Secrets.

    The operator's yes is for exactly these Secrets, or for what this login may not see.
    """
    kube = target.kube
    if kube is None:
        return step

    def find() -> StepStatus:
        try:
            looks: list[StepStatus] = list(find_overwritten_secrets(kube, target))
        except KubeError as error:
            if error.kind != "forbidden":
                raise explain_error(error) from None
            what = f"the Secrets in {target.release.namespace} that would be overwritten"
            looks = [ask_unseen(what, error)]
        settled = settle_unknown(looks, step.id, target.agreed.get(step.id, ""))
        refused = [one for one in settled if one.state == "blocked"]
        return merge_statuses(refused, "no Secret of others would be overwritten")

    return guard_step(step, find, {"wanted"})
