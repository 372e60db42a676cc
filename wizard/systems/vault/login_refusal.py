"""Why Vault refuses the store's login: one judgement for `apply`, `check --live` and the screens.

Vault says what is wrong with the role or with the claims of the token. For everything else it says
"permission denied" and writes the reason to its debug log only. What can be read or tried then
leaves fewer causes; where several are left, they are listed, the likeliest first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.clients.vault.transport import VaultError
from wizard.errors import Fix
from wizard.formats.addresses import is_loopback
from wizard.formats.jwt import parse_audiences, parse_issuer
from wizard.formats.terminal import escape_unprintable
from wizard.stores.vault.questions import NO_AUDIENCE
from wizard.systems.vault import reviewer
from wizard.systems.vault.auth_config import AuthConfigSpec, has_other_ca, parse_server
from wizard.systems.vault.login_evidence import (
    HostState,
    ReviewerState,
    Surroundings,
    is_refused_early,
    try_host,
    try_reviewer,
)
from wizard.systems.vault.looks import AuthState, config_path, role_path

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.stores.vault.settings import VaultSettings

_ACCOUNT = f"{reviewer.NAMESPACE}/{reviewer.ACCOUNT}"
_ASK_REVIEWER = (
    'kubectl --token="$(cat reviewer.token)" auth can-i create tokenreviews.authentication.k8s.io'
)
_WHOSE: Mapping[ReviewerState, str] = {
    "missing": f"and only its owner knows the account: there is no ServiceAccount {_ACCOUNT}",
    "unknown": "and only its owner knows the account",
}


@dataclass(frozen=True, slots=True)
class LoginRefusal:
    """The causes of a refused login, for messages.

    `is_proven`: the login of External Secrets is refused too, and not only this machine's.
    """

    detail: str
    fix: Fix
    is_proven: bool


@dataclass(frozen=True, slots=True)
class Cause:
    """A possible cause, and the command that decides or corrects it.

    `rank` orders causes, the likeliest first; `is_certain` excludes all others.
    """

    text: str
    command: str
    question: str = ""
    rank: int = 0
    is_certain: bool = False


def explain_refusal(
    error: VaultError,
    store: VaultSettings,
    token: SecretStr,
    state: AuthState,
    around: Surroundings,
) -> LoginRefusal:
    """Return the causes that are left for a login that Vault refused with `error`.

    Where that excludes a cause, sends a login that cannot succeed, a TLS handshake, and a question
    to the API server.
    """
    if error.reason:
        causes = [_explain_reason(error.reason, store, token, state)]
        return _describe(error, causes, is_proven=state.is_complete)
    bound = show_field(state.role or {}, "token_bound_cidrs")
    # A readable role without bound addresses needs no try.
    if (not state.role or bound) and is_refused_early(store, around.address):
        causes = list_early_causes(store, state, bound)
        return _describe(error, causes, is_proven=False)
    host = try_host(state.config, around) if state.config else "not tried"
    account = try_reviewer(around.kube)
    causes = list_review_causes(store, state, around.cluster, host, account)
    return _describe(error, causes, is_proven=state.is_complete)


def _describe(error: VaultError, causes: Sequence[Cause], *, is_proven: bool) -> LoginRefusal:
    if len(causes) == 1:
        only = causes[0]
        fix = Fix(only.command, only.question)
        return LoginRefusal(f"{error.message}: {only.text}", fix, is_proven)
    listed = "; ".join(
        f"({number}) {one.text}: {one.command}" for number, one in enumerate(causes, 1)
    )
    return LoginRefusal(
        f"{error.message}; Vault does not say why",
        Fix(f"possible causes, the likeliest first: {listed}"),
        is_proven,
    )


def list_early_causes(store: VaultSettings, state: AuthState, bound: str) -> list[Cause]:
    """Return the causes of a refusal before Vault looks at the token."""
    found = []
    role = f"role {store.role} at auth/{store.auth_mount}"
    if bound or not state.role:
        found.append(
            Cause(
                f"token_bound_cidrs of the {role}{f' ({bound})' if bound else ''} do not contain "
                "this machine's address; whether External Secrets may log in is not known",
                "compare them with the addresses from which External Secrets reaches Vault: "
                f"vault read -field=token_bound_cidrs {role_path(store)}",
            )
        )
    if state.exists is None:
        found.append(
            Cause(
                f"there is no auth mount {store.auth_mount}, or it is not of type kubernetes",
                f"vault read sys/auth/{store.auth_mount}",
                store.question("auth_mount"),
            )
        )
    return [*found, *_list_key_causes(store, state)]


def list_review_causes(
    store: VaultSettings,
    state: AuthState,
    cluster: AuthConfigSpec,
    host: HostState,
    account: ReviewerState,
) -> list[Cause]:
    """Return the possible causes of a refused token review, the likeliest first.

    `host` is what this machine's handshake with `kubernetes_host` showed, `account` whether the
    wizard's own reviewer may review tokens.
    """
    found = [
        *_list_key_causes(store, state),
        *_list_host_causes(store, state.config, cluster, host),
        *_list_reviewer_causes(store, state.config, account),
    ]
    certain = [one for one in found if one.is_certain]
    return certain[:1] or sorted(found, key=lambda one: one.rank)


def _list_key_causes(store: VaultSettings, state: AuthState) -> Iterator[Cause]:
    if (state.config or {}).get("pem_keys"):
        yield Cause(
            f"pem_keys of auth/{store.auth_mount}/config do not verify the cluster's tokens",
            "compare them with the cluster's keys: kubectl get --raw /openid/v1/jwks",
            rank=1,
        )


def _list_host_causes(
    store: VaultSettings, config: Mapping[str, Any] | None, cluster: AuthConfigSpec, host: HostState
) -> Iterator[Cause]:
    """Yield causes in the way from Vault to the cluster, as far as they are not excluded."""
    shown, path = _find_host(config), config_path(store)
    name, _, _ = parse_server(shown)
    reach = f"on Vault's machine, run: curl -sS --cacert ca.pem {shown or 'HOST'}/readyz"
    # A loopback address is this machine's only if Vault runs here, which a handshake then shows.
    is_here = is_loopback(name)
    if host == "vault's own":
        yield Cause(
            f"kubernetes_host of {path} is {shown}, the machine that Vault runs on", _correct(path)
        )
    elif host == "unreachable":
        yield Cause(
            f"kubernetes_host of {path} is {shown}, which this machine cannot reach either",
            f"{reach}; to correct it: {_correct(path)}",
            is_certain=is_here,
        )
    elif host == "untrusted":
        certain = is_here or (config is not None and has_other_ca(config, cluster))
        yield Cause(
            f"kubernetes_ca_cert of {path} does not sign the certificate of {shown}, as seen from "
            "this machine",
            _correct(path),
            is_certain=certain,
        )
    elif config is None or not (host == "verified" and is_here):
        where = f"kubernetes_host ({shown})" if shown else "kubernetes_host"
        also = ", which this machine reaches" if host == "verified" else ""
        yield Cause(f"Vault cannot reach {where}{also}", reach, rank=3)
        if host != "verified":
            yield Cause(
                f"kubernetes_ca_cert of {path} does not sign the cluster's certificate",
                f"compare it with the cluster's CA: vault read -field=kubernetes_ca_cert {path}",
                rank=0 if config and has_other_ca(config, cluster) else 4,
            )
    if config and cluster.hosts and parse_server(shown) not in cluster.hosts:
        yield Cause(f"kubernetes_host of {path} is {shown}, another cluster", _correct(path))


def _list_reviewer_causes(
    store: VaultSettings, config: Mapping[str, Any] | None, account: ReviewerState
) -> Iterator[Cause]:
    """Yield causes in the account that reviews tokens, as far as they are not excluded."""
    path = config_path(store)
    has_token = config is None or config.get("token_reviewer_jwt_set") is not False
    if not has_token and config and config.get("disable_local_ca_jwt"):
        yield Cause(
            f"{path} has no token_reviewer_jwt, so nobody reviews the token",
            _correct(path),
            is_certain=True,
        )
    elif not has_token:
        yield Cause(
            "Vault's own ServiceAccount may not review tokens",
            "kubectl auth can-i create tokenreviews.authentication.k8s.io "
            "--as=system:serviceaccount:<namespace>:<account>; to allow it: kubectl create "
            "clusterrolebinding vault-auth-delegator --clusterrole=system:auth-delegator "
            "--serviceaccount=<namespace>:<account>",
            rank=1,
        )
    elif account == "may review":
        yield Cause(
            f"token_reviewer_jwt of {path} is not a valid token of ServiceAccount {_ACCOUNT}, "
            "which may review tokens",
            f"have its owner run: {_ASK_REVIEWER}; to replace it: {_correct(path)}",
            rank=1,
        )
    else:
        known = account == "may not review"
        who = f"ServiceAccount {_ACCOUNT}" if known else "the account of token_reviewer_jwt"
        bind = (
            f"kubectl create clusterrolebinding {reviewer.BINDING} "
            f"--clusterrole=system:auth-delegator --serviceaccount={_ACCOUNT.replace('/', ':')}"
        )
        yield Cause(
            f"token_reviewer_jwt of {path} is expired, deleted or of another cluster",
            f"have its owner run: {_ASK_REVIEWER}; 'Unauthorized' means this cause",
            rank=1,
        )
        yield Cause(
            f"{who} may not review tokens (system:auth-delegator)",
            bind if known else f"the same command; 'no' means this cause, {_WHOSE[account]}",
            rank=0 if known else 2,
        )


def _find_host(config: Mapping[str, Any] | None) -> str:
    return show_field(config or {}, "kubernetes_host")


def _correct(path: str) -> str:
    return (
        f"ask Vault's owner to run, with every field, since it replaces all: vault write {path} "
        "kubernetes_host=... kubernetes_ca_cert=@ca.pem token_reviewer_jwt=@reviewer.token "
        "disable_local_ca_jwt=true"
    )


def explain_silence(error: VaultError, store: VaultSettings, state: AuthState) -> VaultError:
    """Return the error for a login that got no answer although Vault answers other requests."""
    host = _find_host(state.config)
    return VaultError(
        error.kind,
        f"{error.message} to the login of {store.role} at auth/{store.auth_mount}, but answers "
        f"other requests: it seems to wait for kubernetes_host{f' ({host})' if host else ''}",
        f"on Vault's machine, run: curl -sS --cacert ca.pem {host or 'HOST'}/readyz",
    )


def _explain_reason(reason: str, store: VaultSettings, token: SecretStr, state: AuthState) -> Cause:
    """Return the cause that Vault names, with both values where the role can be read."""
    role = state.role or {}
    read = f"vault read {role_path(store)}"
    jwt = token.get_secret_value()
    if reason == "config":
        return Cause(
            f"auth/{store.auth_mount} has no config yet",
            f"ask Vault's owner to run: vault write auth/{store.auth_mount}/config "
            "kubernetes_host=... (see the runbook)",
        )
    if reason == "role":
        return Cause(
            f"there is no role {store.role}",
            f"have Vault's owner create the role {store.role} ({store.question('role')})",
            store.question("role"),
        )
    if reason == "audience":
        return _explain_audience(store, parse_audiences(jwt), show_field(role, "audience"), read)
    if reason == "account":
        bound = show_field(role, "bound_service_account_names")
        return Cause(
            f"the role is not bound to ServiceAccount {store.service_account}"
            + (f", but to {bound}" if bound else ""),
            f"compare bound_service_account_names: {read}",
        )
    if reason == "namespace":
        bound = show_field(role, "bound_service_account_namespaces")
        return Cause(
            f"the role is not bound to namespace {store.account_namespace}"
            + (f", but to {bound}" if bound else ""),
            f"compare bound_service_account_namespaces: {read}",
        )
    if reason == "issuer":
        wanted = show_field(state.config or {}, "issuer")
        return Cause(
            f"the token's issuer is {parse_issuer(jwt) or 'unknown'}, but auth/{store.auth_mount} "
            f"wants {wanted or 'another one'}",
            "ask Vault's owner to write the config again with disable_iss_validation=true (the "
            "default): the token review checks the issuer",
        )
    return Cause(
        "a token that was just issued is expired or not yet valid for Vault",
        "synchronise the clocks of Vault and of the cluster (NTP)",
    )


def _explain_audience(store: VaultSettings, own: tuple[str, ...], bound: str, read: str) -> Cause:
    question = store.question("audience") if not store.reader else "secrets.vault.audience"
    if own and store.audience and store.audience not in own:
        return Cause(
            "the token has another audience",
            f"the token has audience {', '.join(own)}, but secrets.vault.audience is "
            f"{store.audience}: use the same audience in both",
            question,
        )
    return Cause(
        f"secrets.vault.audience is {store.audience or NO_AUDIENCE}, but the role wants "
        f"{bound or 'another audience'}",
        f"compare secrets.vault.audience with the role's audience: {read}",
        question,
    )


def show_field(data: Mapping[str, Any], name: str) -> str:
    """Return a field of a config or role for a message; empty if it is not set."""
    value = data.get(name)
    texts = value if isinstance(value, list) else [value] if value else []
    return escape_unprintable(", ".join(str(one) for one in texts))[:200]
