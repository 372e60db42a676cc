"""The password that a role is to have: what Airflow will log in with.

That is what the store holds, so it counts where this run may read it; a reference that gives
another value is a conflict that a role made from either would only hide.
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

HANDOVER = "the database's owner runs: airflow-wizard handover --owner dba"


@dataclass(frozen=True, slots=True)
class KnownPassword:
    """A password, and where it is from."""

    value: SecretStr
    source: str


@dataclass
class Passwords:
    """Finds each once; `session` is this run's login to the store, None without one."""

    admin: Admin
    session: StoreLogin | None
    _found: dict[str, KnownPassword] = field(default_factory=dict, repr=False)

    def find_password(self, one: DatabaseSpec) -> KnownPassword | StepStatus:
        """The password, or why this run does not know it.

        Raises ConflictError where the store and the reference disagree, and WizardError
        where the store gives no answer or holds what cannot be a password.
        """
        if one.password not in self._found:
            looked = self._read_password(one)
            if isinstance(looked, StepStatus):
                return looked
            self._found[one.password] = looked
        return self._found[one.password]

    def _read_password(self, one: DatabaseSpec) -> KnownPassword | StepStatus:
        reference, held = one.fact.reference, self.admin.role_passwords[one.password]
        payload, lacks = self.session.read_payload() if self.session else (None, "")
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


def _is_same(one: SecretStr, other: str) -> bool:
    return hmac.compare_digest(one.get_secret_value().encode(), other.encode())
