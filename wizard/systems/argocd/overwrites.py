"""Objects of others that Argo CD would overwrite: it applies by name, and forces every field.

`apply` creates the Application, so it looks first at the objects that the committed files name.
Source: Argo CD, sync option ServerSideApply, which applies with --force-conflicts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import KubeObject, Ref
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError, Fix
from wizard.formats.terminal import escape_unprintable
from wizard.systems.argocd.tracking import judge_delivered, list_manifests
from wizard.systems.cluster.object_removal import merge_statuses, read_object
from wizard.systems.cluster.objects import explain_error
from wizard.systems.cluster.ownership import UnknownOwnerStatus, settle_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wizard.systems.target import Target

_RENAME = Fix(
    "choose a different name in the answers (installation.release)", "installation.release"
)


def guard_application_step(target: Target, step: Step, application: Ref) -> Step:
    """Return the step that creates the Application, blocked while Argo CD would overwrite others.

    An object of another source blocks it always; one that names no source blocks it before the
    first delivery, until the operator says yes to the list.
    """
    if target.kube is None or target.argocd is None or step.change is None:
        return step
    check, change = step.check, step.change
    nothing = StepStatus("holds", "Argo CD would overwrite nothing of others")

    def find() -> StepStatus:
        try:
            looks = list(_find_refusals(target, application))
        except KubeError as error:
            if error.kind != "forbidden":
                raise explain_error(error) from None
            # Argo CD's operator may have no rights in the namespace.
            return nothing
        settled = settle_unknown(looks, step.id, target.agreed.get(step.id, ""))
        refused = [one for one in settled if one.state == "blocked"]
        return merge_statuses(refused, "") if refused else nothing

    async def guarded_check() -> StepStatus:
        look = await check()
        if look.state == "blocked":
            return look
        refusal = await run_in_thread(find)
        return refusal if refusal.state == "blocked" else look

    async def guarded_change() -> str:
        refusal = await run_in_thread(find)
        if refusal.state == "blocked":
            raise ConflictError(refusal.detail, refusal.fix)
        return await change()

    return replace(step, check=guarded_check, change=guarded_change)


def _find_refusals(target: Target, application: Ref) -> Iterator[StepStatus]:
    argocd = target.argocd
    is_first = argocd is not None and read_object(argocd, application) is None
    for ref, found in list_manifests(target):
        owner = judge_delivered(target, found, ref)
        if owner.is_ours or not (is_first or owner.is_proven_foreign):
            continue
        detail = (
            f"{ref} already exists and {escape_unprintable(owner.reason)}; Argo CD would "
            "overwrite it"
        )
        if owner.is_proven_foreign:
            yield StepStatus("blocked", detail, _RENAME)
        else:
            yield UnknownOwnerStatus("blocked", detail, _RENAME, _line(ref, found))


def _line(ref: Ref, found: KubeObject) -> str:
    return f"{ref} {found['metadata'].get('uid')}"
