"""The payload in Secrets Manager: a secret for each key.

A creation is check-and-set: AWS refuses it if a secret has the name, also one whose deletion is
scheduled. So no value is ever replaced, whoever writes at the same time. Values are written one by
one: an interrupted run leaves some of them, and the next run writes the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wizard.clients.vault.protocol import StoredSecret
from wizard.engine.steps import seal_text
from wizard.errors import ConflictError, Fix, RefusedError, WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.ownership import Ownership
from wizard.stores.aws.live.client import SecretAbout, SecretsManager
from wizard.stores.aws.live.errors import AwsError
from wizard.stores.aws.live.ownership import judge_tags, make_tags
from wizard.stores.aws.settings import AwsSettings
from wizard.stores.aws.steps import payload_step
from wizard.systems.payload_store import Claim, HiddenPlace, WriteConflictError


def restore_command(store: AwsSettings, name: str) -> str:
    """Return the command that ends the deletion of a secret."""
    return f"aws secretsmanager restore-secret --region {store.region} --secret-id {name}"


@dataclass(slots=True)
class AwsPayloadStore:
    """The secrets of one prefix, for the keys that the installation uses.

    `source` is recorded in the tags of every secret that is created. The version of the payload is
    the number of its secrets.
    """

    client: SecretsManager
    store: AwsSettings
    keys: Sequence[str]
    source: str = ""
    _held: dict[str, SecretAbout] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Prefix, account and region, for messages."""
        return self.store.place

    @property
    def document(self) -> bool:
        """Secrets Manager has a secret for each value."""
        return False

    @property
    def question(self) -> str:
        """The question that sets the prefix."""
        reader = self.store.reader
        return f"delivery.{reader}.aws.prefix" if reader else "secrets.aws.prefix"

    def show_version(self, version: int) -> str:
        """Return nothing: each secret has versions of its own."""
        del version
        return ""

    def read(self) -> StoredSecret | None:
        """Return all values; None if there is none. Raises RefusedError for deleted secrets."""
        values: dict[str, Any] = {}
        held: dict[str, SecretAbout] = {}
        deleted: list[str] = []
        for key in self.keys:
            name = self.store.secret_name(key)
            about = self.client.describe(name)
            if about is None:
                continue
            if about.is_deleted:
                deleted.append(name)
                continue
            value = self.client.get(name)
            if value is None:
                raise RefusedError(
                    f"{name} in {self.store.title} exists and has no value; nothing was changed",
                    "give it one (aws secretsmanager put-secret-value --secret-string file://PATH "
                    f"--secret-id {name}), or ask who made it",
                )
            held[key], values[key] = about, value
        if deleted:
            raise self._refuse_deleted(deleted)
        self._held = held
        return StoredSecret(values, len(values)) if values else None

    def _refuse_deleted(self, names: Sequence[str]) -> RefusedError:
        commands = "; ".join(restore_command(self.store, name) for name in names[:3])
        more = " (and so on)" if len(names) > 3 else ""
        return RefusedError(
            f"the deletion of {', '.join(names)} in {self.store.title} is scheduled; they may hold "
            "the values in use, and no new value is generated",
            f"restore: {commands}{more}; then run this again. The wizard restores none by itself",
        )

    def read_version(self, version: int) -> StoredSecret | None:
        """Return None: a secret that is missing has no older versions either."""
        del version
        return None

    def explain_refusal(self, error: WizardError) -> HiddenPlace | None:
        """Return why a look failed at this place; None if AWS as a whole failed."""
        if isinstance(error, AwsError):
            return HiddenPlace(error.message) if error.kind in {"forbidden", "key"} else None
        return HiddenPlace(error.message) if isinstance(error, RefusedError) else None

    def judge(self, version: int) -> Claim:
        """Return whose the secrets are that the last `read` found; ours if there is none."""
        owners = {key: judge_tags(one.tags, self.source) for key, one in self._held.items()}
        foreign = [one for one in owners.values() if one.is_proven_foreign]
        if foreign:
            fix = Fix(f"set {self.question} to a prefix of this installation", self.question)
            return Claim(foreign[0], fix=fix)
        unknown = sorted(key for key, one in owners.items() if not one.is_ours)
        if not unknown:
            return Claim(Ownership("ours", "is of this installation"))
        named = ", ".join(self.store.secret_name(key) for key in unknown)
        reason = f"has secrets without the tag of a repository ({named})"
        seen = " ".join(f"{key} {self._held[key].updated}" for key in unknown)
        seal = seal_text(f"{self.name} {version} {seen}")
        return Claim(Ownership("unknown", reason), f"{payload_step(self.store).id}@{seal}")

    def write(self, data: Mapping[str, object], cas: int, agreed: str = "") -> int:
        """Create the secrets that do not exist yet, and return how many there are then.

        WriteConflictError if somebody created the first one since `read`: nothing was written.
        ConflictError if they created a later one; it is kept. RefusedError for secrets of others,
        and for deleted ones.
        """
        claim = self.judge(cas)
        owner = claim.owner
        if not owner.is_ours and not (claim.seal and claim.seal == agreed):
            raise RefusedError(
                f"{self.name} {escape_unprintable(owner.reason)}; nothing was written",
                claim.fix if owner.is_proven_foreign else "run this again, which asks about it",
            )
        new = {key: str(value) for key, value in data.items() if key not in self._held}
        written: list[str] = []
        for key, value in new.items():
            name = self.store.secret_name(key)
            try:
                self.client.create(name, value, make_tags(self.source, key))
            except AwsError as error:
                left = [one for one in new if one not in written]
                raise self._explain(error, name, written, left) from None
            written.append(key)
        return len(self._held) + len(written)

    def _explain(
        self, error: AwsError, name: str, written: Sequence[str], left: Sequence[str]
    ) -> Exception:
        """Return what a failed creation comes to, with what AWS has now."""
        state = f"written: {', '.join(written) or 'none'}; not written: {', '.join(left)}"
        if error.kind == "exists" and self._is_deleted(name):
            error.kind = "deleted"
        if error.kind == "deleted":
            refused = self._refuse_deleted([name])
            refused.message += f"; {state}"
            return refused
        if error.kind == "exists":
            if not written:
                return WriteConflictError()
            return ConflictError(
                f"somebody else created {name} at the same time, which is kept; {state}",
                "find the other writer, then run this again; only missing values are written",
            )
        error.message += f"; {state}"
        if error.transient:
            error.message += (
                f"; whether {name} was written is not known: run this again, which keeps what is "
                "there"
            )
        return error

    def _is_deleted(self, name: str) -> bool:
        about = self.client.describe(name)
        return about is not None and about.is_deleted
