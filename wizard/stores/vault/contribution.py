"""The files and steps of the store vault: store, ExternalSecrets, policy, role and guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.addresses import read_url_address
from wizard.manifests.account_guard import GUARD_STEP, account_guard
from wizard.manifests.certificates import ca_config_map
from wizard.manifests.contribution import Contribution, Link, StepSpec
from wizard.manifests.external_secrets import (
    OPERATOR,
    external_secret,
    secret_store,
    service_account,
)
from wizard.manifests.store_readers import reader_files
from wizard.manifests.tree import File
from wizard.stores.vault.manifests import policy_file, role_file, store_provider
from wizard.stores.vault.runtime import runtime_settings
from wizard.stores.vault.settings import (
    require_ca_file,
    vault_reader_settings,
    vault_settings,
)
from wizard.stores.vault.steps import (
    auth_step,
    mount_step,
    payload_step,
    policy_step,
    role_step,
)

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers


def compose_vault(secrets: SecretsAnswers, release: Release, total: Contribution) -> Contribution:
    """Return the store, an ExternalSecret per Secret, policy and role, also for other readers."""
    store = vault_settings(secrets, release)
    own = secrets.scope == "namespace"
    # For a cluster-wide store, the ConfigMap would have to be in the operator's namespace.
    ca_map = release.names.object_name("vault-ca") if own else ""
    manifests: list[File] = [secret_store(release, store, store_provider(store, ca_map))]
    files: list[File] = [policy_file(release, store), role_file(release, store)]
    if own:
        manifests.append(service_account(release, store))
        guard = account_guard(release, store.service_account)
        (files if release.gitops else manifests).extend(guard)
        if store.ca and not store.ca_map:
            manifests.append(ca_config_map(release, "vault-ca", store.ca))
    for secret in total.secrets:
        manifests.append(external_secret(release, store, secret))
    steps: tuple[StepSpec, ...] = (
        mount_step(store),
        policy_step(store),
        auth_step(store),
        role_step(store),
        payload_step(store),
    )
    for reader in total.readers:
        require_ca_file(secrets, f"the store of {reader.name} in namespace {reader.namespace}")
        settings = vault_reader_settings(secrets, release, reader)
        files.extend((policy_file(release, settings), role_file(release, settings)))
        files.extend(reader_files(release, settings, reader, store_provider(settings)))
        steps += (policy_step(settings), role_step(settings), payload_step(settings))
    runtime = runtime_settings(secrets, release)
    if runtime is not None:
        steps += (policy_step(runtime), role_step(runtime))
    return Contribution(
        manifests=tuple(manifests),
        existing_maps=(store.ca_map,) if store.ca_map else (),
        files=tuple(files),
        steps=(*steps, GUARD_STEP) if own else steps,
        links=(Link(OPERATOR, "Vault", *read_url_address(store.server), "values of the Secrets"),),
    )
