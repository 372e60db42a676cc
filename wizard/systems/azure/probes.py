"""Probes of the Key Vault: it answers for the right tenant, and has the installation's secrets.

Values are never read: the list of secrets has names and tags.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from wizard.clients.azure.errors import KeyVaultError
from wizard.clients.azure.key_vault import CONNECT_SECONDS, READ_SECONDS, open_key_vault
from wizard.clients.lazy import import_modules
from wizard.engine.probes import (
    Probe,
    ProbeResult,
    fail_result,
    pass_result,
    skip_result,
    unknown_result,
    wrap_blocking,
)
from wizard.errors import Fix, WizardError
from wizard.formats.terminal import escape_unprintable, format_first
from wizard.systems.azure.ownership import judge_tags

if TYPE_CHECKING:
    from wizard.clients.azure.login import AzureLogin
    from wizard.stores.azure.settings import AzureSettings

SECONDS = 45.0
URL_KEY, TENANT_KEY = "secrets.azure.vault_url", "secrets.azure.tenant_id"
_CHALLENGE = re.compile(r'authorization="https://([^/"]+)/([^/"]+)"')
_FILL = Fix("create them: airflow-wizard secrets")


def key_vault_probes(
    store: AzureSettings,
    keys: Collection[str],
    source: str,
    login: AzureLogin | None,
    absent: ProbeResult | None,
) -> Iterator[Probe]:
    """Yield the probes; without a `login`, `absent` is the result of those that need one.

    `keys` are those of the payload, and `source` is that of this installation.
    """
    yield Probe(
        "azure.state",
        "Key Vault: state",
        store.mount,
        wrap_blocking(lambda: check_state(store)),
        SECONDS,
        URL_KEY,
        proves_peer=True,
    )

    def look() -> ProbeResult:
        if login is None:
            return absent or skip_result("no Azure login found on this machine")
        return check_secrets(store, keys, source, login)

    yield Probe(
        "azure.secrets", "Key Vault: secrets", store.mount, wrap_blocking(look), SECONDS, URL_KEY
    )


def check_state(store: AzureSettings) -> ProbeResult:
    """Return whether a Key Vault of the answers' tenant answers; sends no login.

    A Key Vault names its tenant to everybody, in the challenge to a request without a token.
    """
    import_modules("requests")
    import requests

    try:
        found = requests.get(
            f"{store.vault_url}/secrets?api-version=7.4",
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
        )
    except requests.exceptions.SSLError as error:
        text = escape_unprintable(str(error.args[0]))[:200]
        return fail_result(f"its certificate is not valid for this machine: {text}")
    except requests.RequestException as error:
        return unknown_result(
            f"not reachable from here: {type(error).__name__}",
            "the cluster may still reach it; check name resolution and its network rules",
        )
    challenge = _CHALLENGE.search(found.headers.get("WWW-Authenticate", ""))
    if found.status_code != 401 or challenge is None:
        return fail_result(
            f"HTTP {found.status_code} instead of a Key Vault's challenge",
            Fix("check the address, and proxies on the way", URL_KEY),
        )
    tenant = challenge[2]
    if tenant.lower() != store.tenant_id:
        return fail_result(
            f"it belongs to tenant {escape_unprintable(tenant)[:80]}",
            Fix(f"correct {TENANT_KEY}, or the address", TENANT_KEY),
        )
    return pass_result("answers, certificate valid, tenant as in the answers")


def check_secrets(
    store: AzureSettings, keys: Collection[str], source: str, login: AzureLogin
) -> ProbeResult:
    """Return whether the Key Vault has a secret for each key, none disabled or of others."""
    try:
        with open_key_vault(store.vault_url, store.tenant_id, login) as vault:
            found = {one.name: one for one in vault.list_secrets(f"{store.path}-")}
            wanted = [store.secret_name(key) for key in keys]
            missing = [name for name in wanted if name not in found]
            deleted = [name for name in missing if vault.is_deleted(name)]
    except KeyVaultError as error:
        unseen = error.transient or error.kind in {"forbidden", "network", "login"}
        return (unknown_result if unseen else fail_result)(error.message, error.fix)
    except WizardError as error:
        return unknown_result(error.message, error.fix)
    disabled = [name for name in wanted if name in found and not found[name].enabled]
    foreign = [
        name
        for name in wanted
        if name in found and judge_tags(found[name].tags, source).is_proven_foreign
    ]
    who = f"as {login.identity}"
    if foreign:
        return fail_result(
            f"{format_first(foreign)}: made by another installation, {who}",
            Fix("set secrets.azure.prefix to one of this installation", "secrets.azure.prefix"),
        )
    if deleted:
        command = f"az keyvault secret recover --vault-name {vault.name} --name {deleted[0]}"
        return fail_result(f"deleted: {format_first(deleted)}, {who}", Fix(f"recover: {command}"))
    if missing or disabled:
        named = format_first(missing or disabled)
        return fail_result(f"{'missing' if missing else 'disabled'}: {named}, {who}", _FILL)
    return pass_result(f"all {len(wanted)} secrets are there, {who}")
