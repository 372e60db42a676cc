"""The probes of Vault, and the cluster checks that Vault needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from wizard.clients.kube.protocol import Ref
from wizard.clients.vault.address import read_address, read_credentials
from wizard.engine.probes import (
    ProbeResult,
    fail_result,
    make_finished_probe,
    pass_result,
    unknown_result,
    warn_result,
)
from wizard.errors import Fix, WizardError
from wizard.formats.certificates import extract_certificates
from wizard.state.apply_journal import VAULT_CLUSTER_ID
from wizard.state.cluster_identity import require_same_cluster
from wizard.stores.vault.questions import CA_MAP_KEY, SERVER_KEY
from wizard.stores.vault.runtime import runtime_settings
from wizard.stores.vault.settings import vault_answers, vault_settings
from wizard.systems.cluster.probes import ClusterCheck
from wizard.systems.vault.audience import check_audience
from wizard.systems.vault.auth_mount import find_cluster_config
from wizard.systems.vault.login_evidence import Surroundings
from wizard.systems.vault.paths import list_named_mounts, list_payload_settings, list_vault_settings
from wizard.systems.vault.probes import vault_probes

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube
    from wizard.engine.probes import Probe
    from wizard.manifests.release import Release
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.situation import Situation


def make_token_source(
    kube: Kube, answers: Answers, store: VaultSettings
) -> Callable[[], SecretStr]:
    """Return a function that creates tokens of the role's ServiceAccount.

    It raises ConflictError if the cluster differs.
    """

    def mint() -> SecretStr:
        require_same_cluster(answers.cluster, kube.cluster())
        return kube.token(store.service_account, store.account_namespace, store.audience)

    return mint


def list_cluster_checks(kube: Kube, answers: Answers, release: Release) -> Iterator[ClusterCheck]:
    """Yield the checks of tokens that Vault accepts, and of the CA that others keep."""
    yield ClusterCheck(
        "audience",
        "token for the store",
        lambda: check_audience(kube, answers, release),
        "secrets.vault.audience",
    )
    store = vault_settings(answers.secrets, release)
    if store.ca_map:
        yield ClusterCheck("vault-ca", "CA of Vault", lambda: check_ca_map(kube, store), CA_MAP_KEY)


def check_ca_map(kube: Kube, store: VaultSettings) -> ProbeResult:
    """Check that the ConfigMap with the CA of Vault exists, and that its key holds certificates.

    A missing one is a warning: a program such as trust-manager creates it with the namespace.
    """
    ref = Ref("v1", "ConfigMap", store.ca_map, store.account_namespace)
    found = kube.get(ref)
    if found is None:
        fix = Fix("make sure that it exists before the store", CA_MAP_KEY)
        return warn_result(f"{ref} does not exist yet", fix)
    try:
        extract_certificates(str((found.get("data") or {}).get(store.ca_key) or ""))
    except ValueError as error:
        fix = Fix("set secrets.vault.ca.key to the key with the CA", "secrets.vault.ca.key")
        return fail_result(f"{ref}, key {store.ca_key}: {error}", fix)
    return pass_result(f"{ref} has the CA in key {store.ca_key}")


def list_vault_probes(situation: Situation) -> Iterator[Probe]:
    """Yield the probes of Vault, with the address and credentials of this machine."""
    settings = vault_settings(situation.answers.secrets, situation.release)
    own = vault_answers(situation.answers.secrets)
    try:
        where = read_address(
            own.server, ca=situation.asset("secrets.vault.ca.file"), namespace=own.namespace
        )
    except WizardError as error:
        result = unknown_result(error.message, error.fix)
        yield make_finished_probe("vault.state", "Vault: state", own.server, result, SERVER_KEY)
        return
    identity, absent = None, None
    try:
        identity = read_credentials()
    except WizardError as error:
        absent = unknown_result(error.message, error.fix)
    mint = situation.mint
    if where.source == SERVER_KEY and (identity or mint):
        # Only the answers name this server, so the user must confirm it.
        who = f" with {identity.identity}" if identity else ""
        absent = situation.refusal(
            SERVER_KEY,
            "secrets.vault.ca.file",
            use=f"log in to Vault at {where.endpoint}{who}",
        )
        if absent is not None:
            identity, mint = None, None
    if identity is not None:
        situation.say(f"asking Vault at {where.endpoint} with {identity.identity}")
    recorded = situation.answers.cluster.server
    cluster = find_cluster_config(settings.server, recorded, situation.kube, where)
    around = Surroundings(where, cluster, situation.kube)
    others = list_payload_settings(situation.answers, situation.release)[1:]
    runtime = runtime_settings(situation.answers.secrets, situation.release)
    if mint is not None and runtime is not None and situation.kube is not None:
        runtime_mint = make_token_source(situation.kube, situation.answers, runtime)
    else:
        runtime_mint = None
    yield from vault_probes(
        settings,
        where,
        identity,
        absent=absent,
        mint=mint,
        around=around,
        known=situation.known.get(VAULT_CLUSTER_ID, ""),
        others=others,
        runtime=runtime,
        runtime_mint=runtime_mint,
        source=situation.release.owner_id,
        find_named=lambda: _find_named(situation),
    )


def _find_named(situation: Situation) -> set[str]:
    answers, release = situation.answers, situation.release
    if situation.repository is not None:
        return list_named_mounts(answers, release, situation.repository)
    return {one.mount for one in list_vault_settings(answers, release)}
