"""Probes of Vault: its certificate and state, this machine's token, and the store's access.

Vault is read twice: without a login (certificate, state), and with this machine's login. If the
cluster issues a token of the store's ServiceAccount, the store's own login is tested as well,
because Vault reports the cause of a refused login only in its own log (facts on Vault, section 2).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
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
from wizard.formats.terminal import escape_unprintable
from wizard.systems.situation import TokenSource
from wizard.systems.vault.login_evidence import Surroundings
from wizard.systems.vault.looks import (
    AuthState,
    VaultSnapshot,
    compare_vaults,
    make_snapshot_lookup,
    policy_path,
    read_health,
    role_path,
)
from wizard.systems.vault.namespace import find_namespace_problem
from wizard.systems.vault.ownership import judge_payload
from wizard.systems.vault.role_probe import classify_error, role_probe
from wizard.systems.vault.uses import APPLY_REQUESTS

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
    around: Surroundings | None = None,
    known: str = "",
    others: Sequence[VaultSettings] = (),
    runtime: VaultSettings | None = None,
    runtime_mint: TokenSource | None = None,
    source: str = "",
    find_named: Callable[[], Collection[str]] = frozenset,
) -> Iterator[Probe]:
    """Yield all probes of one Vault.

    Without an `identity` the probes that need a login are skipped (`absent` gives the reason).
    `mint` issues a token of the store's ServiceAccount with the store's audience. `around` is the
    cluster that it is from, where a refused login looks for its cause. `known` is the id of the
    Vault that earlier runs of `apply` used. `others` are the paths of further readers such as Argo
    CD. `runtime` is the role of Airflow's own pods, and `runtime_mint` issues a token of one of
    their accounts. `source` is that of this installation, and `find_named` returns the mounts that
    its answers name now or did earlier.
    """
    around = around or Surroundings(address)
    state = CachedCall(lambda: read_health(address))
    own = (
        CachedCall(
            make_snapshot_lookup(
                address,
                identity,
                store,
                *others,
                runtime=runtime,
                source=source,
                find_named=find_named,
            )
        )
        if identity is not None
        else None
    )
    no_login = absent or skip_result("no Vault credentials found on this machine", LOGIN_HINT)

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
                return no_login if what == "token" else skip_result("needs vault.token")
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
            "namespace", "", lambda one: check_namespace(one, address, store, version)
        ).run()

    def login(of: VaultSettings, issue: TokenSource | None, title: str) -> Probe:
        async def run() -> ProbeResult:
            if not _is_usable(await state()):
                return skip_result("needs vault.state")
            seen = await own() if own is not None else None
            auth = seen.auth_of(of) if isinstance(seen, VaultSnapshot) else AuthState()
            return await role_probe(of, issue, auth, around)

        name = f"vault.{of.qualified_name('role')}"
        return Probe(name, title, address.endpoint, run, 2 * SECONDS, of.question("role"))

    yield outside(
        "certificate",
        lambda seen: check_certificate(seen, address),
        "secrets.vault.ca.file",
        proves_peer=True,
    )
    yield outside("state", lambda seen: check_state(seen, address, known), SERVER_QUESTION)
    yield inside("token", "token", check_token)
    if address.namespace or store.vault_namespace:
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
        lambda seen: check_payload_rights(seen, store, source),
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
            partial(check_payload_rights, store=other, source=source),
            other.question("path"),
        )
        title = f"rights on {other.reader}'s policy and role"
        yield inside(
            other.qualified_name("setup"),
            title,
            partial(check_setup_rights, store=other),
            other.question("role"),
        )
    yield login(store, mint, "Vault: the store's login")
    if runtime is not None:
        yield inside(
            runtime.qualified_name("setup"),
            "rights on the runtime policy and role",
            partial(check_setup_rights, store=runtime),
            runtime.question("role"),
        )
        yield login(runtime, runtime_mint, "Vault: Airflow's login")


def _is_usable(seen: Health | VaultError) -> bool:
    return isinstance(seen, Health) and seen.state in {
        "active", "standby", "performance standby",
    }  # fmt: skip


def check_certificate(seen: Health | VaultError, address: VaultAddress) -> ProbeResult:
    """Check the server's TLS certificate."""
    if not address.url.startswith("https://"):
        return skip_result("http to this machine: there is no certificate to verify")
    if isinstance(seen, VaultError) and seen.kind == "tls":
        return fail_result(seen.message, seen.fix)
    if isinstance(seen, VaultError) and seen.kind == "unreachable":
        return skip_result("needs vault.state")
    return pass_result(
        "verified with the configured CA" if address.ca else "verified with this system's CAs"
    )


def check_state(
    seen: Health | VaultError, address: VaultAddress | None = None, known: str = ""
) -> ProbeResult:
    """Check Vault's identity, initialisation, seal and clock; a standby node forwards requests."""
    if isinstance(seen, VaultError):
        return (
            skip_result("needs vault.certificate") if seen.kind == "tls" else classify_error(seen)
        )
    if seen.state == "sealed":
        return fail_result("sealed", "ask the holders of its keys to unseal it, then try again")
    if seen.state == "uninitialised":
        return fail_result("not initialised", "ask its owner to run: vault operator init")
    if seen.state == "disaster recovery standby":
        return fail_result(
            "a disaster recovery standby, which serves no clients",
            "set secrets.vault.server to the primary cluster",
        )
    if address is not None and (other := compare_vaults(address, seen.cluster_id, known)):
        return fail_result(
            other, f"use the Vault of the earlier run: check {address.source}; apply refuses this"
        )
    if abs(seen.skew) > MAX_SKEW:
        ahead = "ahead of" if seen.skew > 0 else "behind"
        return warn_result(
            f"{seen.state}; its clock is {abs(seen.skew):.0f} s {ahead} this machine's",
            "synchronise both clocks (NTP): logins depend on the time",
        )
    return pass_result(f"{seen.state}, version {seen.version}")


