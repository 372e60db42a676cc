"""The values of a release that Helm installed, as Helm keeps them in the cluster. Only reads.

A Secret of Helm holds a whole revision: JSON, gzipped, in base64, and in the base64 of Kubernetes.
Values may hold secrets, so they stay in memory. Source: Helm 3, pkg/storage/driver/util.go.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Ref
from wizard.declarations.declaration import CHART, Declaration
from wizard.declarations.values import EffectiveValues, Layer
from wizard.errors import UsageError, WizardError

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube

KIND = "release"
_MAX = 64 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_FIX = "give the namespace with --namespace, and a user that may get and list Secrets there"


def read_stored_release(kube: Kube, namespace: str, release: str = "") -> Declaration:
    """Return what the deployed revision of Airflow's release declares: values and chart version.

    Without a `release`, the only one of Airflow's chart in the namespace. Raises UsageError if
    there is none or several, and WizardError if the cluster or the revision cannot be read.
    """
    labels = "owner=helm,status=deployed" + (f",name={release}" if release else "")
    try:
        listed = kube.find("v1", "Secret", namespace, labels=labels, metadata=True)
        found = [_read(kube, namespace, str(one["metadata"]["name"])) for one in listed]
    except KubeError as error:
        raise WizardError(f"import --live: {error.message}", _FIX) from None
    ours = [one for one in found if one is not None]
    if not ours:
        named = f"no deployed release {release}" if release else "no deployed release"
        raise UsageError(f"import --live: {named} of Airflow's chart in {namespace}", _FIX)
    if len(ours) > 1:
        names = ", ".join(sorted(one.release for one in ours))
        raise UsageError(
            f"import --live: {len(ours)} releases of Airflow's chart are in {namespace}",
            f"name one with --installation: {names}",
        )
    return ours[0]


def _read(kube: Kube, namespace: str, name: str) -> Declaration | None:
    """Return what one revision declares; None if it is of another chart."""
    found = kube.get(Ref("v1", "Secret", name, namespace))
    data = found.get("data") if found else None
    text = data.get("release") if isinstance(data, Mapping) else None
    try:
        revision = decode_revision(text if isinstance(text, str) else "")
    except ValueError:
        raise WizardError(
            f"import --live: Secret {name} does not hold a revision as Helm 3 writes it",
            "give the values as a file instead: helm get values RELEASE > values.yaml",
        ) from None
    about = _get(revision, "chart", "metadata")
    if not isinstance(about, Mapping) or about.get("name") != CHART:
        return None
    values = revision.get("config")
    values = values if isinstance(values, Mapping) else {}
    return Declaration(
        KIND,
        f"{namespace}/{revision.get('name')}",
        chart=str(about.get("version") or ""),
        release=str(revision.get("name") or ""),
        namespace=namespace,
        found=EffectiveValues(dict(values), [Layer(KIND, "", values)]),
    )


def decode_revision(text: str) -> Mapping[str, Any]:
    """Return a revision from the value in Helm's Secret; ValueError if it is no such value."""
    try:
        packed = base64.b64decode(base64.b64decode(text, validate=True), validate=True)
        if packed.startswith(_GZIP):
            unpack = zlib.decompressobj(wbits=31)
            packed = unpack.decompress(packed, _MAX)
            if unpack.unconsumed_tail:
                raise ValueError("the revision is too large")
        revision = json.loads(packed)
    except (binascii.Error, zlib.error, RecursionError, UnicodeDecodeError) as error:
        raise ValueError("not a revision of Helm") from error
    if not isinstance(revision, dict):
        raise ValueError("not a revision of Helm")
    return revision


def _get(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
