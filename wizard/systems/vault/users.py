"""Who uses a policy or a path of Vault: both stay while others do, or while that is unknown.

Source: Vault's API of each auth method (the lists of roles, users and groups), of the identity
engine and of the token store. A method that is not listed here cannot be searched.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wizard.clients.vault.transport import VaultError
from wizard.formats.terminal import escape_unprintable

if TYPE_CHECKING:
    from wizard.systems.vault.session import VaultLogin

# Where each auth method lists what may give a policy: the path to list, and that of one entry.
_LISTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "token": (("roles", "roles"),),
    "ns_token": (("roles", "roles"),),
    **dict.fromkeys(
        ("kubernetes", "approle", "jwt", "oidc", "gcp", "azure", "alicloud", "saml", "spiffe"),
        (("role", "role"),),
    ),
    "aws": (("roles", "role"),),
    "userpass": (("users", "users"),),
    "radius": (("users", "users"),),
    "cert": (("certs", "certs"),),
    "ldap": (("users", "users"), ("groups", "groups")),
    "okta": (("users", "users"), ("groups", "groups")),
    "kerberos": (("groups", "groups"),),
    "github": (("map/teams", "map/teams"), ("map/users", "map/users")),
}
_FIELDS = ("token_policies", "policies", "allowed_policies", "value")
_IDENTITIES = ("identity/entity/id", "identity/group/id")


@dataclass(slots=True)
class Users:
    """The paths of users, and the paths that could not be searched."""

    found: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def find_policy_users(session: VaultLogin, policy: str) -> Users:
    """Return everything that gives a policy. Raises VaultError."""
    users = Users()
    listed = session.read_path("sys/auth")
    if listed.hidden:
        users.unread.append("sys/auth")
    for mount, entry in sorted((listed.data or {}).items()):
        if not isinstance(entry, Mapping) or "type" not in entry:
            continue
        base = f"auth/{mount.rstrip('/')}"
        lists = _LISTS.get(str(entry["type"]))
        if lists is None:
            users.unread.append(base)
            continue
        for listing, one in lists:
            _search(session, users, policy, f"{base}/{listing}", f"{base}/{one}")
    for path in _IDENTITIES:
        _search(session, users, policy, path, path)
    return users


def find_path_readers(session: VaultLogin, path: str, own: Collection[str]) -> Users:
    """Return the policies that name a path or one below it, without those in `own`.

    The policies of this login are left out, because they allow the removal; and so are those that
    cover the path by a wildcard only.
    """
    users = Users()
    own = {*own, *session.own_policies()}
    names = list_names(session, "sys/policies/acl")
    if names is None:
        users.unread.append("sys/policies/acl")
    for name in names or ():
        if name in own or name == "root":
            continue
        found = session.read_path(f"sys/policies/acl/{name}")
        if found.hidden:
            users.unread.append(f"sys/policies/acl/{name}")
        elif any(_is_at(one, path) for one in _read_paths(found.data)):
            users.found.append(f"policy {escape_unprintable(name)}")
    return users


def list_names(session: VaultLogin, path: str) -> list[str] | None:
    """Return the names below a path; None if this token cannot list them. Raises VaultError."""
    try:
        answer = session.call("GET", f"{path}?list=true")
    except VaultError as error:
        if error.kind == "missing":
            return []
        if error.kind != "forbidden":
            raise
        session.require_alive()
        return None
    return [str(name) for name in answer.data.get("keys") or []]


def _search(session: VaultLogin, users: Users, policy: str, listing: str, base: str) -> None:
    names = list_names(session, listing)
    if names is None:
        users.unread.append(listing)
    for name in names or ():
        found = session.read_path(f"{base}/{name}")
        if found.hidden:
            users.unread.append(f"{base}/{name}")
        elif policy.lower() in _read_policies(found.data or {}):
            users.found.append(f"{base}/{name}")


def _read_policies(entry: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    for name in _FIELDS:
        value = entry.get(name) or []
        found |= {one.strip().lower() for one in _split(value)}
    return found


def _split(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.split(",")
    elif isinstance(value, list):
        yield from map(str, value)


def _read_paths(data: Mapping[str, Any] | None) -> list[str]:
    lines = str((data or {}).get("policy") or "").splitlines()
    text = "\n".join(one for one in lines if not one.lstrip().startswith(("#", "//")))
    # HCL, or the same as JSON.
    return re.findall(r'\bpath\s+"([^"]+)"', text) + re.findall(r'"([^"]+)"\s*:\s*\{', text)


def _is_at(one: str, path: str) -> bool:
    plain = one.rstrip("*").rstrip("/")
    return plain == path or plain.startswith(f"{path}/")
