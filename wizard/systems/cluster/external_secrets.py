"""Check the store and its ExternalSecrets in the cluster, and the resulting Secrets.

Values are never read: the metadata tells which keys a Secret has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from wizard.chart.contract import CONTRACT
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
    MISSING_ACCOUNT,
    PAYLOAD_RULES,
    REFUSAL_RULES,
    STORE_RULES,
    Diagnosis,
    Rule,
    diagnose,
    sanitize_message,
)
from wizard.systems.cluster.key_vault_diagnosis import KEY_VAULT_RULES

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.systems.target import Target

# A sync that long ago says what the store has now.
FRESH_MINUTES = 10
# Clocks of nodes differ a little; a time further ahead says nothing of when it was read.
_CLOCK_SKEW = timedelta(minutes=1)
FallbackDiagnosis = Callable[[], Diagnosis | None]

OPERATOR_HINT = "install External Secrets with its CRDs, 0.16 or newer"
_OPERATOR = (
    "check that External Secrets runs: kubectl get pods -A "
    "-l app.kubernetes.io/name=external-secrets"
)


def check_store(kube: Kube, target: Target, otherwise: FallbackDiagnosis) -> StepStatus:
    """Check that the operator has logged in to the store; `otherwise` explains a missing store."""
    ref = Ref.from_manifest(read_mapping(target.text("secrets/store"), "secrets/store"))
    found = kube.get(ref)
    if found is None:
        why = diagnose_namespace(kube, target.release.namespace) or otherwise()
        return wait_status(f"{ref} does not exist yet", why, delivery_hint(target.release))
    return _check_validity(kube, ref, found, target.release)


def _check_validity(
    kube: Kube, ref: Ref, found: KubeObject, release: Release | None = None
) -> StepStatus:
    ready = condition(found, "Ready")
    if ready.get("status") == "True":
        return StepStatus("holds", f"{ref} is valid")
    if not ready:
        return StepStatus("wanted", f"{ref} has no state yet", Fix(_OPERATOR))
    texts = [*list_warnings(kube, ref.namespace, (ref.kind, ref.name))[:3], ready.get("message")]
    rules = [_missing_account(found, release) if r is MISSING_ACCOUNT else r for r in STORE_RULES]
    why = diagnose(texts, KEY_VAULT_RULES, rules, REFUSAL_RULES)
    shown = "" if why else f": {sanitize_message(ready.get('message'))}"
    return wait_status(f"{ref} is not valid{shown}", why, f"kubectl describe {ref.kind} {ref.name}")


def _missing_account(store: KubeObject, release: Release | None) -> Rule:
    """Return the rule for a missing ServiceAccount, with the fix for the one that `store` names.

    A ClusterSecretStore uses the operator's own account, which is no file of the installation.
    """
    named = _find_account(store["spec"])
    name, namespace = str(named.get("name") or ""), str(named.get("namespace") or "")
    if store.get("kind") == "ClusterSecretStore":
        return replace(
            MISSING_ACCOUNT,
            cause=f"ServiceAccount {namespace}/{name}, the operator's own, does not exist",
            fix=Fix(
                "set secrets.vault.operator_namespace and secrets.vault.service_account to those "
                "of the External Secrets Operator: kubectl get deployments -A -o wide "
                "-l app.kubernetes.io/name=external-secrets",
                "secrets.vault.operator_namespace",
            ),
        )
    namespace = str(store["metadata"].get("namespace") or namespace)
    path = f"{release.paths.apps}/secrets/service-account.yaml" if release else ""
    where = f"{path} creates it: {delivery_hint(release)}" if release else "create it again"
    return replace(
        MISSING_ACCOUNT,
        cause=f"ServiceAccount {namespace}/{name} does not exist",
        fix=Fix(where),
    )


def _find_account(spec: object) -> Mapping[str, Any]:
    """Return the `serviceAccountRef` in a store's spec, whatever its provider; empty for none."""
    if not isinstance(spec, Mapping):
        return {}
    own = spec.get("serviceAccountRef")
    if isinstance(own, Mapping):
        return own
    return next((found for part in spec.values() if (found := _find_account(part))), {})


def diagnose_store(kube: Kube, target: Target) -> Diagnosis | None:
    """Return why an existing store is not valid; None if it is valid or the cause is unknown."""
    if not target.release.external_secrets:
        return None
    try:
        look = check_store(kube, target, lambda: None)
    except KubeError:
        return None
    invalid = look.state == "wanted" and "does not exist yet" not in look.detail
    return Diagnosis(look.detail, look.fix) if invalid else None


def diagnose_store_ref(kube: Kube, ref: Ref) -> Diagnosis | None:
    """Return why the store `ref` is not valid; None also if it is valid or does not exist."""
    try:
        found = kube.get(ref)
    except KubeError:
        return None
    look = _check_validity(kube, ref, found) if found is not None else None
    return Diagnosis(look.detail, look.fix) if look and look.state == "wanted" else None


