"""How long a KV mount keeps the payload: a version that Vault deletes by itself takes the keys.

`delete_version_after` of the mount or of the path deletes every new version after that time. With
`max_versions` 1 a careless write destroys the version before it. Source: Vault's KV version 2
(`config`, `metadata/<path>`); a path may shorten the mount's time, but not lengthen it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.clients.vault.transport import VaultError
from wizard.errors import NO_FIX, Fix
from wizard.systems.vault.patience import retry_busy

if TYPE_CHECKING:
    from wizard.clients.vault.protocol import Vault
    from wizard.secrets.payload import PayloadPlace

_NEVER = ("", "0", "0s")


@dataclass(frozen=True, slots=True)
class Retention:
    """Why a payload would not last. Empty texts: nothing is wrong, as far as this login may read.

    `fault` is a time after which Vault deletes versions; `warning` a limit that keeps no copy.
    """

    fault: str = ""
    fix: Fix = NO_FIX
    warning: str = ""
    warning_fix: Fix = NO_FIX


def read_retention(vault: Vault, store: PayloadPlace) -> Retention:
    """Return how long the store's mount and path keep a payload; what is hidden is not judged."""
    mount, path = store.mount, store.path
    config = _read(vault, f"{mount}/config")
    about = _read(vault, f"{mount}/metadata/{path}")
    if _is_limited(config):
        return Retention(
            f"mount {mount} deletes every version after {config['delete_version_after']} "
            "(delete_version_after)",
            Fix(
                f"ask Vault's owner to run: vault write {mount}/config delete_version_after=0s; or "
                "set secrets.vault.mount to a different mount",
                "secrets.vault.mount",
            ),
        )
    if _is_limited(about):
        return Retention(
            f"{mount}/{path} deletes every version after {about['delete_version_after']} "
            "(delete_version_after)",
            Fix(
                "ask Vault's owner to run: vault kv metadata patch "
                f"-mount={mount} -delete-version-after=0s {path}"
            ),
        )
    current = about.get("current_version")
    versions = about.get("versions") or {}
    newest = versions.get(str(current)) or {}
    if newest.get("deletion_time") and _is_ahead(str(newest["deletion_time"])):
        return Retention(
            f"version {current} of {mount}/{path} will be deleted at {newest['deletion_time']}",
            Fix(f"to keep it, run: vault kv undelete -mount={mount} -versions={current} {path}"),
        )
    return _check_versions(mount, path, config, about)


def _check_versions(
    mount: str, path: str, config: Mapping[str, Any], about: Mapping[str, Any]
) -> Retention:
    limits = [one.get("max_versions") or 0 for one in (config, about)]
    if max(limits) != 1:
        return Retention()
    return Retention(
        warning=f"{mount}/{path} keeps 1 version only (max_versions): a careless write destroys "
        "the values before it",
        warning_fix=Fix(
            f"ask Vault's owner to run: vault kv metadata put -mount={mount} -max-versions=10 "
            f"{path}"
        ),
    )


def _read(vault: Vault, path: str) -> Mapping[str, Any]:
    """Return the data at a path; empty if it does not exist or this login may not read it."""
    try:
        return retry_busy(lambda: vault.call("GET", path)).data
    except VaultError as error:
        if error.kind in {"missing", "forbidden"}:
            return {}
        raise


def _is_limited(found: Mapping[str, Any]) -> bool:
    after = str(found.get("delete_version_after") or "")
    return after not in _NEVER and not after.startswith("-")


def _is_ahead(when: str) -> bool:
    from datetime import UTC, datetime

    try:
        # Vault writes nanoseconds, which Python does not parse before 3.11.
        return datetime.fromisoformat(when) > datetime.now(UTC)
    except ValueError:
        return True
