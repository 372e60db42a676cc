"""Rules over the answers about Vault, for what types cannot express."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from wizard.errors import Problem
from wizard.formats.nested import get_value
from wizard.stores.conditions import VAULT_BACKEND
from wizard.stores.vault.questions import CLUSTER_STORE, VaultStore
from wizard.stores.vault.settings import payload_path, runtime_folders, runtime_role

_SERVER_ANSWERS = ("secrets", "vault")
CONNECTIONS, VARIABLES = "secrets.backend.connections_path", "secrets.backend.variables_path"
RUNTIME_ROLE = "secrets.backend.role"


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


def runtime_paths(answers: BaseModel) -> Mapping[str, str]:
    """Return the folders of connections and variables, by the question of each."""
    backend = get_value(answers, ("secrets", "backend"))
    name = get_value(answers, ("installation", "name"))
    folders = runtime_folders(backend.connections_path, backend.variables_path, name)
    return dict(zip((CONNECTIONS, VARIABLES), folders, strict=True))


def is_within(path: str, folder: str) -> bool:
    """Return whether a path is a folder or something in it."""
    return f"{path}/".startswith(f"{folder}/")


def check_runtime(answers: BaseModel) -> Iterator[Problem]:
    """Report a secrets backend that could read the payload, or that shares the store's role."""
    vault: VaultStore = get_value(answers, _SERVER_ANSWERS)
    name = get_value(answers, ("installation", "name"))
    yield from check_apart(
        answers, payload_path(vault.path, name), vault.role, "Airflow's own keys"
    )


def check_apart(answers: BaseModel, path: str, role: str, what: str) -> Iterator[Problem]:
    """Report a secrets backend whose role reads `path`, or is `role`, which reads it.

    `what` is kept there.
    """
    if not VAULT_BACKEND.holds(answers):
        return
    vault: VaultStore = get_value(answers, _SERVER_ANSWERS)
    backend = get_value(answers, ("secrets", "backend"))
    if (backend.mount or vault.mount) == vault.mount:
        for key, folder in runtime_paths(answers).items():
            if is_within(path, folder):
                yield Problem(
                    key, f"use another folder: DAGs could read {what} at {path} in this one"
                )
    name = get_value(answers, ("installation", "name"))
    if runtime_role(backend.role, vault.role, name).lower() == role.lower():
        yield Problem(RUNTIME_ROLE, f"use a different role, or leave it empty: {role} reads {what}")
