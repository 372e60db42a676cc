"""Airflow's secrets backends: their options, and what a login as a pod needs.

Source: providers hashicorp 4.8.4 (VaultBackend) and microsoft-azure 15.2.1 (AzureKeyVaultBackend);
facts on Vault, section 5. The token of a pod's ServiceAccount has the API server's own audience,
and VaultBackend cannot ask for another one. A projected token has the audience that the role binds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.formats.nested import get_value
from wizard.manifests.contribution import Mount

if TYPE_CHECKING:
    from wizard.manifests.release import Release

VAULT_CLASS = "airflow.providers.hashicorp.secrets.vault.VaultBackend"
AZURE_CLASS = "airflow.providers.microsoft.azure.secrets.key_vault.AzureKeyVaultBackend"
VAULT_PACKAGE = "apache-airflow-providers-hashicorp"
AZURE_PACKAGE = "apache-airflow-providers-microsoft-azure"
TOKEN_FOLDER = "/var/run/secrets/airflow-wizard/vault"  # noqa: S105 - a path
CA_FOLDER = "/etc/airflow-vault-ca"
# The chart's key of each component, by its label; `worker` has a rule of its own.
_KEYS = {"dag-processor": "dagProcessor", "api-server": "apiServer"}


def backend_users(release: Release) -> tuple[str, ...]:
    """Return the labels of the components that look up connections and variables."""
    worker = ("worker",) if release.celery or release.kubernetes else ()
    return (release.web_component, "scheduler", "dag-processor", "triggerer", *worker)


def list_service_accounts(release: Release, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ServiceAccounts of these components, by the Helm values in effect.

    Source: chart 1.22.0, `serviceAccountName` in its helpers.
    """
    found = []
    for label in backend_users(release):
        key = "workers" if label == "worker" else _KEYS.get(label, label)
        found.append(_name_account(release, values, (key,), label))
    own = get_value(values, ("workers", "kubernetes", "serviceAccount", "create"))
    if release.kubernetes and own:
        path = ("workers", "kubernetes")
        found.append(_name_account(release, values, path, "worker-kubernetes"))
    return tuple(dict.fromkeys(found))


def _name_account(
    release: Release, values: Mapping[str, Any], path: tuple[str, ...], suffix: str
) -> str:
    account = get_value(values, (*path, "serviceAccount")) or {}
    name = str(get_value(account, ("name",)) or "")
    if get_value(account, ("create",)) is False:
        return name or "default"
    return name or release.names.service_account(suffix)


def backend_settings(backend: str, arguments: Mapping[str, object]) -> dict[str, object]:
    """Return the options that choose a backend.

    Airflow's parser gives `%` in a value a meaning of its own, so JSON writes it as an escape.
    """
    text = json.dumps(arguments).replace("%", "\\u0025")
    return {"config.secrets.backend": backend, "config.secrets.backend_kwargs": text}


def token_mounts(audience: str, ca_map: str) -> tuple[Mount, ...]:
    """Return the mounts of the token for Vault and of Vault's CA, if they are needed."""
    token = (Mount("vault-token", path=TOKEN_FOLDER, audience=audience),) if audience else ()
    return (*token, *((Mount("vault-ca", ca_map, CA_FOLDER),) if ca_map else ()))
