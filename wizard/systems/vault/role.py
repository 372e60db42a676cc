"""The store's role at the Kubernetes auth mount, exactly as committed.

Written with the raw request: a client's own helper knows neither token_policies nor
alias_name_source (facts on Vault, section 2.9).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.durations import duration_seconds
from wizard.stores.vault.manifests import role_file
from wizard.systems.vault.files import diff_texts, difference_status
from wizard.systems.vault.looks import role_path
from wizard.systems.vault.session import leave_to_vault_owner
from wizard.workspace.committed import was_committed

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target
    from wizard.systems.vault.auth_mount import AuthMount
    from wizard.systems.vault.session import VaultLogin

# Older names of the token_ fields: Vault shows them beside the new ones (path_role.go).
_DEPRECATED = frozenset({"policies", "ttl", "max_ttl", "period", "num_uses", "bound_cidrs"})
_DEFAULTS = {"token_type": "default", "alias_name_source": "serviceaccount_uid"}
_TIMES = ("_ttl", "_period")


class Role:
    """Who may log in as a store (by default the installation's), and what that login carries."""

    def __init__(
        self,
        target: Target,
        session: VaultLogin,
        mount: AuthMount,
        store: VaultSettings | None = None,
    ) -> None:
        store = store or session.store
        self._session = session
        self._store = store
        self._mount = mount
        self._repository = target.repository
        self._name = store.role
        self._path = role_path(store)
        self._file = role_file(target.release, store).path
        self._text = target.text(f"vault/{store.qualified_name('role')}")

    @property
    def command(self) -> str:
        """What Vault's owner runs instead."""
        return f"vault write {self._path} @{self._file}"

    @property
    def is_existing(self) -> bool | None:
        """Whether the role stands; None where that may not be read."""
        found = self._session.read_path(self._path)
        return None if found.hidden else found.data is not None

    def look(self) -> StepStatus:
        """Whether the role means what the committed file means, field by field."""
        found = self._session.read_path(self._path)
        if found.hidden:
            return leave_to_vault_owner(
                f"this token may not read the role {self._name}", self.command
            )
        if found.data is None:
            return self._check_missing()
        theirs, ours = normalize_role(found.data), normalize_role(json.loads(self._text))
        if theirs == ours:
            return StepStatus("holds", f"the role {self._name} is as committed")
        own = was_committed(self._repository, self._file, lambda text: parse_role(text) == theirs)
        if own and not self._session.may(self._path, "update"):
            return leave_to_vault_owner(f"the role {self._name} is out of date", self.command)
        question = self._store.question("role")
        return difference_status(
            f"role {self._name}",
            diff_texts(self._file, render_role(theirs), render_role(ours)),
            own=own,
            fix=Fix(
                f"name another role in {question}, or have its owner delete it: "
                f"vault delete {self._path}",
                question,
            ),
        )

    def _check_missing(self) -> StepStatus:
        why = f"there is no role {self._name} at auth/{self._store.auth_mount} yet"
        if not self._session.may(self._path, "create") or not self._mount.will_exist:
            return leave_to_vault_owner(why, self.command)
        return StepStatus("wanted", why)

    def change(self) -> str:
        """Write it."""
        self._session.call("POST", self._path, json.loads(self._text))
        return f"wrote the role {self._name}"

    def dry_run_change(self) -> str:
        """The request that would be sent."""
        return f"POST {self._path}"


def normalize_role(role: Mapping[str, Any]) -> dict[str, object]:
    """What a role says, however it is written: times in seconds, lists in order, no defaults."""
    found: dict[str, object] = {}
    for name, value in role.items():
        said = _normalize_value(name, value)
        if said and name not in _DEPRECATED and said != _DEFAULTS.get(name):
            found[name] = said
    return found


def _normalize_value(name: str, value: object) -> object:
    if isinstance(value, str) and name.endswith(_TIMES):
        try:
            return duration_seconds(value)
        except ValueError:
            return value
    if isinstance(value, list):
        # Vault keeps names of policies in lower case.
        fold = name == "token_policies"
        return sorted({str(one).lower() if fold else str(one) for one in value})
    return value


def parse_role(text: str) -> dict[str, object]:
    """What a role's file says; empty for one that is no role."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return normalize_role(found) if isinstance(found, dict) else {}


def render_role(role: Mapping[str, object]) -> str:
    """A role for a diff: what it says, in one order."""
    return json.dumps(role, indent=2, sort_keys=True) + "\n"
