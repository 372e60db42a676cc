"""The payload in a Key Vault: a secret for each key.

The promise is weaker than in Vault. A Key Vault has no check-and-set: a write adds a version,
whoever wrote the one before. So a value is written only after the Key Vault said that the name has
no secret, deleted ones included; and afterwards the list of versions tells whether somebody else
wrote at the same time. Values are written one by one, so an interrupted run leaves some of them;
the next run writes the others.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wizard.clients.azure.errors import KeyVaultError
from wizard.clients.azure.key_vault import KeyVault, StoredValue
from wizard.clients.vault.protocol import StoredSecret
from wizard.engine.steps import seal_text
from wizard.errors import ConflictError, Fix, RefusedError, WizardError
from wizard.formats.azure import format_secret_name
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.ownership import Ownership
from wizard.systems.azure.ownership import judge_tags, make_tags
from wizard.systems.payload_store import Claim, HiddenPlace, WriteConflictError

NO_CHECK_AND_SET = (
    "note: a Key Vault has no check-and-set, so this promise is weaker than Vault's: values are "
    "created only where the name has no secret, read back, and a second writer is reported; make "
    "sure that nobody else runs this now"
)


@dataclass(slots=True)
class KeyVaultPayloadStore:
    """The secrets of one prefix, for the keys that the installation uses.

    `source` is recorded in the tags of every secret that is created. `question` sets the prefix,
    and `step` is the step that fills the store. The version of the payload is the number of its
    secrets.
    """

    vault: KeyVault
    prefix: str
    keys: Sequence[str]
    source: str = ""
    question: str = "secrets.azure.prefix"
    step: str = "azure.payload"
    _held: dict[str, StoredValue] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Prefix and Key Vault, for messages."""
        return f"{self.prefix}-* in {self.vault.endpoint}"

    @property
    def document(self) -> bool:
        """A Key Vault has a secret for each value."""
        return False

    def show_version(self, version: int) -> str:
        """Return nothing: each secret has versions of its own."""
        del version
        return ""

    def secret_name(self, key: str) -> str:
        """Return the name of the secret of a key."""
        return format_secret_name(self.prefix, key)

    def read(self) -> StoredSecret | None:
        """Return all values; None if there is none. Raises RefusedError for deleted secrets."""
        found: dict[str, StoredValue] = {}
        deleted: list[str] = []
        for key in self.keys:
            name = self.secret_name(key)
            value = self.vault.get(name)
            if value is not None:
                found[key] = value
            elif self.vault.is_deleted(name):
                deleted.append(name)
        if deleted:
            raise self._refuse_deleted(deleted)
        self._held = found
        if not found:
            return None
        return StoredSecret({key: one.value for key, one in found.items()}, len(found))

    def _refuse_deleted(self, names: Sequence[str]) -> RefusedError:
        several = "secrets" if len(names) > 1 else "a secret"
        commands = "; ".join(
            f"az keyvault secret recover --vault-name {self.vault.name} --name {name}"
            for name in names[:3]
        )
        more = " (and so on)" if len(names) > 3 else ""
        return RefusedError(
            f"{self.vault.endpoint} has deleted {several} of this installation, which may hold the "
            f"values in use: {', '.join(names)}; no new value is generated",
            f"recover: {commands}{more}; then run this again. The wizard never purges a secret",
        )

    def read_version(self, version: int) -> StoredSecret | None:
        """Return None: a secret that is missing has no older versions either."""
        del version
        return None

    def explain_refusal(self, error: WizardError) -> HiddenPlace | None:
        """Return why a look failed at this place; None if the Key Vault as a whole failed."""
        if isinstance(error, KeyVaultError):
            is_here = error.kind in {"forbidden", "disabled"}
            return HiddenPlace(error.message) if is_here else None
        return HiddenPlace(error.message) if isinstance(error, RefusedError) else None

    def judge(self, version: int) -> Claim:
        """Return whose the secrets are that the last `read` found; ours if there is none."""
        owners = {key: judge_tags(one.tags, self.source) for key, one in self._held.items()}
        foreign = [key for key, one in owners.items() if one.is_proven_foreign]
        if foreign:
            fix = Fix(f"set {self.question} to a prefix of this installation", self.question)
            return Claim(owners[foreign[0]], fix=fix)
        unknown = [key for key, one in owners.items() if not one.is_ours]
        if not unknown:
            return Claim(Ownership("ours", "is of this installation"))
        named = ", ".join(self.secret_name(key) for key in unknown)
        reason = f"has secrets without the tag of a repository ({named})"
        seen = " ".join(f"{key} {self._held[key].version}" for key in sorted(unknown))
        return Claim(
            Ownership("unknown", reason),
            f"{self.step}@{seal_text(f'{self.name} {version} {seen}')}",
        )

    def write(self, data: Mapping[str, object], cas: int, agreed: str = "") -> int:
        """Create the secrets that do not exist yet, and return how many there are then.

        WriteConflictError if somebody created one since `read`: nothing was written. ConflictError
        if somebody wrote one at the same time. RefusedError for secrets of others, and for deleted
        ones.
        """
        claim = self.judge(cas)
        owner = claim.owner
        if not owner.is_ours and not (claim.seal and claim.seal == agreed):
            raise RefusedError(
                f"{self.name} {escape_unprintable(owner.reason)}; nothing was written",
                claim.fix if owner.is_proven_foreign else "run this again, which asks about it",
            )
        new = {key: str(value) for key, value in data.items() if key not in self._held}
        self._require_absent(new)
        written: dict[str, str] = {}
        for key, value in new.items():
            try:
                tags = make_tags(self.source, key)
                written[key] = self.vault.create(self.secret_name(key), value, tags)
            except KeyVaultError as error:
                self._add_state(error, key, new, written)
                raise
        self._require_sole_writer(new, written)
        return len(self._held) + len(written)

    def _require_absent(self, new: Mapping[str, str]) -> None:
        """Look once more before the first write: it cannot be made conditional."""
        deleted = []
        for key in new:
            name = self.secret_name(key)
            if self.vault.get(name) is not None:
                raise WriteConflictError
            if self.vault.is_deleted(name):
                deleted.append(name)
        if deleted:
            raise self._refuse_deleted(deleted)

    def _add_state(
        self, error: KeyVaultError, key: str, new: Mapping[str, str], written: Mapping[str, str]
    ) -> None:
        """Say which values the Key Vault has now."""
        left = [one for one in new if one not in written]
        done = ", ".join(written) or "none"
        error.message += f"; written: {done}; not written: {', '.join(left)}"
        if error.kind in {"unreachable", "server"}:
            error.message += (
                f"; whether {key} was written is not known: run this again, which keeps what is "
                "there"
            )
        if error.kind == "deleted":
            name = self.secret_name(key)
            error.fix = Fix(
                f"recover it: az keyvault secret recover --vault-name {self.vault.name} "
                f"--name {name}; then run this again"
            )

    def _require_sole_writer(self, new: Mapping[str, str], written: Mapping[str, str]) -> None:
        """Raise ConflictError if a secret has versions of others, or another value than ours."""
        raced, lost = [], []
        for key, version in written.items():
            name = self.secret_name(key)
            now = self.vault.get(name)
            held = (now.value if now else "").encode()
            if not hmac.compare_digest(held, new[key].encode()):
                lost.append(name)
            elif set(self.vault.list_versions(name)) - {version}:
                raced.append(name)
        if not raced and not lost:
            return
        parts = []
        if lost:
            parts.append(f"another value is in effect for {', '.join(lost)}")
        if raced:
            parts.append(f"another version is below ours for {', '.join(raced)}")
        raise ConflictError(
            f"somebody else wrote to {self.vault.endpoint} at the same time, which a Key Vault "
            f"cannot prevent: {'; '.join(parts)}",
            "find the other writer (az keyvault secret list-versions), agree on the newest version "
            "of each, and restart whatever has read another one; nothing was overwritten by hand: "
            "all versions are kept",
        )