def check_secrets(kube: Kube, target: Target, otherwise: FallbackDiagnosis) -> StepStatus:
    """Check that every ExternalSecret is synced and every Secret has the keys the pods read."""
    namespace = target.release.namespace
    wanted = read_external_secrets(target)
    if wanted:
        api = next(iter(wanted.values()))["apiVersion"]
        existing = {
            one["metadata"]["name"]: one for one in kube.find(api, "ExternalSecret", namespace)
        }
        unsynced = [name for name in wanted if not is_synced(existing.get(name))]
        if unsynced:
            done = f"{len(wanted) - len(unsynced)} of {len(wanted)} ExternalSecrets are synced"
            one = existing.get(unsynced[0])
            return _explain_unready(kube, target.release, done, unsynced[0], one, otherwise)
    return _check_keys(kube, namespace, list_required_keys(target), len(wanted))


def read_external_secrets(target: Target) -> dict[str, dict[str, Any]]:
    """Return the committed ExternalSecrets by name."""
    found = {}
    for logical, text in target.files_under("secrets/").items():
        data = read_mapping(text, logical)
        if data.get("kind") == "ExternalSecret":
            found[str(data["metadata"]["name"])] = data
    return found


def list_required_keys(target: Target) -> dict[str, frozenset[str]]:
    """Return the required keys per Secret: those that the chart or our templates use."""
    values = read_mapping(target.text("values"), "values")
    found: dict[str, frozenset[str]] = {}
    for use in CONTRACT:
        name = use.find_name(values, target.release.names.fullname)
        if name and use.applies(values, target.release.airflow):
            found[name] = found.get(name, frozenset()) | set(use.keys_read(values))
    for data in read_external_secrets(target).values():
        secret = data["spec"].get("target") or {}
        keys = (secret.get("template") or {}).get("data") or {}
        name = str(secret.get("name") or data["metadata"]["name"])
        found[name] = found.get(name, frozenset()) | set(keys)
    return found


def is_synced(found: KubeObject | None) -> bool:
    """Return whether an ExternalSecret is Ready for its current spec.

    The Ready condition may still be from an older spec.
    """
    if found is None or condition(found, "Ready").get("status") != "True":
        return False
    seen = str((found.get("status") or {}).get("syncedResourceVersion") or "")
    return not seen or seen.split("-")[0] == str(found["metadata"].get("generation"))


def is_just_synced(found: KubeObject, now: datetime | None) -> bool:
    """Return whether an ExternalSecret was read from the store a few minutes ago.

    `now` is the cluster's time: the clock of this machine may be slow, after a sleep for example.
    """
    if now is None or not is_synced(found):
        return False
    try:
        when = datetime.fromisoformat(str((found.get("status") or {}).get("refreshTime") or ""))
        return -_CLOCK_SKEW <= now - when < timedelta(minutes=FRESH_MINUTES)
    except (ValueError, TypeError):
        return False


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
        return wait_status(f"{done}; {name} does not exist yet", why, delivery_hint(release))
    return explain_unsynced(kube, namespace, name, found, done)


def explain_unsynced(
    kube: Kube, namespace: str, name: str, found: KubeObject, done: str = ""
) -> StepStatus:
    """Return why an existing ExternalSecret is not synced for its current spec."""
    describe = f"kubectl -n {namespace} describe externalsecret {name}"
    prefix = f"{done}; {name}" if done else name
    ready = condition(found, "Ready")
    if not ready:
        return StepStatus("wanted", f"{prefix} has no state yet", Fix(_OPERATOR))
    if ready.get("status") == "True":
        return StepStatus("wanted", f"{prefix} was changed and is being synced", Fix(describe))
    texts = [*list_warnings(kube, namespace, ("ExternalSecret", name))[:3], ready.get("message")]
    why = diagnose(
        texts,
        KEY_VAULT_RULES,
        PAYLOAD_RULES[:2],
        STORE_RULES,
        PAYLOAD_RULES[2:],
        REFUSAL_RULES,
    )
    shown = "" if why else f": {sanitize_message(ready.get('message'))}"
    return wait_status(f"{prefix}{shown}", why, describe)


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
            detail = f"no permission to read Secrets in {namespace}, not even their metadata"
            return StepStatus("unknown", f"{first}; {detail}" if first else detail)
        if about is None:
            missing.append(f"Secret {name} does not exist")
        elif missing_keys := sorted(keys - data_keys(about)):
            missing.append(f"Secret {name} has no key {', '.join(missing_keys)}")
    if not missing:
        detail = f"{len(wanted)} Secrets have all required keys"
        return StepStatus("holds", f"{first}; {detail}" if first else detail)
    fix = (
        "run `kubectl describe` on its ExternalSecret; the operator writes it"
        if synced
        else "run `airflow-wizard secrets`; the runbook says what each Secret holds"
    )
    return StepStatus("wanted", "; ".join(missing[:3]), Fix(fix))
