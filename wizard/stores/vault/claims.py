"""The parts of Vault that an installation owns, read from raw answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wizard.stores.vault.questions import NAME
from wizard.stores.vault.settings import payload_path, reader_path, runtime_folders, runtime_role


def vault_claims(read: Callable[[str], str]) -> Mapping[str, object]:
    """Return the fields of `Claims` about Vault; `read` returns the raw answer of a key."""
    backend, name = "secrets.backend", read("installation.name")
    runtime: Mapping[str, object] = {}
    if read(f"{backend}.kind") == "vault":
        folders = read(f"{backend}.connections_path"), read(f"{backend}.variables_path")
        runtime = {
            "runtime": runtime_role(read(f"{backend}.role"), read("secrets.vault.role"), name),
            "runtime_mount": read(f"{backend}.mount") or read("secrets.vault.mount"),
            "runtime_folders": runtime_folders(*folders, name),
        }
    return {
        **runtime,
        "vault": (read("secrets.vault.server"), read("secrets.vault.namespace")),
        "auth_mount": read("secrets.vault.auth_mount"),
        "role": read("secrets.vault.role"),
        "mount": read("secrets.vault.mount"),
        "path": payload_path(read("secrets.vault.path"), name),
    }


def vault_reader_claims(read: Callable[[str], str], reader: str) -> Mapping[str, object]:
    """Return the fields of `Claims` about another reader: its role, path and auth mount."""
    own = f"delivery.{reader}.{NAME}"
    return {
        "reader": read(f"{own}.role") or f"{read('secrets.vault.role')}-{reader}",
        "reader_path": reader_path(read(f"{own}.path"), read("installation.name"), reader),
        "reader_mount": read(f"{own}.auth_mount") or read("secrets.vault.auth_mount"),
    }
