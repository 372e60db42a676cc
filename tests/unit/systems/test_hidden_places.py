"""What an error at an earlier place of the payload says of this place, and what of Vault."""

from __future__ import annotations

from typing import cast

from wizard.clients.vault.protocol import Vault
from wizard.clients.vault.transport import VaultError, VaultRefusedError, VaultUnroutedError
from wizard.errors import RefusedError
from wizard.systems.vault.payload_store import VaultPayloadStore


def place(*, moved: bool = True) -> VaultPayloadStore:
    # No request is sent: the error is there already.
    vault = cast("Vault", None)
    return VaultPayloadStore(vault, "kv", "x", document=False, may_be_moved=lambda: moved)


def test_a_server_that_is_not_verified_hides_no_single_place() -> None:
    for error in (
        VaultRefusedError("tls", "is not verified"),
        VaultRefusedError("redirect", "redirects"),
        VaultError("unreachable", "gave no answer"),
        VaultError("foreign", "does not answer like Vault"),
    ):
        assert place().explain_refusal(error) is None
    for hidden in (VaultRefusedError("version", "is KV version 1"), RefusedError("is deleted")):
        found = place().explain_refusal(hidden)
        assert found is not None
        assert not found.is_gone


def test_a_missing_mount_is_gone_only_if_no_other_may_have_its_payload() -> None:
    for moved in (True, False):
        unrouted = VaultUnroutedError("missing", "has nothing at kv/data/x")
        found = place(moved=moved).explain_refusal(unrouted)
        assert found is not None
        assert found.is_gone is not moved
