"""The store and its ExternalSecrets in the cluster, and the Secrets that come of them.

Values are never read: which keys a Secret has is told by its metadata alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wizard.chart.contract import CONTRACT, get_chart_value
from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref, data_keys
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.yaml_reader import read_mapping
from wizard.systems.cluster.conditions import (
    condition,
    delivery_hint,
    diagnose_namespace,
    list_warnings,
    wait_status,
)
from wizard.systems.cluster.diagnosis import (
    PAYLOAD_RULES,
    REFUSAL_RULES,
    STORE_RULES,
    Diagnosis,
    diagnose,
    sanitize_message,
)

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.systems.target import Target

FallbackDiagnosis = Callable[[], Diagnosis | None]

OPERATOR_HINT = "install External Secrets with its CRDs, 0.16 or newer"
_OPERATOR = (
    "see whether External Secrets runs: kubectl get pods -A "
    "-l app.kubernetes.io/name=external-secrets"
)


def check_store(kube: Kube, target: Target, otherwise: FallbackDiagnosis) -> StepStatus:
    """Whether the operator has logged in to the store; `otherwise` says why it may be missing."""
    ref = Ref.from_manifest(read_mapping(target.text("secrets/store"), "secrets/store"))
    found = kube.get(ref)
    if found is None:
        why = diagnose_namespace(kube, target.release.namespace) or otherwise()
        return wait_status(f"{ref} is not there yet", why, delivery_hint(target.release))
    return _check_validity(kube, ref, found)


def _check_validity(kube: Kube, ref: Ref, found: KubeObject) -> StepStatus:
    ready = condition(found, "Ready")
    if ready.get("status") == "True":
        return StepStatus("holds", f"{ref} is valid")
    if not ready:
        return StepStatus("wanted", f"{ref} has no state yet", Fix(_OPERATOR))
    texts = [*list_warnings(kube, ref.namespace, (ref.kind, ref.name))[:3], ready.get("message")]
    why = diagnose(texts, STORE_RULES, REFUSAL_RULES)
    shown = "" if why else f": {sanitize_message(ready.get('message'))}"
    return wait_status(f"{ref} is not valid{shown}", why, f"kubectl describe {ref.kind} {ref.name}")


def diagnose_store(kube: Kube, target: Target) -> Diagnosis | None:
    """What is wrong with a store that stands but is not valid; None when nothing is known."""
    if not target.release.external_secrets:
        return None
    try:
        look = check_store(kube, target, lambda: None)
    except KubeError:
        return None
    there = look.state == "wanted" and "not there yet" not in look.detail
    return Diagnosis(look.detail, look.fix) if there else None


def diagnose_store_ref(kube: Kube, ref: Ref) -> Diagnosis | None:
    """The same of any store; None also where it is valid, or not there."""
    try:
        found = kube.get(ref)
    except KubeError:
        return None
    look = _check_validity(kube, ref, found) if found is not None else None
    return Diagnosis(look.detail, look.fix) if look and look.state == "wanted" else None


def check_secrets(kube: Kube, target: Target, otherwise: FallbackDiagnosis) -> StepStatus:
    """Whether every ExternalSecret is synced and every Secret has the keys that are read."""
    namespace = target.release.namespace
    wanted = read_external_secrets(target)
    if wanted:
        api = next(iter(wanted.values()))["apiVersion"]
        standing = {
            one["metadata"]["name"]: one for one in kube.find(api, "ExternalSecret", namespace)
        }
        left = [name for name in wanted if not is_synced(standing.get(name))]
        if left:
            done = f"{len(wanted) - len(left)} of {len(wanted)} ExternalSecrets are synced"
            one = standing.get(left[0])
            return _explain_unready(kube, target.release, done, left[0], one, otherwise)
    return _check_keys(kube, namespace, list_required_keys(target), len(wanted))


def read_external_secrets(target: Target) -> dict[str, dict[str, Any]]:
    """The committed ExternalSecrets by name."""
    found = {}
    for logical, text in target.files_under("secrets/").items():
        data = read_mapping(text, logical)
        if data.get("kind") == "ExternalSecret":
            found[str(data["metadata"]["name"])] = data
    return found


def list_required_keys(target: Target) -> dict[str, frozenset[str]]:
    """The keys that the chart reads of each Secret, and those that our templates make."""
    values = read_mapping(target.text("values"), "values")
    found: dict[str, frozenset[str]] = {}
    for use in CONTRACT:
        name = get_chart_value(values, use.value)
        if isinstance(name, str) and name and use.applies(values, target.release.airflow):
            found[name] = found.get(name, frozenset()) | set(use.keys_read(values))
    for data in read_external_secrets(target).values():
        made = data["spec"].get("target") or {}
        keys = (made.get("template") or {}).get("data") or {}
        name = str(made.get("name") or data["metadata"]["name"])
        found[name] = found.get(name, frozenset()) | set(keys)
    return found


def is_synced(found: KubeObject | None) -> bool:
    """Ready, and for the object as it stands: an old Ready outlives a change of the spec."""
    if found is None or condition(found, "Ready").get("status") != "True":
        return False
    seen = str((found.get("status") or {}).get("syncedResourceVersion") or "")
    return not seen or seen.split("-")[0] == str(found["metadata"].get("generation"))


def _explain_unready(
    kube: Kube,
    release: Release,
    done: str,
    name: str,
    found: KubeObject | None,
    otherwise: FallbackDiagnosis,
) -> StepStatus:
    namespace = release.namespace
    if found is None:
        why = diagnose_namespace(kube, namespace) or otherwise()
        return wait_status(f"{done}; {name} is not there yet", why, delivery_hint(release))
    return explain_unsynced(kube, namespace, name, found, done)


def explain_unsynced(
    kube: Kube, namespace: str, name: str, found: KubeObject, done: str = ""
) -> StepStatus:
    """Why an ExternalSecret that stands has not been synced as it stands."""
    describe = f"kubectl -n {namespace} describe externalsecret {name}"
    said_first = f"{done}; {name}" if done else name
    ready = condition(found, "Ready")
    if not ready:
        return StepStatus("wanted", f"{said_first} has no state yet", Fix(_OPERATOR))
    if ready.get("status") == "True":
        return StepStatus("wanted", f"{said_first} was changed and is read again", Fix(describe))
    texts = [*list_warnings(kube, namespace, ("ExternalSecret", name))[:3], ready.get("message")]
    why = diagnose(texts, PAYLOAD_RULES[:2], STORE_RULES, PAYLOAD_RULES[2:], REFUSAL_RULES)
    shown = "" if why else f": {sanitize_message(ready.get('message'))}"
    return wait_status(f"{said_first}{shown}", why, describe)


def _check_keys(
    kube: Kube, namespace: str, wanted: dict[str, frozenset[str]], synced: int
) -> StepStatus:
    first = f"{synced} ExternalSecrets are synced" if synced else ""
    missing = []
    for name, keys in sorted(wanted.items()):
        try:
            about = kube.get(Ref("v1", "Secret", name, namespace), metadata=True)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            detail = f"Secrets in {namespace} may not be read, not even their metadata"
            return StepStatus("unknown", f"{first}; {detail}" if first else detail)
        if about is None:
            missing.append(f"Secret {name} is not there")
        elif absent := sorted(keys - data_keys(about)):
            missing.append(f"Secret {name} has no key {', '.join(absent)}")
    if not missing:
        detail = f"{len(wanted)} Secrets have the keys that are read"
        return StepStatus("holds", f"{first}; {detail}" if first else detail)
    fix = "the operator writes it: `kubectl describe` its ExternalSecret" if synced else ""
    return StepStatus("wanted", "; ".join(missing[:3]), Fix(fix or "make it as the runbook says"))
