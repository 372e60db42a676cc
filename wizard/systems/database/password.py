"""The password of a role, which Airflow will log in with.

Airflow reads it from the store, so the store's value wins where this run can read it. A reference
with a different value is a conflict: creating the role with either value would hide the conflict.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import SecretStr

from wizard.engine.probes import ProbeResult
from wizard.engine.steps import StepStatus
from wizard.errors import ConflictError, Fix

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.systems.database.admin import Admin, DatabaseSpec
    from wizard.systems.store_login import StoreLogin

HANDOVER = "give the database's owner the scripts of: airflow-wizard handover --owner dba"


@dataclass(frozen=True, slots=True)
class KnownPassword:
    """A password and its source."""

    value: SecretStr
    source: str


@dataclass
class Passwords:
    """Looks up each password once; `session` is this run's login to the store, or None."""

    admin: Admin
    session: StoreLogin | None
    _found: dict[str, KnownPassword] = field(default_factory=dict, repr=False)

    def find_password(self, one: DatabaseSpec) -> KnownPassword | StepStatus:
        """Return the password, or a status with the reason why this run does not know it.

        Raises ConflictError when the store and the reference have different values, and WizardError
        when the store does not answer or its value cannot be a password.
        """
        if one.password not in self._found:
            looked = self._read_password(one)
            if isinstance(looked, StepStatus):
                return looked
            self._found[one.password] = looked
        return self._found[one.password]

    def _read_password(self, one: DatabaseSpec) -> KnownPassword | StepStatus:
        reference, held = one.fact.reference, self.admin.role_passwords[one.password]
        payload, reason = self.session.read_payload() if self.session else (None, "")
        stored = payload.get(one.fact) if payload else None
        if payload is not None and stored is not None:
            if not isinstance(held, ProbeResult) and not _is_same(held, stored):
                raise ConflictError(
                    f"{one.password} ({reference}) differs from {one.fact.key} in "
                    f"{payload.name}, and Airflow logs in with the store's",
                    "set both to the password of the role",
                )
            return KnownPassword(SecretStr(stored), payload.name)
        if not isinstance(held, ProbeResult):
            return KnownPassword(held, str(reference))
        if payload is not None:
            reason = f"{payload.name} has no {one.fact.key}"
        kept = reference is None or reference.kind in {"generate", "store"}
        if kept and reason:
            return StepStatus("unknown", f"password not known here: {reason}", Fix(HANDOVER))
        fix = Fix(HANDOVER)
        if held.fix and not kept:
            fix = Fix(f"{held.fix}; or {HANDOVER}", held.fix.question)
        return StepStatus("unknown", f"password not known here: {held.detail}", fix)


def _is_same(one: SecretStr, other: str) -> bool:
    return hmac.compare_digest(one.get_secret_value().encode(), other.encode())
