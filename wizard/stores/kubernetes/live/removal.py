"""Whether Secrets that the wizard makes in the cluster may be deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from wizard.clients.kube.protocol import KubeObject, Ref, data_keys
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable, format_first
from wizard.manifests.ownership import source_manager
from wizard.stores.kubernetes.live.composition import judge_secret, list_key_managers
from wizard.systems.cluster.ownership import (
    Judge,
    UnknownOwnerStatus,
    join_refusals,
    kubectl_delete,
    refuse_removal,
)
from wizard.systems.cluster.source import OWN_MANAGERS


def build_secrets_judge(source: str, keys: Mapping[str, Collection[str]]) -> Judge:
    """Return a judge that keeps Secrets of others, and those to which somebody added keys.

    A value that somebody else wrote into a key of ours is deleted only after a yes: `apply` keeps
    it, so it may exist nowhere else. `source` is that of the installation, and `keys` are those of
    its Secrets, by name.
    """

    def judge(found: KubeObject, ref: Ref) -> StepStatus | None:
        owner = judge_secret(found, source)
        if owner.whose == "another's":
            reason = escape_unprintable(owner.reason)
            return StepStatus("kept", f"{ref} {reason}; not deleted")
        every = _list_foreign_keys(found, source)
        foreign = [key for key in every if key not in keys.get(ref.name, ())]
        if not foreign:
            return join_refusals(
                refuse_removal(owner, found, ref), _ask_about_values(found, ref, every)
            )
        return StepStatus(
            "blocked",
            f"{ref} holds keys that do not belong to this installation: "
            f"{format_first(foreign)}; not deleted",
            Fix(
                "ask their owner to move them, then run this again; or, to delete it, run: "
                f"{kubectl_delete([ref])}"
            ),
        )

    return judge


def _ask_about_values(found: KubeObject, ref: Ref, keys: Collection[str]) -> StepStatus | None:
    """Return the question about values that somebody else wrote; None if there are none."""
    if not keys:
        return None
    who = sorted({name for key in keys for name in list_key_managers(found, key)})
    by = escape_unprintable(f"{', '.join(keys)} written by {', '.join(who) or 'somebody else'}")
    return UnknownOwnerStatus(
        "blocked",
        f"{ref} has {by}, not by this installation; not deleted",
        Fix(f"keep the value elsewhere; to delete it, run: {kubectl_delete([ref])}"),
        f"{ref} {found['metadata'].get('uid')} with {by}",
    )


def _list_foreign_keys(found: KubeObject, source: str) -> list[str]:
    """Return the keys of a Secret that this installation's field manager did not write."""
    own = {*OWN_MANAGERS, source_manager(source)}
    names = {*(found.get("data") or ()), *data_keys(found)}
    return sorted(key for key in names if not own & list_key_managers(found, key))
