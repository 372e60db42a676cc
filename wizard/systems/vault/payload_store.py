"""The payload store on a path of a KV version 2 mount."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.clients.vault.transport import VaultConflictError, VaultError, VaultUnroutedError
from wizard.engine.steps import seal_text
from wizard.errors import NO_FIX, Fix, RefusedError, WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.ownership import OWNER_ANNOTATION, Ownership
from wizard.systems.payload_store import Claim, HiddenPlace, WriteConflictError
from wizard.systems.vault.ownership import judge_payload
from wizard.systems.vault.patience import retry_busy

if TYPE_CHECKING:
    from wizard.clients.vault.protocol import StoredSecret, Vault


@dataclass(frozen=True, slots=True)
class VaultPayloadStore:
    """A payload at one path of a KV version 2 mount.

    `source` is recorded in the custom metadata of a payload that this store creates or that the
    operator agrees to fill. `question` sets the path, and `step` is the step that fills it.
    `may_be_moved` returns whether a missing mount may be elsewhere now, with its payload.
    """

    vault: Vault
    mount: str
    path: str
    document: bool
    source: str = ""
    question: str = "secrets.vault.path"
    step: str = "vault.payload"
    may_be_moved: Callable[[], bool] = lambda: True

    @property
    def name(self) -> str:
        """Mount, path and endpoint, for messages."""
        return f"{self.mount}/{self.path} at {self.vault.address.endpoint}"

    def show_version(self, version: int) -> str:
        """Return the version for messages."""
        return f"version {version}"

    def read(self) -> StoredSecret | None:
        """Return the stored secret; None if nothing was ever written."""
        return retry_busy(lambda: self.vault.read(self.mount, self.path))

    def read_version(self, version: int) -> StoredSecret | None:
        """Return an older version; None if Vault no longer keeps it."""
        return retry_busy(lambda: self.vault.read(self.mount, self.path, version))

    def explain_refusal(self, error: WizardError) -> HiddenPlace | None:
        """Return why a look failed at this place; None for a failure of Vault as a whole."""
        if not isinstance(error, VaultError):
            return HiddenPlace(error.message) if isinstance(error, RefusedError) else None
        if error.kind not in {"forbidden", "missing", "version"}:
            return None
        is_moved = isinstance(error, VaultUnroutedError) and self.may_be_moved()
        return HiddenPlace(error.message, is_gone=error.kind == "missing" and not is_moved)

    def judge(self, version: int) -> Claim:
        """Return whose the payload with this newest version is; ours if nothing is stored."""
        about = self._read_metadata()
        if about is None:
            owner = Ownership("unknown", "does not show this login which repository it belongs to")
        else:
            owner = judge_payload(about, self.source)
        if owner.whose != "unknown":
            fix = Fix(f"set {self.question} to a path of this installation", self.question)
            return Claim(owner, fix=NO_FIX if owner.is_ours else fix)
        if version == 0:
            return Claim(Ownership("ours", "is created by this installation"))
        made = (about or {}).get("created_time") or ""
        text = f"{self.name} {made} {version}"
        seal = seal_text(text)
        return Claim(owner, f"{self.step}@{seal}")

    def write(self, data: Mapping[str, object], cas: int, agreed: str = "") -> int:
        """Replace the payload with check-and-set; WriteConflictError if its version has changed.

        Raises RefusedError for a payload that names another source, or that names none and that
        the operator did not agree to.
        """
        claim = self.judge(cas)
        self._require_claim(claim, agreed)
        try:
            version = retry_busy(lambda: self.vault.write(self.mount, self.path, data, cas))
        except VaultConflictError as error:
            raise WriteConflictError from error
        except VaultError as error:
            # Vault may have stored the values of a request that it did not answer.
            error.message += (
                f"; whether {self.name} was written is not known: run this again, which keeps what "
                "is there"
                if error.kind in {"unreachable", "server"}
                else f"; nothing was written to {self.name}"
            )
            raise
        if self.source and (cas == 0 or claim.seal):
            self._record_source()
        return version

    def _require_claim(self, claim: Claim, agreed: str) -> None:
        owner = claim.owner
        if owner.is_ours or (claim.seal and claim.seal == agreed):
            return
        raise RefusedError(
            f"{self.name} {escape_unprintable(owner.reason)}; nothing was written",
            claim.fix if owner.is_proven_foreign else "run this again, which asks about it",
        )

    def _read_metadata(self) -> Mapping[str, Any] | None:
        """Return the payload's metadata, empty if there is none; None if it is not readable."""
        name = f"{self.mount}/metadata/{self.path}"
        try:
            return retry_busy(lambda: self.vault.call("GET", name)).data
        except VaultError as error:
            if error.kind not in {"forbidden", "missing"}:
                raise
            return {} if error.kind == "missing" else None

    def _record_source(self) -> None:
        """Say whose the payload is, beside what else its metadata says.

        If it cannot be read or written, the owner stays unknown: the values are written already,
        which an error here would hide.
        """
        name = f"{self.mount}/metadata/{self.path}"
        with suppress(VaultError):
            about = self._read_metadata()
            if about is None:
                return
            custom = {**(about.get("custom_metadata") or {}), OWNER_ANNOTATION: self.source}
            retry_busy(lambda: self.vault.call("POST", name, {"custom_metadata": custom}))
