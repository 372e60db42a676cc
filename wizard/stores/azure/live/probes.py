"""The probes of the Key Vault, and the cluster check of the store that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.clients.azure.login import LOGIN_HINT, find_login
from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Ref
from wizard.engine.probes import (
    ProbeResult,
    fail_result,
    pass_result,
    skip_result,
    unknown_result,
)
from wizard.manifests.external_secrets import API_VERSION
from wizard.stores.azure.questions import SERVER_KEY
from wizard.stores.azure.settings import azure_settings
from wizard.systems.azure.probes import TENANT_KEY, key_vault_probes
from wizard.systems.cluster.external_secrets import diagnose_store_ref
from wizard.systems.cluster.probes import ClusterCheck

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube
    from wizard.engine.probes import Probe
    from wizard.manifests.release import Release
    from wizard.systems.situation import Situation


def list_probes(situation: Situation) -> Iterator[Probe]:
    """Yield the probes of the Key Vault, with the login of this machine."""
    from wizard.plan.render import render
    from wizard.secrets.payload import collect_facts

    answers, release = situation.answers, situation.release
    store = azure_settings(answers.secrets, release)
    if not store.mount:
        return
    login, absent = find_login(), skip_result(f"no Azure login found ({LOGIN_HINT})")
    if login is not None:
        refused = situation.refusal(
            SERVER_KEY, TENANT_KEY, use=f"log in to {store.vault_url} with {login.identity}"
        )
        if refused is not None:
            login, absent = None, refused
    if login is not None:
        situation.say(f"asking Key Vault {store.mount} with {login.identity}")
    facts = collect_facts(render(answers, release.assets).total.secrets)
    keys = [fact.key for fact in facts]
    yield from key_vault_probes(store, keys, release.owner_id, login, absent)


def list_cluster_checks(kube: Kube, answers: Answers, release: Release) -> tuple[ClusterCheck, ...]:
    """Return the check of whether the operator has logged in to the Key Vault."""
    store = azure_settings(answers.secrets, release)
    ref = Ref(API_VERSION, store.kind, store.name, release.namespace)
    return (
        ClusterCheck("store", "store of External Secrets", lambda: _check(kube, ref), SERVER_KEY),
    )


def _check(kube: Kube, ref: Ref) -> ProbeResult:
    try:
        found = kube.get(ref)
    except KubeError as error:
        return unknown_result(error.message, error.fix)
    if found is None:
        return skip_result(f"{ref} does not exist yet", "deliver it, then run the checks again")
    why = diagnose_store_ref(kube, ref)
    return fail_result(why.cause, why.fix) if why else pass_result(f"{ref} is valid")
