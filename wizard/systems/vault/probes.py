"""Probes of Vault: its certificate and state, this machine's token, and what the store will meet.

Two looks are made: one as nobody (certificate, state), one as this machine. Where the cluster can
hand out a token of the store's ServiceAccount, the store's own login is tried as well, because
Vault tells the causes of a refused login apart in its own log only (facts on Vault, section 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from wizard.clients.vault.address import (
    LOGIN_HINT,
    SERVER_QUESTION,
    VaultAddress,
    VaultCredentials,
)
from wizard.clients.vault.protocol import Health, Mount
from wizard.clients.vault.transport import VaultError
from wizard.engine.probes import (
    CachedCall,
    Probe,
    ProbeResult,
    fail_result,
    pass_result,
    skip_result,
    unknown_result,
    warn_result,
)
from wizard.errors import Fix
from wizard.systems.situation import TokenSource
from wizard.systems.vault.looks import (
    VaultSnapshot,
    make_snapshot_lookup,
    policy_path,
    read_health,
    role_path,
)
from wizard.systems.vault.role_probe import role_probe

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings

SECONDS = 20.0
MAX_SKEW = 5.0
MIN_TOKEN_SECONDS = 600


def vault_probes(
    store: VaultSettings,
    address: VaultAddress,
    identity: VaultCredentials | None,
    *,
    absent: ProbeResult | None = None,
    mint: TokenSource | None = None,
    others: Sequence[VaultSettings] = (),
) -> Iterator[Probe]:
    """All probes of one Vault.

    Without an `identity` the probes that need one are skipped (`absent` says why). `mint` gives a
    token of the store's ServiceAccount with the store's audience. `others` are the paths that
    somebody else than Airflow reads.
    """
    state = CachedCall(lambda: read_health(address))
    own = (
        CachedCall(make_snapshot_lookup(address, identity, store, *others))
        if identity is not None
        else None
    )
    nobody = absent or skip_result("this machine has no identity in Vault", LOGIN_HINT)

    def outside(
        what: str,
        judge: Callable[[Health | VaultError], ProbeResult],
        question: str,
        *,
        proves_peer: bool = False,
    ) -> Probe:
        async def run() -> ProbeResult:
            return judge(await state())

        return Probe(
            f"vault.{what}",
            f"Vault: {what}",
            address.endpoint,
            run,
            SECONDS,
            question,
            proves_peer,
        )

    def inside(
        what: str,
        title: str,
        judge: Callable[[VaultSnapshot], ProbeResult],
        question: str = SERVER_QUESTION,
    ) -> Probe:
        async def run() -> ProbeResult:
            if not _is_usable(await state()):
                return skip_result("needs vault.state")
            if own is None:
                return nobody if what == "token" else skip_result("needs vault.token")
            seen = await own()
            if isinstance(seen, VaultError):
                return classify_error(seen) if what == "token" else skip_result("needs vault.token")
            if isinstance(seen.token, VaultError) and what not in {"token", "namespace"}:
                return skip_result("needs vault.token")
            return judge(seen)

        return Probe(f"vault.{what}", f"Vault: {title}", address.endpoint, run, SECONDS, question)

    async def namespace() -> ProbeResult:
        seen = await state()
        if not isinstance(seen, Health):
            return skip_result("needs vault.state")
        version = seen.version
        return await inside(
            "namespace", "", lambda one: check_namespace(one, address, version)
        ).run()

    async def role() -> ProbeResult:
        if not _is_usable(await state()):
            return skip_result("needs vault.state")
        seen = await own() if own is not None else None
        known = seen if isinstance(seen, VaultSnapshot) else None
        there = (
            None
            if known is None or known.auth_mounts is None
            else store.auth_mount in known.auth_mounts
        )
        return await role_probe(
            store, address, mint, mount_there=there, role_there=known.role if known else None
        )

    yield outside(
        "certificate",
        lambda seen: check_certificate(seen, address),
        "secrets.vault.ca.file",
        proves_peer=True,
    )
    yield outside("state", lambda seen: check_state(seen), SERVER_QUESTION)
    yield inside("token", "token", check_token)
    if address.namespace:
        yield Probe(
            "vault.namespace",
            "Vault: namespace",
            address.endpoint,
            namespace,
            2 * SECONDS,
            "secrets.vault.namespace",
        )
    yield inside("mount", "mount", lambda seen: check_mount(seen, store), "secrets.vault.mount")
    yield inside(
        "payload",
        "rights on the payload",
        lambda seen: check_payload_rights(seen, store),
        store.question("path"),
    )
    yield inside(
        "setup",
        "rights on policy and role",
        lambda seen: check_setup_rights(seen, store),
        store.question("role"),
    )
    for other in others:
        title = f"rights on {other.reader}'s path"
        yield inside(
            other.qualified_name("payload"),
            title,
            partial(check_payload_rights, store=other),
            other.question("path"),
        )
        title = f"rights on {other.reader}'s policy and role"
        yield inside(
            other.qualified_name("setup"),
            title,
            partial(check_setup_rights, store=other),
            other.question("role"),
        )
    yield Probe(
        "vault.role",
        "Vault: the store's login",
        address.endpoint,
        role,
        2 * SECONDS,
        store.question("role"),
    )


def classify_error(error: VaultError) -> ProbeResult:
    """What an error proves: what may be otherwise tomorrow or elsewhere proves nothing."""
    if error.transient:
        return unknown_result(error.message, error.fix)
    return fail_result(error.message, error.fix)


def _is_usable(seen: Health | VaultError) -> bool:
    return isinstance(seen, Health) and seen.state in {
        "active", "standby", "performance standby",
    }  # fmt: skip


def check_certificate(seen: Health | VaultError, address: VaultAddress) -> ProbeResult:
    """Whether Vault is proven to be the one that the authority knows."""
    if not address.url.startswith("https://"):
        return skip_result("http on this machine itself: there is nothing to verify")
    if isinstance(seen, VaultError) and seen.kind == "tls":
        return fail_result(seen.message, seen.fix)
    if isinstance(seen, VaultError) and seen.kind == "unreachable":
        return skip_result("needs vault.state")
    return pass_result(
        "verified with the given CA" if address.ca else "verified with this system's authorities"
    )


def check_state(seen: Health | VaultError) -> ProbeResult:
    """Vault's state; a standby node hands requests on."""
    if isinstance(seen, VaultError):
        return (
            skip_result("needs vault.certificate") if seen.kind == "tls" else classify_error(seen)
        )
    if seen.state == "sealed":
        return fail_result("sealed", "have it unsealed by those who hold its keys, then try again")
    if seen.state == "uninitialised":
        return fail_result("not initialised", "its owner initialises it: vault operator init")
    if seen.state == "disaster recovery standby":
        return fail_result(
            "a disaster recovery standby: it serves nobody", "name the primary cluster"
        )
    if abs(seen.skew) > MAX_SKEW:
        ahead = "ahead of" if seen.skew > 0 else "behind"
        return warn_result(
            f"{seen.state}; its clock is {abs(seen.skew):.0f} s {ahead} this machine's",
            "set both clocks by a time server (NTP): logins are judged by time",
        )
    return pass_result(f"{seen.state}, version {seen.version}")


