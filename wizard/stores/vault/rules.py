"""Rules over the answers about Vault, for what types cannot express."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from wizard.errors import Problem
from wizard.formats.nested import get_value
from wizard.stores.vault.questions import CLUSTER_STORE, VaultStore

_SERVER_ANSWERS = ("secrets", "vault")


def check_payload_path(answers: BaseModel) -> Iterator[Problem]:
    """Report a payload path that includes the mount or `data/`, which External Secrets adds."""
    vault: VaultStore = get_value(answers, _SERVER_ANSWERS)
    yield from check_path("secrets.vault.path", vault.path, vault.mount)


def check_path(key: str, path: str, mount: str) -> Iterator[Problem]:
    """Report a path that includes the mount or `data/`, as in a policy."""
    if path.startswith(("data/", f"{mount}/")):
        yield Problem(key, "leave out the mount and data/, for example airflow/config")


def check_operator_namespace(answers: BaseModel) -> Iterator[Problem]:
    """Report Airflow in the operator's namespace; a cluster-wide store uses its account."""
    if not CLUSTER_STORE.holds(answers):
        return
    namespace = get_value(answers, ("installation", "namespace"))
    vault: VaultStore = get_value(answers, _SERVER_ANSWERS)
    if namespace == vault.operator_namespace:
        yield Problem(
            "installation.namespace",
            f"use a namespace for Airflow only: {namespace} is the operator's",
        )
