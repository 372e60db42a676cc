"""Opens a Vault client and revokes its login at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wizard.clients.vault.address import VaultAddress, VaultCredentials
from wizard.clients.vault.protocol import Vault
from wizard.clients.vault.transport import CONNECT_TIMEOUT, READ_TIMEOUT, VaultHttp


@contextmanager
def open_vault(
    address: VaultAddress,
    credentials: VaultCredentials | None = None,
    *,
    connect: float = CONNECT_TIMEOUT,
    read: float = READ_TIMEOUT,
) -> Iterator[Vault]:
    """Yield a Vault client, logged in or anonymous (only for `health`).

    A login made here is revoked at the end; a token that was passed in is not revoked. Raises
    VaultError when the login is refused.
    """
    from wizard.clients.vault.client import VaultClient

    http = VaultHttp(address, connect=connect, read=read)
    try:
        client = VaultClient(address, http, credentials)
        try:
            yield client
        finally:
            client.forget()
    finally:
        http.close()
