"""Who uses a policy or a path of Vault: both stay while others do, or while that is unknown.

See `wizard.systems.vault.givers` for what gives policies, and `wizard.systems.vault.tokens`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wizard.formats.terminal import escape_unprintable
from wizard.stores.vault.checks.hcl import HclError, parse_policy
from wizard.systems.vault.givers import list_givers, list_names
from wizard.systems.vault.tokens import UNSEEN, OwnToken, find_holders, read_own_token

if TYPE_CHECKING:
    from wizard.systems.vault.looks import PathState
    from wizard.systems.vault.session import VaultLogin


@dataclass(slots=True)
class Users:
    """The paths of users, and the paths that could not be searched.

    `covering` holds the policies that let others read a path by a wildcard, without naming it.
    `hidden` is what few logins may see, so that it stays unknown without stopping a removal.
    """

    found: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    covering: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    @property
    def conclusion(self) -> str:
        """What the search showed, if it found nobody."""
        if self.hidden:
            return f"no role, user or group uses it; unknown: {', '.join(self.hidden)}"
        return "no role, user, group or listed token uses it"

    def add(self, other: Users, own: Collection[str] = ()) -> None:
        """Add what another search found, without the paths in `own`."""
        self.found += [one for one in other.found if one not in {*own, *self.found}]
        self.unread += [one for one in other.unread if one not in self.unread]
        self.hidden += [one for one in other.hidden if one not in self.hidden]


def find_policy_users(
    session: VaultLogin, policy: str, own: Collection[str] = (), *, tokens: bool = True
) -> Users:
    """Return everything that gives a policy, without the paths in `own`. Raises VaultError.

    Without `tokens`, only what is configured: roles, users and groups.
    """
    givers = list_givers(session)
    users = Users(
        [one.path for one in givers.found if one.gives(policy) and one.path not in own],
        [*givers.unread],
    )
    if tokens:
        held = find_holders(session, policy, own)
        if held is None:
            users.hidden.append(UNSEEN)
        users.found += held or ()
    return users


def find_path_users(
    session: VaultLogin, path: str, policies: Collection[str], roles: Collection[str]
) -> Users:
    """Return who else may use a path or one below it. Raises VaultError.

    `policies` are this installation's, and `roles` the paths of its roles: what else gives one of
    these policies is a user. Of the other policies, those that name the path are users, and those
    that cover it by a wildcard are in `covering`. The policies of this login allow the removal, so
    they are no users; they are in `covering` if somebody else has them too. Policies for the whole
    of Vault are left out.
    """
    users = Users()
    ours = {one.lower() for one in policies}
    for policy in sorted(ours):
        users.add(find_policy_users(session, policy, roles))
    login = read_own_token(session)
    every = _list_policies(session)
    if every is None:
        users.unread.append("sys/policies/acl")
    for name, found in (every or {}).items():
        if name in ours:
            continue
        text = str((found.data or {}).get("policy") or "")
        shown = f"policy {escape_unprintable(name)}"
        is_mine = name in login.policies
        if found.hidden:
            if is_mine:
                users.hidden.append(f"what {shown} of this login allows others")
            else:
                users.unread.append(f"sys/policies/acl/{name}")
            continue
        named = [one for one in _read_paths(text) if _is_at(one, path)]
        covering = _find_covering(text, path)
        if is_mine:
            if (named or covering) and (others := _find_others(session, users, name, login)):
                given = escape_unprintable(", ".join(others))
                users.covering.append(
                    f"{shown} ({escape_unprintable(', '.join(named or covering))}; also {given})"
                )
        elif named:
            users.found.append(shown)
        elif covering:
            users.covering.append(f"{shown} ({escape_unprintable(', '.join(covering))})")
    return users


def _list_policies(session: VaultLogin) -> dict[str, PathState] | None:
    """Return all policies but root; None if this login cannot list them."""

    def read() -> dict[str, PathState] | None:
        names = list_names(session, "sys/policies/acl")
        if names is None:
            return None
        return {one: session.read_policy(one) for one in names if one != "root"}

    return session.read_recently("policies", read)


def _find_others(session: VaultLogin, users: Users, policy: str, login: OwnToken) -> list[str]:
    """Return who else has a policy of this login; the login's own role or user does not count."""
    if policy == "default":
        return ["every token"]
    given = find_policy_users(session, policy, login.entries, tokens=False)
    users.unread += [one for one in given.unread if one not in users.unread]
    return given.found


def _read_paths(policy: str) -> list[str]:
    text = "\n".join(one for one in policy.splitlines() if not one.lstrip().startswith(("#", "//")))
    # HCL, or the same as JSON.
    return re.findall(r'\bpath\s+"([^"]+)"', text) + re.findall(r'"([^"]+)"\s*:\s*\{', text)


def _is_at(one: str, path: str) -> bool:
    plain = one.rstrip("*").strip("/")
    return plain == path or plain.startswith(f"{path}/")


def _find_covering(policy: str, path: str) -> list[str]:
    """Return the patterns of a policy that let its users read a path by a wildcard."""
    try:
        given = [(one.path, "read" in one.capabilities) for one in parse_policy(policy)]
    except HclError:
        # JSON, or words of earlier versions of Vault.
        given = [(one, True) for one in _read_paths(policy)]
    return [one for one, is_reading in given if is_reading and _is_covered(path, one)]


def _is_covered(path: str, pattern: str) -> bool:
    plain = pattern.strip("/")
    if not plain.strip("*+/"):
        return False
    head, template, rest = plain.partition("{{")
    # A template may become any text.
    wanted = _match_segments(head)
    if template:
        wanted += ".+" + _match_segments(rest.rpartition("}}")[2])
    return re.fullmatch(wanted, path, re.DOTALL) is not None


def _match_segments(pattern: str) -> str:
    """Return the expression for a part of a pattern: `+` is one segment, a final `*` anything."""
    plain, end = (pattern[:-1], ".*") if pattern.endswith("*") else (pattern, "")
    found = ("[^/]+" if one == "+" else re.escape(one) for one in plain.split("/"))
    return "/".join(found) + end
