"""Tokens that may make a limited number of requests (`token_num_uses`): every request counts.

A run that uses up its token stops half-way, so such a token is refused before the first change
unless it lasts for the whole run. A removal has no bound: it needs a token without a limit. The
lookup counts too, also a refused request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.vault.transport import VaultError
from wizard.errors import RefusedError
from wizard.systems.vault.patience import retry_busy

if TYPE_CHECKING:
    from wizard.clients.vault.protocol import Vault

# Upper bounds, per path of the store; tests count the requests of real runs.
SECRETS_REQUESTS, APPLY_REQUESTS, CHECK_REQUESTS = 30, 100, 12


def require_uses(vault: Vault, needed: int) -> bool:
    """Raise RefusedError if the login may make fewer than `needed` more requests.

    Returns whether their number is limited. A login that may not look itself up is not judged.
    Raises VaultError if Vault does not answer.
    """
    uses = _read_uses(vault)
    if uses is not None and uses < needed:
        raise RefusedError(describe_uses(vault.identity, uses, needed), USES_HINT)
    return uses is not None


def require_no_limit(vault: Vault) -> None:
    """Raise RefusedError if the login may make a limited number of requests.

    A removal looks for everything else that uses its roles, policies and paths, so the number of
    its requests depends on the roles, users and policies of others. Raises VaultError.
    """
    uses = _read_uses(vault)
    if uses is not None:
        raise RefusedError(
            f"{vault.identity} allows only {uses} more requests (token_num_uses), but a removal "
            "reads all roles, users and policies of this Vault to see who else uses what it "
            "deletes; nothing was changed",
            USES_HINT,
        )


def _read_uses(vault: Vault) -> int | None:
    """Return how many requests are left; None if any number, or if the login may not see it."""
    try:
        return retry_busy(vault.token_lookup).uses
    except VaultError as error:
        if error.kind not in {"login", "forbidden"}:
            raise
        return None


def describe_uses(identity: str, uses: int, needed: int) -> str:
    """Return that a login cannot make the requests of a run."""
    left = f"{uses} more requests" if uses else "no more request: looking at it was its last use"
    return (
        f"{identity} allows {left} (token_num_uses), but this needs up to {needed}; nothing was "
        "changed"
    )


USES_HINT = "use a token without a limit of uses: vault token create without -use-limit"
