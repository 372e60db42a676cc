"""Airflow's secrets backend, of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.contribution import Contribution, Flow
from wizard.manifests.remote_logs import IDENTITY_KEYS
from wizard.manifests.secrets_backend import (
    AZURE_CLASS,
    AZURE_PACKAGE,
    backend_settings,
    backend_users,
)
from wizard.stores.vault.runtime import contribute_runtime, runtime_files

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers

_HTTPS_PORT = 443


def contribute_backend(secrets: SecretsAnswers, release: Release) -> Contribution:
    """Return the options of the backend, and what its login needs."""
    if secrets.backend.kind == "azure":
        return _azure(secrets, release)
    return contribute_runtime(secrets, release)


def backend_files(secrets: SecretsAnswers, release: Release, total: Contribution) -> Contribution:
    """Return the files for the owner of the backend; they follow from the values in effect."""
    return runtime_files(secrets, release, total.values)


def _azure(secrets: SecretsAnswers, release: Release) -> Contribution:
    """Return Azure Key Vault; the pods log in by workload identity, with no secret."""
    backend = secrets.backend
    arguments: dict[str, object] = {
        "connections_prefix": backend.connections_prefix,
        "variables_prefix": backend.variables_prefix,
        "config_prefix": None,
        "vault_url": backend.vault_url,
    }
    users = backend_users(release)
    host = backend.vault_url.removeprefix("https://").partition("/")[0].partition(":")[0]
    note = (
        "## Connections and variables in Azure Key Vault\n\n"
        f"Airflow reads the secrets `{backend.connections_prefix}-<id>` (a connection as a URI or "
        f"JSON) and `{backend.variables_prefix}-<name>` of {backend.vault_url}, before it looks in "
        "its database. Names in a Key Vault have no underscores: write dashes instead.\n\n"
        "The pods log in by workload identity: bind the ServiceAccounts of "
        f"{', '.join(users)} to an identity with the role Key Vault Secrets User. {IDENTITY_KEYS}"
        "\n\nThis prints `found` if a connection is found; the command alone would print its "
        f"password:\n\n```bash\n{release.airflow_command} connections get my_database >/dev/null "
        "&& echo found\n```"
    )
    return Contribution(
        settings=backend_settings(AZURE_CLASS, arguments),
        flows=(
            Flow("Azure Key Vault", host, _HTTPS_PORT, users, complete=True),
            Flow("Azure login", "login.microsoftonline.com", _HTTPS_PORT, users),
        ),
        packages=(AZURE_PACKAGE,),
        notes=(note,),
    )