def check_token(seen: VaultSnapshot) -> ProbeResult:
    """Who this machine is, and for how long."""
    if isinstance(seen.token, VaultError):
        if seen.token.kind == "namespace":
            return skip_result("needs vault.namespace")
        return classify_error(seen.token)
    token = seen.token
    left = f"{token.ttl // 60} min left" if token.ttl else "never ends"
    said = f"{token.name or 'token'}, policies {', '.join(token.policies) or 'none'}; {left}"
    if "root" in token.policies:
        return warn_result(said, "log in with a token that may do only what is needed here")
    if 0 < token.ttl < MIN_TOKEN_SECONDS:
        return warn_result(said, "log in again before you begin")
    if not token.ttl:
        return warn_result(said, "use a token that ends by itself")
    return pass_result(said)


def check_namespace(seen: VaultSnapshot, address: VaultAddress, version: str) -> ProbeResult:
    """Whether the token acts where the store will look."""
    wanted = address.namespace
    if isinstance(seen.token, VaultError):
        failing = seen.token.kind == "namespace"
        return classify_error(seen.token) if failing else skip_result("needs vault.token")
    own = seen.token.namespace
    if own and wanted != own and not wanted.startswith(f"{own}/"):
        return fail_result(
            f"the token belongs to {own} and cannot act in {wanted}",
            Fix(
                f"log in with namespace {wanted}, or correct secrets.vault.namespace",
                "secrets.vault.namespace",
            ),
        )
    # OpenBao counts from 2; Vault's Enterprise editions end in +ent.
    if version.startswith("1.") and "+ent" not in version:
        return warn_result(
            f"Vault {version} is not Enterprise: it has no namespaces and looks in the root",
            Fix(
                "leave secrets.vault.namespace empty, or name the Vault that has the namespace",
                "secrets.vault.namespace",
            ),
        )
    return pass_result(wanted)


def check_mount(seen: VaultSnapshot, store: VaultSettings) -> ProbeResult:
    """KV version 2 where the answers say; version 1 would keep values in clear elsewhere."""
    if isinstance(seen.mount, Mount):
        return pass_result(f"{store.mount} is KV version 2")
    if seen.mount.kind in {"missing", "forbidden"}:
        if seen.mounts is not None and store.mount not in seen.mounts:
            return warn_result(
                f"there is no mount {store.mount} yet",
                f"its owner makes it: vault secrets enable -path={store.mount} -version=2 kv",
            )
        return unknown_result(seen.mount.message, seen.mount.fix)
    return classify_error(seen.mount)


def check_payload_rights(seen: VaultSnapshot, store: VaultSettings) -> ProbeResult:
    """What this machine may do with the payload; nothing is no fault, where others fill it."""
    if isinstance(seen.rights, VaultError):
        return unknown_result(seen.rights.message, seen.rights.fix)
    own = seen.rights[store.data_path]
    if "root" in own or {"create", "read", "update"} <= own:
        return pass_result(f"may read and write {store.data_path}")
    lacking = [right for right in ("create", "read", "update") if right not in own]
    return warn_result(
        f"may not {', '.join(lacking)} {store.data_path}",
        "ask Vault's owner for these rights on exactly this path, or have somebody else fill it",
    )


def check_setup_rights(seen: VaultSnapshot, store: VaultSettings) -> ProbeResult:
    """Whether policy and role can be written from here; else their owner does it."""
    if isinstance(seen.rights, VaultError):
        return unknown_result(seen.rights.message, seen.rights.fix)
    paths = (policy_path(store), role_path(store))
    left = [
        path
        for path in paths
        if "root" not in (own := seen.rights[path]) and not {"create", "update"} <= own
    ]
    if left:
        return skip_result(f"left to Vault's owner: {' and '.join(left)}")
    return pass_result("may write both")
