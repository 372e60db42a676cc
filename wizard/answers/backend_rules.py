"""Rules on Airflow's secrets backend; those of a store and of a delivery are in their folders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.errors import Problem
from wizard.stores.conditions import AZURE_BACKEND, VAULT_BACKEND
from wizard.stores.vault.rules import CONNECTIONS, VARIABLES, check_path, is_within, runtime_paths

if TYPE_CHECKING:
    from wizard.answers.model import Answers


def check_backend(answers: Answers) -> Iterator[Problem]:
    """Report folders that include the mount, a folder in the other one, and a Key Vault's path."""
    if AZURE_BACKEND.holds(answers) and urlsplit(answers.secrets.backend.vault_url).path.strip("/"):
        yield Problem(
            "secrets.backend.vault_url",
            "leave out the path: give an address such as https://airflow.vault.azure.net",
        )
    if not VAULT_BACKEND.holds(answers):
        return
    folders = runtime_paths(answers)
    for key, folder in folders.items():
        yield from check_path(key, folder, answers.secrets.backend.mount or "secret")
    connections, variables = folders[CONNECTIONS], folders[VARIABLES]
    if is_within(connections, variables) or is_within(variables, connections):
        yield Problem(VARIABLES, f"use a folder beside {CONNECTIONS}, not the same or one in it")
