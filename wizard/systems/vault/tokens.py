"""The tokens of a Vault that hold a policy, as far as a login may see them.

Few logins may list accessors (it needs sudo), and batch tokens have none. A token keeps its
policies for its life, so each is looked up once. Source: Vault's API of the token auth method.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.clients.vault.transport import VaultAccessorError, VaultError
from wizard.formats.terminal import escape_unprintable

if TYPE_CHECKING:
    from wizard.systems.vault.session import VaultLogin

UNSEEN = "tokens that were created without a role"
_ACCESSORS, _LOOKUP = "auth/token/accessors", "auth/token/lookup-accessor"
# More are not looked at: each one is a request.
_MOST = 1000


@dataclass(frozen=True, slots=True)
class OwnToken:
    """This login: its policies, its accessor, and the role, user and entity it logged in with."""

    policies: frozenset[str] = frozenset()
    accessor: str = ""
    entries: frozenset[str] = frozenset()


def read_own_token(session: VaultLogin) -> OwnToken:
    """Return what this login is; empty if it may not look itself up. Raises VaultError."""
    try:
        found = session.call("GET", "auth/token/lookup-self").data
    except VaultError as error:
        if error.kind not in {"forbidden", "login"}:
            raise
        session.require_alive()
        return OwnToken()
    policies = [*(found.get("policies") or ()), *(found.get("identity_policies") or ())]
    return OwnToken(
        frozenset(map(str, policies)),
        str(found.get("accessor") or ""),
        frozenset(_list_entries(found)),
    )


def find_holders(session: VaultLogin, policy: str, roles: Collection[str]) -> list[str] | None:
    """Return the tokens that hold a policy; None if this login does not see all tokens.

    This login and tokens of logins with `roles` (paths) do not count. Raises VaultError.
    """
    accessors = _list_accessors(session)
    if accessors is None:
        return None
    own = read_own_token(session).accessor
    holders = []
    for one in accessors:
        found = {} if one == own else _look_up(session, one)
        if found is None:
            return None
        given = {str(name).lower() for name in found.get("policies") or ()}
        if policy.lower() in given and not {*roles} & _list_entries(found):
            shown = escape_unprintable(str(found.get("display_name")))
            holders.append(f"token {shown} (accessor {one})")
    return holders


def _list_accessors(session: VaultLogin) -> list[str] | None:
    if not session.may(_LOOKUP, "update"):
        return None
    try:
        listed = session.call("GET", f"{_ACCESSORS}?list=true").data.get("keys") or []
    except VaultError as error:
        if error.kind != "forbidden":
            raise
        session.require_alive()
        return None
    return sorted(map(str, listed)) if len(listed) <= _MOST else None


def _look_up(session: VaultLogin, accessor: str) -> Mapping[str, Any] | None:
    """Return a token, empty if it has ended in the meantime; None if this login may not see it.

    Only Vault itself says that a token has ended. Raises VaultError for any other answer.
    """
    if accessor not in session.seen_tokens:
        try:
            found = session.call("POST", _LOOKUP, {"accessor": accessor}).data
        except VaultAccessorError:
            found = {}
        except VaultError as error:
            if error.kind != "forbidden":
                raise
            session.require_alive()
            return None
        session.seen_tokens[accessor] = found
    return session.seen_tokens[accessor]


def _list_entries(token: Mapping[str, Any]) -> set[str]:
    """Return the paths of the role, user and entity that a token was made with."""
    path, about = str(token.get("path") or ""), token.get("meta") or {}
    base, is_login, name = path.partition("/login")
    if not is_login:
        base = path.partition("/oidc/callback")[0]
    entries = {f"{base}/role/{about[key]}" for key in ("role", "role_name") if about.get(key)}
    if name.strip("/"):
        entries.add(f"{base}/users/{name.strip('/')}")
    if token.get("role"):
        entries.add(f"auth/token/roles/{token['role']}")
    if token.get("entity_id"):
        entries.add(f"identity/entity/id/{token['entity_id']}")
    return entries
