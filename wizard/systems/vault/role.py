"""The store's role at the Kubernetes auth mount, exactly as committed.

The role is written with a raw request: the client library's helper supports neither token_policies
nor alias_name_source (facts on Vault, section 2.9).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.durations import duration_seconds
from wizard.stores.vault.manifests import role_file
from wizard.stores.vault.steps import role_step
from wizard.systems.vault.files import diff_texts, difference_status
from wizard.systems.vault.looks import role_path
from wizard.systems.vault.ownership import judge_role
from wizard.systems.vault.session import leave_to_vault_owner
from wizard.workspace.committed import was_committed

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target
    from wizard.systems.vault.auth_mount import AuthMount
    from wizard.systems.vault.session import VaultLogin

# Older names of the token_ fields: Vault returns them together with the new ones (path_role.go).
_DEPRECATED = frozenset({"policies", "ttl", "max_ttl", "period", "num_uses", "bound_cidrs"})
_DEFAULTS = {"token_type": "default", "alias_name_source": "serviceaccount_uid"}
_TIMES = ("_ttl", "_period")


class Role:
    """The role a store logs in with (by default the installation's store), as committed."""

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
        self._own = target.release.owner_id
        self._step = role_step(store).id
        self._agreed = target.agreed.get(self._step, "")

    @property
    def command(self) -> str:
        """The command for Vault's owner."""
        return f"vault write {self._path} @{self._file}"

    @property
    def is_existing(self) -> bool | None:
        """Whether the role exists; None if this token cannot read it."""
        found = self._session.read_path(self._path)
        return None if found.hidden else found.data is not None

    def look(self) -> StepStatus:
        """Compare the role with the committed file, field by field."""
        found = self._session.read_path(self._path)
        if found.hidden:
            return leave_to_vault_owner(f"this token cannot read role {self._name}", self.command)
        if found.data is None:
            return self._check_missing()
        theirs, ours = normalize_role(found.data), normalize_role(json.loads(self._text))
        if theirs == ours:
            return StepStatus("holds", f"role {self._name} matches the committed file")
        own = was_committed(self._repository, self._file, lambda text: parse_role(text) == theirs)
        if own and not self._session.may(self._path, "update"):
            return leave_to_vault_owner(f"role {self._name} is out of date", self.command)
        question = self._store.question("role")
        return difference_status(
            f"role {self._name}",
            diff_texts(self._file, render_role(theirs), render_role(ours)),
            own=own,
            owner=judge_role(found.data, self._own, self._session.read_policy),
            step=self._step,
            agreed=self._agreed,
            fix=Fix(
                f"set {question} to a different role, or ask the role's owner to delete it: "
                f"vault delete {self._path}",
                question,
            ),
        )

    def _check_missing(self) -> StepStatus:
        why = f"role {self._name} at auth/{self._store.auth_mount} does not exist yet"
        if not self._session.may(self._path, "create") or not self._mount.will_exist:
            return leave_to_vault_owner(why, self.command)
        return StepStatus("wanted", why)

    def change(self) -> str:
        """Write the role."""
        self._session.call("POST", self._path, json.loads(self._text))
        return f"wrote role {self._name}"

    def dry_run_change(self) -> str:
        """Return the request that a real run would send."""
        return f"POST {self._path}"


def normalize_role(role: Mapping[str, Any]) -> dict[str, object]:
    """Return a comparable role: times in seconds, lists sorted, defaults removed."""
    found: dict[str, object] = {}
    for name, value in role.items():
        plain = _normalize_value(name, value)
        if plain and name not in _DEPRECATED and plain != _DEFAULTS.get(name):
            found[name] = plain
    return found


def _normalize_value(name: str, value: object) -> object:
    if isinstance(value, str) and name.endswith(_TIMES):
        try:
            return duration_seconds(value)
        except ValueError:
            return value
    if isinstance(value, list):
        # Vault stores policy names in lower case.
        fold = name == "token_policies"
        return sorted({str(one).lower() if fold else str(one) for one in value})
    return value


def parse_role(text: str) -> dict[str, object]:
    """Return the normalized role of a file; empty if the file does not hold a role."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return normalize_role(found) if isinstance(found, dict) else {}


def render_role(role: Mapping[str, object]) -> str:
    """Return a role as sorted JSON, for a diff."""
    return json.dumps(role, indent=2, sort_keys=True) + "\n"
