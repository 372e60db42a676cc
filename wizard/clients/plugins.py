"""The environment of login plugins that a kubeconfig names: without the wizard's own secrets."""

from __future__ import annotations

import os
from collections.abc import Collection

# Vault's logins, libpq's passwords and the variables of Airflow and of this wizard.
_SECRET_PREFIXES = ("VAULT_", "PG", "AIRFLOW")


def plugin_environment(hidden: Collection[str] = ()) -> dict[str, str]:
    """Return all variables except those that only the wizard reads.

    A plugin may need any variable of its own, so this is no allow-list. `hidden` are the names of
    variables that the answers read secrets from.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name not in hidden and not name.startswith(_SECRET_PREFIXES)
    }
