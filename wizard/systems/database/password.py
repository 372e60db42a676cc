"""The password that a role is to have: what Airflow will log in with.

That is what the store holds, so it counts where this run may read it; a reference that gives
another value is a conflict that a role made from either would only hide.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wizard.clients.vault.transport import VaultError
from wizard.engine.probes import ProbeResult
from wizard.engine.steps import StepStatus
from wizard.errors import ConflictError, Fix

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.secrets.payload import Payload
    from wizard.systems.database.admin import Admin, DatabaseSpec
    from wizard.systems.vault.session import VaultLogin

HANDOVER = "the database's owner runs: airflow-wizard handover --owner dba"


@dataclass(frozen=True, slots=True)
class KnownPassword:
    """A password, and where it is from."""

    value: SecretStr
    source: str


@dataclass
class Passwords:
    """Finds each once; `session` is this run's login to Vault, None for another store."""

    admin: Admin
    session: VaultLogin | None
    _found: dict[str, KnownPassword] = field(default_factory=dict, repr=False)

    def find_password(self, one: DatabaseSpec) -> KnownPassword | StepStatus:
        """The password, or why this run does not know it.

        Raises ConflictError where the store and the reference disagree, VaultError where Vault
        gives no answer, and WizardError where the store holds what cannot be a password.
        """
        if one.password not in self._found:
            looked = self._read_password(one)
            if isinstance(looked, StepStatus):
                return looked
            self._found[one.password] = looked
        return self._found[one.password]

    def _read_password(self, one: DatabaseSpec) -> KnownPassword | StepStatus:
        from pydantic import SecretStr

        reference, held = one.fact.reference, self.admin.role_passwords[one.password]
        payload, lacks = self._payload()
        stored = payload.get(one.fact) if payload else None
        if payload is not None and stored is not None:
            if not isinstance(held, ProbeResult) and not _is_same(held, stored):
                raise ConflictError(
                    f"{one.password} ({reference}) is another password than {one.fact.key} in "
                    f"{payload.name}, and Airflow logs in with the store's",
                    "make both the one that the role is to have",
                )
            return KnownPassword(SecretStr(stored), payload.name)
        if not isinstance(held, ProbeResult):
            return KnownPassword(held, str(reference))
        if payload is not None:
            lacks = f"{payload.name} has no {one.fact.key}"
        kept = reference is None or reference.kind in {"generate", "store"}
        if kept and lacks:
            return StepStatus("unknown", f"its password is not known here: {lacks}", Fix(HANDOVER))
        fix = Fix(HANDOVER)
        if held.fix and not kept:
            fix = Fix(f"{held.fix}; or {HANDOVER}", held.fix.question)
        return StepStatus("unknown", f"its password is not known here: {held.detail}", fix)

    def _payload(self) -> tuple[Payload | None, str]:
        """What the store holds, or why this run cannot read it."""
        from wizard.systems.vault.payload_store import VaultPayloadStore, read_state

        session = self.session
        if session is None:
            return None, ""
        if session.vault_address is None:
            return None, "nothing says who this machine is to Vault"
        store = session.store
        try:
            found = session.retry(
                lambda: read_state(
                    VaultPayloadStore(session.vault, store.mount, store.path, store.document)
                )
            )
        except VaultError as error:
            if error.kind not in {"forbidden", "missing"}:
                raise
            session.require_alive()
            return None, f"this login may not read {store.data_path}"
        return found.payload, ""


def _is_same(one: SecretStr, other: str) -> bool:
    return hmac.compare_digest(one.get_secret_value().encode(), other.encode())
