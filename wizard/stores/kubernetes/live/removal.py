"""Whether Secrets that the wizard makes in the cluster may be deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from wizard.clients.kube.protocol import KubeObject, Ref, data_keys
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable, format_first
from wizard.manifests.ownership import source_manager
from wizard.stores.kubernetes.live.composition import judge_secret, list_key_managers
from wizard.systems.cluster.ownership import Judge, kubectl_delete, refuse_removal
from wizard.systems.cluster.source import OWN_MANAGERS


def build_secrets_judge(source: str, keys: Mapping[str, Collection[str]]) -> Judge:
    """Return a judge that keeps Secrets of others, and those to which somebody added keys.

    `source` is that of the installation, and `keys` are those of its Secrets, by name.
    """

    def judge(found: KubeObject, ref: Ref) -> StepStatus | None:
        owner = judge_secret(found, source)
        if owner.whose == "another's":
            reason = escape_unprintable(owner.reason)
            return StepStatus("kept", f"{ref} {reason}; not deleted")
        foreign = _list_foreign_keys(found, source, keys.get(ref.name, ()))
        if not foreign:
            return refuse_removal(owner, found, ref)
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


def _list_foreign_keys(found: KubeObject, source: str, keys: Collection[str]) -> list[str]:
    """Return the keys that somebody else added to a Secret.

    What earlier answers needed is ours: this installation's field manager wrote it.
    """
    own = {*OWN_MANAGERS, source_manager(source)}
    names = {*(found.get("data") or ()), *data_keys(found)} - {*keys}
    return sorted(key for key in names if not own & list_key_managers(found, key))
