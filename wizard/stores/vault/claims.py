"""The parts of Vault that an installation owns, read from raw answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wizard.stores.vault.settings import payload_path


def vault_claims(read: Callable[[str], str]) -> Mapping[str, object]:
    """Return the fields of `Claims` about Vault; `read` returns the raw answer of a key."""
    return {
        "vault": (read("secrets.vault.server"), read("secrets.vault.namespace")),
        "auth_mount": read("secrets.vault.auth_mount"),
        "role": read("secrets.vault.role"),
        "mount": read("secrets.vault.mount"),
        "path": payload_path(read("secrets.vault.path"), read("installation.name")),
    }
