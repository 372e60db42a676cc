"""The volume claims that the chart renders itself, and how they outlive a change of the values.

Helm and Argo CD delete what the chart no longer renders, a claim with everything on its volume too.
An annotation keeps it. Source: charts 1.16.0 to 1.22.0 (templates/logs-persistent-volume-claim.yaml
and dags-persistent-volume-claim.yaml); Helm's documentation of resource policies; Argo CD's of sync
and compare options.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.formats.nested import get_value
from wizard.formats.quantities import parse_quantity

HELM_POLICY, HELM_KEEP = "helm.sh/resource-policy", "keep"
ARGOCD_SYNC, ARGOCD_KEEP = "argocd.argoproj.io/sync-options", "Prune=false"
# Argo CD does not call the Application out of sync for a claim that it keeps.
_ARGOCD_COMPARE = {"argocd.argoproj.io/compare-options": "IgnoreExtraneous"}
# The keys of the values, and the last part of the claim's name.
_CLAIMS: Mapping[tuple[str, ...], str] = {
    ("logs", "persistence"): "logs",
    ("dags", "persistence"): "dags",
}
CLAIMS = tuple(_CLAIMS.values())
# What a claim can never change, by its key.
_FIXED = {"storageClassName": "another storage class", "accessMode": "another access mode"}


def keeping_annotations(*, gitops: bool) -> dict[str, str]:
    """Return the annotations of a claim that must outlive the values that render it."""
    return {ARGOCD_SYNC: ARGOCD_KEEP, **_ARGOCD_COMPARE} if gitops else {HELM_POLICY: HELM_KEEP}


def list_rendered_claims(
    values: Mapping[str, Any], release: str, *, gitops: bool
) -> dict[str, bool]:
    """Return the claims that the chart renders, by name: whether the delivery keeps each."""
    found = {}
    for path, suffix in _CLAIMS.items():
        own = get_value(values, path)
        if _is_rendered(own):
            notes = own.get("annotations")
            found[f"{release}-{suffix}"] = _is_kept(notes or {}, gitops=gitops)
    return found


def find_refused_claims(
    old: Mapping[str, Any], new: Mapping[str, Any], release: str
) -> dict[str, str]:
    """Return the claims that the chart renders before and after, and what cannot change in them.

    The name of each is given by what it is for: `logs` or `dags`. Kubernetes refuses another
    storage class or access mode of an existing claim, and a smaller size.
    """
    found = {}
    for path, suffix in _CLAIMS.items():
        before, after = (get_value(one, path) for one in (old, new))
        if not (_is_rendered(before) and _is_rendered(after)):
            continue
        wrong = [name for key, name in _FIXED.items() if before.get(key) != after.get(key)]
        if _is_smaller(before.get("size"), after.get("size")):
            wrong.append("a smaller size")
        if wrong:
            found[suffix] = f"{' and '.join(wrong)} of claim {release}-{suffix}"
    return found


def _is_rendered(own: object) -> bool:
    return isinstance(own, Mapping) and own.get("enabled") is True and not own.get("existingClaim")


def _is_smaller(old: object, new: object) -> bool:
    try:
        return parse_quantity(str(new)) < parse_quantity(str(old))
    except ValueError:
        return False


def list_named_claims(values: Mapping[str, Any]) -> frozenset[str]:
    """Return the claims that the values name as existing ones for logs and DAGs."""
    found = (get_value(values, (*path, "existingClaim")) for path in _CLAIMS)
    return frozenset(one for one in found if isinstance(one, str) and one)


def _is_kept(notes: object, *, gitops: bool) -> bool:
    if not isinstance(notes, Mapping):
        return False
    if gitops:
        options = str(notes.get(ARGOCD_SYNC) or "").split(",")
        return ARGOCD_KEEP in [one.strip() for one in options]
    return str(notes.get(HELM_POLICY) or "").strip().lower() == HELM_KEEP
