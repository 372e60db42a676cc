"""The Secrets that register repositories and clusters with Argo CD, without keys and passwords.

Source: Argo CD, declarative setup: Secrets in its namespace with a label. `repo-creds` and
`repo-write-creds` are for all repositories whose URL starts with theirs.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from wizard.clients.kube.protocol import Kube, KubeObject, Ref, data_keys
from wizard.deliveries.argocd.manifests import REPOSITORY_LABEL

REPOSITORY, PREFIX = "repository", "repo-creds"
# All kinds that name a repository, and all that may name a project.
REPOSITORY_KINDS = (REPOSITORY, PREFIX, "repository-write", "repo-write-creds")
SCOPED_KINDS = (*REPOSITORY_KINDS, "cluster")
_FIELDS = ("url", "project", "insecure", "insecureIgnoreHostKey")


@dataclass(frozen=True, slots=True)
class ArgoSecret:
    """One Secret: its kind by the label, and its fields that are no secret."""

    kind: str
    name: str
    fields: Mapping[str, str] = field(default_factory=dict)


def list_secrets(
    kube: Kube, namespace: str, kinds: Collection[str], key: str = "url"
) -> Iterator[ArgoSecret]:
    """Yield the Secrets of these kinds that have a key, by kind. Raises KubeError.

    The API server returns only whole Secrets; keys and passwords in them are dropped unread.
    """
    selector = f"{REPOSITORY_LABEL} in ({','.join(kinds)})"
    found = kube.find("v1", "Secret", namespace, labels=selector, metadata=True)
    for kind in kinds:
        for one in found:
            about = one["metadata"]
            known = data_keys(one)
            if about["labels"][REPOSITORY_LABEL] != kind or (known and key not in known):
                continue
            name = str(about["name"])
            whole = kube.get(Ref("v1", "Secret", name, namespace))
            yield ArgoSecret(kind, name, _read_fields(whole or {}))


def _read_fields(secret: KubeObject) -> dict[str, str]:
    data = secret.get("data") or {}
    found = {}
    for name in _FIELDS:
        try:
            found[name] = base64.b64decode(data.get(name) or "", validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found
