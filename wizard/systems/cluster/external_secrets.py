"""The store and its ExternalSecrets in the cluster, and the Secrets that come of them.

Values are never read: which keys a Secret has is told by its metadata alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wizard.chart.contract import CONTRACT, get
from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, Manifest, Ref, data_keys
from wizard.engine.actions import Look
from wizard.formats.yaml_reader import read_mapping
from wizard.systems.cluster.conditions import brought, condition, events, namespace_trouble, waiting
from wizard.systems.cluster.diagnosis import PAYLOAD, REFUSALS, STORE, Diagnosis, diagnose, said

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.systems.target import Target

Otherwise = Callable[[], Diagnosis | None]

NEEDS = "install External Secrets with its CRDs, 0.16 or newer"
_OPERATOR = (
    "see whether External Secrets runs: kubectl get pods -A "
    "-l app.kubernetes.io/name=external-secrets"
)


def store(kube: Kube, target: Target, otherwise: Otherwise) -> Look:
    """Whether the operator has logged in to the store; `otherwise` says why it may be missing."""
    ref = Ref.of(read_mapping(target.text("secrets/store"), "secrets/store"))
    found = kube.get(ref)
    if found is None:
        why = namespace_trouble(kube, target.release.namespace) or otherwise()
        return waiting(f"{ref} is not there yet", why, brought(target.release))
    return _validity(kube, ref, found)


def _validity(kube: Kube, ref: Ref, found: Manifest) -> Look:
    ready = condition(found, "Ready")
    if ready.get("status") == "True":
        return Look("holds", f"{ref} is valid")
    if not ready:
        return Look("wanted", f"{ref} has no state yet", _OPERATOR)
    texts = [*events(kube, ref.namespace, (ref.kind, ref.name))[:3], ready.get("message")]
    why = diagnose(texts, STORE, REFUSALS)
    shown = "" if why else f": {said(ready.get('message'))}"
    return waiting(f"{ref} is not valid{shown}", why, f"kubectl describe {ref.kind} {ref.name}")


def store_trouble(kube: Kube, target: Target) -> Diagnosis | None:
    """What is wrong with a store that stands but is not valid; None when nothing is known."""
    if target.answers.secrets.store != "vault":
        return None
    try:
        look = store(kube, target, lambda: None)
    except KubeError:
        return None
    there = look.state == "wanted" and "not there yet" not in look.detail
    return Diagnosis(look.detail, look.fix) if there else None


def trouble_of(kube: Kube, ref: Ref) -> Diagnosis | None:
    """The same of any store; None also where it is valid, or not there."""
    try:
        found = kube.get(ref)
    except KubeError:
        return None
    look = _validity(kube, ref, found) if found is not None else None
    return Diagnosis(look.detail, look.fix) if look and look.state == "wanted" else None


def secrets(kube: Kube, target: Target, otherwise: Otherwise) -> Look:
    """Whether every ExternalSecret is synced and every Secret has the keys that are read."""
    namespace = target.release.namespace
    wanted = external_secrets(target)
    if wanted:
        api = next(iter(wanted.values()))["apiVersion"]
        standing = {
            one["metadata"]["name"]: one for one in kube.find(api, "ExternalSecret", namespace)
        }
        left = [name for name in wanted if not synced(standing.get(name))]
        if left:
            done = f"{len(wanted) - len(left)} of {len(wanted)} ExternalSecrets are synced"
            one = standing.get(left[0])
            return _not_synced(kube, target.release, done, left[0], one, otherwise)
    return _present(kube, namespace, keys_read(target), len(wanted))


def external_secrets(target: Target) -> dict[str, dict[str, Any]]:
    """The committed ExternalSecrets by name."""
    found = {}
    for logical, text in target.under("secrets/").items():
        data = read_mapping(text, logical)
        if data.get("kind") == "ExternalSecret":
            found[str(data["metadata"]["name"])] = data
    return found


def keys_read(target: Target) -> dict[str, frozenset[str]]:
    """The keys that the chart reads of each Secret, and those that our templates make."""
    values = read_mapping(target.text("values"), "values")
    found: dict[str, frozenset[str]] = {}
    for use in CONTRACT:
        name = get(values, use.value)
        if isinstance(name, str) and name and use.applies(values, target.release.airflow):
            found[name] = found.get(name, frozenset()) | set(use.keys_read(values))
    for data in external_secrets(target).values():
        made = data["spec"].get("target") or {}
        keys = (made.get("template") or {}).get("data") or {}
        name = str(made.get("name") or data["metadata"]["name"])
        found[name] = found.get(name, frozenset()) | set(keys)
    return found


def synced(found: Manifest | None) -> bool:
    """Ready, and for the object as it stands: an old Ready outlives a change of the spec."""
    if found is None or condition(found, "Ready").get("status") != "True":
        return False
    seen = str((found.get("status") or {}).get("syncedResourceVersion") or "")
    return not seen or seen.split("-")[0] == str(found["metadata"].get("generation"))


def _not_synced(
    kube: Kube,
    release: Release,
    done: str,
    name: str,
    found: Manifest | None,
    otherwise: Otherwise,
) -> Look:
    namespace = release.namespace
    if found is None:
        why = namespace_trouble(kube, namespace) or otherwise()
        return waiting(f"{done}; {name} is not there yet", why, brought(release))
    return not_synced(kube, namespace, name, found, done)


def not_synced(kube: Kube, namespace: str, name: str, found: Manifest, done: str = "") -> Look:
    """Why an ExternalSecret that stands has not been synced as it stands."""
    describe = f"kubectl -n {namespace} describe externalsecret {name}"
    said_first = f"{done}; {name}" if done else name
    ready = condition(found, "Ready")
    if not ready:
        return Look("wanted", f"{said_first} has no state yet", _OPERATOR)
    if ready.get("status") == "True":
        return Look("wanted", f"{said_first} was changed and is read again", describe)
    texts = [*events(kube, namespace, ("ExternalSecret", name))[:3], ready.get("message")]
    why = diagnose(texts, PAYLOAD[:2], STORE, PAYLOAD[2:], REFUSALS)
    shown = "" if why else f": {said(ready.get('message'))}"
    return waiting(f"{said_first}{shown}", why, describe)


def _present(kube: Kube, namespace: str, wanted: dict[str, frozenset[str]], synced: int) -> Look:
    first = f"{synced} ExternalSecrets are synced" if synced else ""
    missing = []
    for name, keys in sorted(wanted.items()):
        try:
            about = kube.get(Ref("v1", "Secret", name, namespace), metadata=True)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            detail = f"Secrets in {namespace} may not be read, not even their metadata"
            return Look("unknown", f"{first}; {detail}" if first else detail)
        if about is None:
            missing.append(f"Secret {name} is not there")
        elif absent := sorted(keys - data_keys(about)):
            missing.append(f"Secret {name} has no key {', '.join(absent)}")
    if not missing:
        detail = f"{len(wanted)} Secrets have the keys that are read"
        return Look("holds", f"{first}; {detail}" if first else detail)
    fix = "the operator writes it: `kubectl describe` its ExternalSecret" if synced else ""
    return Look("wanted", "; ".join(missing[:3]), fix or "make it as the runbook says")
