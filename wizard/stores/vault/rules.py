"""What the types of Vault's questions cannot say."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from wizard.errors import Problem
from wizard.formats.nested import get_value
from wizard.stores.vault.questions import CLUSTER_STORE, VaultStore

_SERVER_ANSWERS = ("secrets", "vault")


def check_payload_path(answers: BaseModel) -> Iterator[Problem]:
    """External Secrets adds the mount and `data/` by itself."""
    vault: VaultStore = get_value(answers, _SERVER_ANSWERS)
    yield from check_path("secrets.vault.path", vault.path, vault.mount)


def check_path(key: str, path: str, mount: str) -> Iterator[Problem]:
    """A path in the KV engine, as people write it in policies, with what is added to it."""
    if path.startswith(("data/", f"{mount}/")):
        yield Problem(key, "leave out the mount and data/: airflow/config, for example")


def check_operator_namespace(answers: BaseModel) -> Iterator[Problem]:
    """A cluster-wide store logs in as the operator, so Airflow may not share its namespace."""
    if not CLUSTER_STORE.holds(answers):
        return
    namespace = get_value(answers, ("installation", "namespace"))
    vault: VaultStore = get_value(answers, _SERVER_ANSWERS)
    if namespace == vault.operator_namespace:
        yield Problem(
            "installation.namespace", f"give Airflow one of its own: {namespace} is taken"
        )
