"""What others made with an owner of ours: the cluster deletes it with its owner, and asks nobody.

A backup that was made with `kubectl get secret -o yaml` still names the ExternalSecret that owned
the original. Source: Kubernetes, garbage collection; External Secrets, creationPolicy Owner;
CloudNativePG, pages "Certificates", "Connecting from an application" and "Storage".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.cloudnativepg import API_VERSION, CLUSTER
from wizard.systems.cluster.ownership import UnknownOwnerStatus

# Other kinds that have owners hold no data.
DATA_KINDS = (("v1", "Secret"), ("v1", "ConfigMap"), ("v1", "PersistentVolumeClaim"))
# What CloudNativePG adds to the name of a Cluster.
_OF_CLUSTER = {
    "Secret": re.compile("-(?:ca|server|replication|app|superuser)"),
    "PersistentVolumeClaim": re.compile("-[0-9]{1,9}(?:-wal|-tbs-.{1,200})?"),
}


def check_dependents(
    kube: Kube, owners: Mapping[str, KubeObject], namespace: str
) -> Iterator[UnknownOwnerStatus]:
    """Yield why owners, by their UIDs, must not be deleted; raises KubeError."""
    for api, kind in DATA_KINDS if owners else ():
        for one in kube.find(api, kind, namespace, metadata=True):
            about = one["metadata"]
            ref = Ref(api, kind, about["name"], namespace)
            for named in about.get("ownerReferences") or []:
                owner = owners.get(str(named.get("uid")))
                if owner is not None and not is_made_for(ref, owner):
                    yield _refuse(ref, one, owner)


def is_made_for(ref: Ref, owner: KubeObject) -> bool:
    """Return whether a controller makes this for its owner, among the kinds of `DATA_KINDS`.

    Claims of StatefulSets and Clusters have checks of their own, since `--data volumes` decides
    about them.
    """
    kinds, name = (ref.kind, owner.get("kind")), owner["metadata"]["name"]
    if kinds == ("PersistentVolumeClaim", "StatefulSet"):
        place, _, ordinal = ref.name.rpartition("-")
        return ordinal.isdecimal() and place.endswith(f"-{name}")
    if owner.get("kind") == CLUSTER and owner.get("apiVersion") == API_VERSION:
        more = _OF_CLUSTER.get(ref.kind)
        return bool(
            more and ref.name.startswith(name) and more.fullmatch(ref.name.removeprefix(name))
        )
    if kinds != ("Secret", "ExternalSecret"):
        return False
    target = (owner.get("spec") or {}).get("target") or {}
    return bool(ref.name == (target.get("name") or name))


def _refuse(ref: Ref, found: KubeObject, owner: KubeObject) -> UnknownOwnerStatus:
    name = f"{owner['kind']} {owner['metadata']['name']}"
    return UnknownOwnerStatus(
        "blocked",
        f"{ref} would be deleted with {escape_unprintable(name)}, which it names as its owner",
        Fix(
            f"to keep it: kubectl -n {ref.namespace} patch {ref.kind.lower()} {ref.name} "
            '--type merge -p \'{"metadata":{"ownerReferences":null}}\''
        ),
        f"{ref} {found['metadata'].get('uid')}",
    )
