"""The Helm values that the wizard guards: links to Secrets, host keys, and hook switches.

Trust and the links to the Secrets depend on them, so neither a hand edit nor `values:` may change
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# Why a value is guarded, by the last part of its path.
_REASONS = {
    "knownHosts": "git-sync would trust a host key nobody verified, or none at all",
    "useHelmHooks": "the migration would wait for pods that wait for it",
    "applyCustomEnv": "the Job would get variables it must not have",
}
_OTHER = "Airflow would read a different Secret than the one that is created"
# Objects of the user's own have the same switches, which concern nothing else.
_OWN_OBJECTS = ("extraSecrets.", "extraConfigMaps.")
_SECRET_NAMES = ("SecretName", "sshKeySecret", "credentialsSecret", "existingSecret")
# Switches and names that decide which hosts exist; the Secrets contain their addresses.
HOST_VALUES = frozenset(
    (
        "postgresql.enabled",
        "pgbouncer.enabled",
        "redis.enabled",
        "fullnameOverride",
        "nameOverride",
        "useStandardNaming",
    )
)
# Where DAGs are cloned from; a question owns the address, and evidence belongs to its host.
SOURCE_VALUES = frozenset(("dags.gitSync.repo", "dagProcessor.dagBundleConfigList"))


def find_guarded_values(value: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted path and value of every guarded value below `value`."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from find_guarded_values(below, f"{path}.{key}" if path else str(key))
        return
    name = path.rpartition(".")[2]
    if path.startswith(_OWN_OBJECTS):
        return
    if name in _REASONS or path in HOST_VALUES | SOURCE_VALUES or name.endswith(_SECRET_NAMES):
        yield path, value


def explain_guarded_value(path: str) -> str:
    """Return what a change of this guarded value breaks."""
    if path in HOST_VALUES:
        return "the Secrets would contain addresses of hosts that do not exist or are not used"
    if path in SOURCE_VALUES:
        return "DAGs would be cloned from another address than the answers name"
    return _REASONS.get(path.rpartition(".")[2], _OTHER)
