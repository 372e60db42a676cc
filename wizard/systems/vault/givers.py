"""What gives policies in a Vault: roles, users, groups and entities, each read once.

Source: Vault's API of each auth method (the lists of roles, users and groups, and the policies that
its config gives to everybody), and of the identity engine. A method that is not listed here cannot
be searched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from wizard.clients.vault.transport import VaultError, VaultUnroutedError

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
# Where a method gives policies to all its users.
_CONFIGS: Mapping[str, str] = {
    **dict.fromkeys(("github", "ldap", "okta", "radius"), "config"),
    "kerberos": "config/ldap",
}
_FIELDS = (
    "token_policies", "policies", "allowed_policies", "unregistered_user_policies", "value",
)  # fmt: skip
_PATTERNS = "allowed_policies_glob"
_IDENTITIES = ("identity/entity/id", "identity/group/id")


@dataclass(frozen=True, slots=True)
class Giver:
    """One role, user, group or entity: its path, and the policies it gives, in lower case."""

    path: str
    policies: frozenset[str]
    patterns: tuple[str, ...]

    def gives(self, policy: str) -> bool:
        """Return whether it gives a policy; Vault's names of policies are in lower case."""
        name = policy.lower()
        return name in self.policies or any(fnmatchcase(name, one) for one in self.patterns)


@dataclass(slots=True)
class Givers:
    """All that give policies, and the paths that could not be searched."""

    found: list[Giver] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def list_givers(session: VaultLogin) -> Givers:
    """Return what gives policies, as read a moment ago if it was. Raises VaultError."""
    return session.read_recently("givers", lambda: _read_givers(session))


def _read_givers(session: VaultLogin) -> Givers:
    givers = Givers()
    listed = session.read_path("sys/auth")
    if listed.hidden:
        givers.unread.append("sys/auth")
    for mount, entry in sorted((listed.data or {}).items()):
        if not isinstance(entry, Mapping) or "type" not in entry:
            continue
        base = f"auth/{mount.rstrip('/')}"
        lists = _LISTS.get(str(entry["type"]))
        if lists is None:
            givers.unread.append(base)
            continue
        for listing, one in lists:
            _search(session, givers, f"{base}/{listing}", f"{base}/{one}")
        if config := _CONFIGS.get(str(entry["type"])):
            _read_entry(session, givers, f"{base}/{config}")
    for path in _IDENTITIES:
        _search(session, givers, path, path)
    return givers


def list_names(session: VaultLogin, path: str) -> list[str] | None:
    """Return the names below a path; None if this token cannot list them. Raises VaultError."""
    try:
        answer = session.call("GET", f"{path}?list=true")
    except VaultError as error:
        if isinstance(error, VaultUnroutedError):
            # Nothing is listed, which is not the same as an empty list.
            raise
        if error.kind == "missing":
            return []
        if error.kind != "forbidden":
            raise
        session.require_alive()
        return None
    return [str(name) for name in answer.data.get("keys") or []]


def _search(session: VaultLogin, givers: Givers, listing: str, base: str) -> None:
    names = list_names(session, listing)
    if names is None:
        givers.unread.append(listing)
    for name in names or ():
        _read_entry(session, givers, f"{base}/{name}")


def _read_entry(session: VaultLogin, givers: Givers, path: str) -> None:
    found = session.read_path(path)
    if found.hidden or found.unrouted:
        # Not routed: its mount was listed, and was moved or disabled since.
        givers.unread.append(path)
    elif found.data:
        named = {one for name in _FIELDS for one in _split(found.data.get(name))}
        patterns = tuple(_split(found.data.get(_PATTERNS)))
        givers.found.append(Giver(path, frozenset(named), patterns))


def _split(value: Any) -> Iterator[str]:
    texts = value.split(",") if isinstance(value, str) else value
    if isinstance(texts, list):
        yield from (str(one).strip().lower() for one in texts)
