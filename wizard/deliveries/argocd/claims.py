"""The parts of Argo CD that an installation owns, read from raw answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wizard.formats.addresses import normalize_url
from wizard.stores.registry import STORES, store_kind
from wizard.stores.vault.settings import reader_path

_CREDENTIAL = "delivery.argocd.vault"


def argocd_claims(read: Callable[[str], str]) -> Mapping[str, object]:
    """Return the fields of `Claims` about Argo CD; `read` returns the raw answer of a key."""
    own = {
        "destination": read("delivery.argocd.destination"),
        "argocd": read("delivery.argocd.namespace"),
        "project": read("delivery.argocd.project"),
        "has_two_applications": read("delivery.argocd.applications") == "two",
    }
    store = read("secrets.store")
    stored = store in STORES and store_kind(store).external_secrets
    if not stored or read("delivery.argocd.credential") != "store":
        return own
    return {
        **own,
        "repository": normalize_url(read("delivery.argocd.repo_url")),
        "reader": read(f"{_CREDENTIAL}.role") or f"{read('secrets.vault.role')}-argocd",
        "reader_path": reader_path(
            read(f"{_CREDENTIAL}.path"), read("installation.name"), "argocd"
        ),
        "reader_mount": read(f"{_CREDENTIAL}.auth_mount") or read("secrets.vault.auth_mount"),
    }
