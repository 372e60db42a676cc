"""Objects that `kubectl apply` made client-side from the committed files, as earlier runbooks said.

kubectl records what it applied in an annotation. If this is a committed version of the file, which
names this installation as its source, the fields are this repository's under another name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.errors import WizardError
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.ownership import read_source
from wizard.workspace.committed import was_committed

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import KubeObject
    from wizard.git.repository import WorkTree

CLIENT_SIDE_MANAGER = "kubectl-client-side-apply"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def is_client_side_entry(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry of managedFields has what kubectl applied client-side."""
    name, operation = entry.get("manager"), entry.get("operation")
    return name == CLIENT_SIDE_MANAGER and operation == "Update" and not entry.get("subresource")


def is_applied_from_commit(
    repository: WorkTree, path: str, text: str, found: KubeObject, own: str
) -> bool:
    """Return whether kubectl applied an object client-side as it is, or was, in a committed file.

    `text` is the present content of the file, and `own` the source of this installation.
    """
    about = found["metadata"]
    if not any(map(is_client_side_entry, about.get("managedFields") or ())):
        return False
    try:
        last = json.loads((about.get("annotations") or {}).get(_LAST_APPLIED) or "null")
    except ValueError:
        return False
    if not _is_manifest(last) or not own or read_source(last) != own:
        return False
    wanted = _normalize(last)

    def is_same(version: str) -> bool:
        try:
            one = read_mapping(version, path)
        except WizardError:
            return False
        return _is_manifest(one) and _normalize(one) == wanted

    return is_same(text) or was_committed(repository, path, is_same)


def _is_manifest(found: object) -> bool:
    if not isinstance(found, Mapping) or not isinstance(about := found.get("metadata"), Mapping):
        return False
    return isinstance(about.get("annotations") or {}, Mapping)


def _normalize(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest without the empty annotations that kubectl adds."""
    about = {key: one for key, one in manifest["metadata"].items() if key != "annotations" or one}
    return {**manifest, "metadata": about}