def check_token(seen: VaultSnapshot) -> ProbeResult:
    """Check the policies and the remaining time of this machine's token."""
    if isinstance(seen.token, VaultError):
        if seen.token.kind == "namespace":
            return skip_result("needs vault.namespace")
        return classify_error(seen.token)
    token = seen.token
    if token.is_hidden:
        return warn_result(
            "valid, but may not look itself up: its policies, its rights and its remaining time "
            "are not known",
            "add the policy default to see them; secrets and apply try all the same",
        )
    remaining = f"{token.ttl // 60} min left" if token.ttl else "never expires"
    detail = f"{token.name or 'token'}, policies {', '.join(token.policies) or 'none'}; {remaining}"
    if token.uses is not None:
        return warn_result(
            f"{detail}; {token.uses} requests left (token_num_uses)",
            f"use a token without a limit of uses: apply needs up to {APPLY_REQUESTS} requests",
        )
    if "root" in token.policies:
        return warn_result(detail, "log in with a token that has only the rights needed here")
    if 0 < token.ttl < MIN_TOKEN_SECONDS:
        return warn_result(detail, "log in again before you begin")
    if not token.ttl:
        return warn_result(detail, "use a token that expires")
    return pass_result(detail)


def check_namespace(
    seen: VaultSnapshot, address: VaultAddress, store: VaultSettings, version: str
) -> ProbeResult:
    """Check that the token can act in the store's namespace."""
    wanted = address.namespace
    if isinstance(seen.token, VaultError):
        failing = seen.token.kind == "namespace"
        return classify_error(seen.token) if failing else skip_result("needs vault.token")
    own = seen.token.namespace
    if own and wanted != own and not wanted.startswith(f"{own}/"):
        return fail_result(
            f"the token belongs to {own} and cannot act in {wanted}",
            Fix(
                f"log in with namespace {wanted}, or: {address.namespace_fix}",
                address.namespace_fix.question,
            ),
        )
    problem = find_namespace_problem(address, store, version)
    if problem is not None:
        return warn_result(problem.text, problem.fix)
    return pass_result(wanted or "the root")


def check_mount(seen: VaultSnapshot, store: VaultSettings) -> ProbeResult:
    """Check that the mount is KV version 2 and keeps what is written.

    A write to version 1 would expose the values.
    """
    if isinstance(seen.mount, Mount):
        kept = seen.retention
        if isinstance(kept, VaultError):
            return unknown_result(kept.message, kept.fix)
        if kept.fault:
            return fail_result(kept.fault, kept.fix)
        if kept.warning:
            return warn_result(kept.warning, kept.warning_fix)
        return pass_result(f"{store.mount} is KV version 2")
    if seen.mount.kind in {"missing", "forbidden"}:
        if refused := seen.moved.refuse_new(store.mount):
            return fail_result(*refused)
        if seen.mounts is not None and store.mount not in seen.mounts:
            return warn_result(
                f"mount {store.mount} does not exist yet",
                f"ask Vault's owner to run: vault secrets enable -path={store.mount} -version=2 kv",
            )
        return unknown_result(seen.mount.message, seen.mount.fix)
    return classify_error(seen.mount)


def check_payload_rights(seen: VaultSnapshot, store: VaultSettings, source: str) -> ProbeResult:
    """Check whose the payload is, and the rights on it, as `secrets` does.

    Missing rights only warn, since others may fill it.
    """
    owner = judge_payload(seen.payloads.get(store.data_path) or {}, source)
    if owner.is_proven_foreign:
        question = store.question("path")
        return fail_result(
            f"{store.mount}/{store.path} {escape_unprintable(owner.reason)}",
            Fix(f"set {question} to a path of this installation", question),
        )
    if isinstance(seen.rights, VaultError):
        return unknown_result(seen.rights.message, seen.rights.fix)
    own = seen.rights[store.data_path]
    if "root" in own or {"create", "read", "update"} <= own:
        return pass_result(f"can read and write {store.data_path}")
    missing = [right for right in ("create", "read", "update") if right not in own]
    return warn_result(
        f"cannot {', '.join(missing)} {store.data_path}",
        "ask Vault's owner for these rights on exactly this path, or to fill the payload",
    )


def check_setup_rights(seen: VaultSnapshot, store: VaultSettings) -> ProbeResult:
    """Check that this token can write policy and role; otherwise Vault's owner writes them."""
    if isinstance(seen.rights, VaultError):
        return unknown_result(seen.rights.message, seen.rights.fix)
    paths = (policy_path(store), role_path(store))
    denied = [
        path
        for path in paths
        if "root" not in (own := seen.rights[path]) and not {"create", "update"} <= own
    ]
    if denied:
        return skip_result(f"Vault's owner must write {' and '.join(denied)}")
    return pass_result("can write both")
