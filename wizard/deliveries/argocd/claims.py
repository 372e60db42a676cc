"""The parts of Argo CD that an installation owns, read from raw answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wizard.formats.addresses import normalize_url
from wizard.stores.registry import STORES, store_kind


def argocd_claims(read: Callable[[str], str]) -> Mapping[str, object]:
    """Return the fields of `Claims` about Argo CD; `read` returns the raw answer of a key."""
    existing = read("delivery.argocd.project_kind") == "existing"
    own = {
        "destination": read("delivery.argocd.destination"),
        "argocd": read("delivery.argocd.namespace"),
        # An existing project may have several installations.
        "project": "" if existing else read("delivery.argocd.project"),
        "has_two_applications": read("delivery.argocd.applications") == "two",
    }
    store = read("secrets.store")
    stored = store in STORES and store_kind(store).external_secrets
    if not stored or read("delivery.argocd.credential") != "store":
        return own
    return {
        **own,
        "repository": normalize_url(read("delivery.argocd.repo_url")),
        **store_kind(store).reader_claims(read, "argocd"),
    }
