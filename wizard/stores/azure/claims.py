"""The secrets in a Key Vault that an installation owns, read from raw answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wizard.stores.azure.questions import NAME, PREFIX_KEY, SERVER_KEY
from wizard.stores.azure.settings import secret_prefix


def azure_claims(read: Callable[[str], str]) -> Mapping[str, object]:
    """Return the fields of `Claims` about the Key Vault; `read` returns the raw answer of a key."""
    url = read(SERVER_KEY).rstrip("/").lower()
    return {
        "vault": (url, ""),
        "mount": url.removeprefix("https://"),
        "path": secret_prefix(read(PREFIX_KEY), read("installation.name")),
        "path_key": PREFIX_KEY,
        "path_form": "airflow-{name}",
    }


def azure_reader_claims(read: Callable[[str], str], reader: str) -> Mapping[str, object]:
    """Return the fields of `Claims` about another reader."""
    prefix = secret_prefix(read(PREFIX_KEY), read("installation.name"))
    own = read(f"delivery.{reader}.{NAME}.prefix").lower()
    return {"reader_path": own or f"{prefix}-{reader}"}
