"""The payload store in the cluster: one Secret with a key per value."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeConflictError, KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.clients.vault.protocol import StoredSecret
from wizard.engine.steps import seal_text
from wizard.errors import Fix, RefusedError, WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.objects import object_metadata
from wizard.manifests.ownership import Ownership
from wizard.stores.kubernetes.live.composition import judge_secret
from wizard.stores.kubernetes.steps import SECRETS
from wizard.systems.cluster.objects import explain_error
from wizard.systems.payload_store import Claim, HiddenPlace, WriteConflictError

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.secrets.payload import PayloadPlace


class SecretPayloadStore:
    """The payload in one Secret; a version is one state of it that this run has read.

    A write is a creation, which fails if the Secret exists, or a replacement of exactly the state
    that was read.
    """

    document = False

    def __init__(self, kube: Kube, release: Release, place: PayloadPlace) -> None:
        self._kube = kube
        self._release = release
        self._ref = Ref("v1", "Secret", place.path, place.mount)
        self._states: list[KubeObject] = []

    @property
    def name(self) -> str:
        """Return the Secret and its namespace, for messages."""
        return f"Secret {self._ref.namespace}/{self._ref.name}"

    def read(self) -> StoredSecret | None:
        """Return the values; None if there is no such Secret. Raises KubeError."""
        found = self._kube.get(self._ref)
        if found is None:
            self._states.clear()
            return None
        if found["metadata"].get("deletionTimestamp"):
            raise RefusedError(
                f"{self.name} is being deleted; nothing was changed",
                "wait until it is gone, or find out who deletes it",
            )
        version = found["metadata"]["resourceVersion"]
        if not self._states or self._states[-1]["metadata"]["resourceVersion"] != version:
            self._states.append(found)
        return StoredSecret(_decode(found), len(self._states))

    def show_version(self, version: int) -> str:
        """Return nothing: a Secret has no versions that people count."""
        del version
        return ""

    def read_version(self, version: int) -> StoredSecret | None:
        """Return None: a Secret has no older versions."""
        del version
        return None

    def explain_refusal(self, error: WizardError) -> HiddenPlace | None:
        """Return why a look failed, if this login may not read the Secret."""
        if isinstance(error, KubeError) and error.kind == "forbidden":
            return HiddenPlace(error.message)
        return None

    def judge(self, version: int) -> Claim:
        """Return whose the Secret is; ours if there is none."""
        if version == 0:
            return Claim(Ownership("ours", "is created by this installation"))
        found = self._states[version - 1]
        owner = judge_secret(found, self._release.owner_id)
        if owner.is_ours:
            return Claim(owner)
        if owner.is_proven_foreign:
            fix = Fix("set installation.release to another name", "installation.release")
            return Claim(owner, fix=fix)
        about = found["metadata"]
        seal = seal_text(f"{self._ref} {about['uid']} {about['resourceVersion']}")
        return Claim(owner, f"{SECRETS.id}@{seal}")

    def write(self, data: Mapping[str, object], cas: int, agreed: str = "") -> int:
        """Create the Secret, or replace the state `cas` of it, and return the new version.

        Raises WriteConflictError if it is in another state now, and RefusedError for a Secret of
        others.
        """
        claim = self.judge(cas)
        if not claim.owner.is_ours and not (claim.seal and claim.seal == agreed):
            raise RefusedError(
                f"{self.name} {escape_unprintable(claim.owner.reason)}; nothing was written",
                claim.fix
                if claim.owner.is_proven_foreign
                else "run this again, which asks about it",
            )
        found = self._states[cas - 1] if cas else None
        manifest = self._manifest(data, found)
        try:
            if found is None:
                self._states.append(self._kube.create(manifest))
            else:
                self._states.append(self._kube.replace(manifest))
        except KubeConflictError as error:
            raise WriteConflictError from error
        except KubeError as error:
            explained = explain_error(error)
            explained.message += (
                f"; whether {self.name} was written is not known: run this again, which keeps what "
                "is there"
                if error.kind in {"unreachable", "server"}
                else f"; nothing was written to {self.name}"
            )
            raise explained from None
        return len(self._states)

    def _manifest(self, data: Mapping[str, object], found: KubeObject | None) -> KubeObject:
        about = object_metadata(self._release, self._ref.name)
        before: Mapping[str, Any] = found["metadata"] if found else {}
        for part in ("labels", "annotations"):
            merged = {**(before.get(part) or {}), **(about.get(part) or {})}
            if merged:
                about[part] = merged
        if found:
            about = {**before, **about}
            about.pop("managedFields", None)
        texts = {
            key: base64.b64encode(
                value if isinstance(value, bytes) else str(value).encode()
            ).decode()
            for key, value in data.items()
        }
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": about,
            "type": (found or {}).get("type") or "Opaque",
            "data": texts,
        }


def _decode(found: KubeObject) -> dict[str, Any]:
    """Return the data as text; what is no text stays bytes, which a payload refuses to read."""
    values: dict[str, Any] = {}
    for key, text in (found.get("data") or {}).items():
        raw = base64.b64decode(text)
        try:
            values[key] = raw.decode()
        except UnicodeDecodeError:
            values[key] = raw
    return values
