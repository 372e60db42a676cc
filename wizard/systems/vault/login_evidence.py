"""Evidence about a refused login: what this machine may read, and what it can try.

Vault checks a login in this order: the role's bound CIDRs, the claims of the token (each with a
message of its own), then a TokenReview at the cluster (path_login.go of
vault-plugin-auth-kubernetes). The first and the last are refused with the same words.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Ref, Right
from wizard.clients.vault.address import Jwt
from wizard.clients.vault.connect import open_vault
from wizard.clients.vault.transport import VaultError
from wizard.formats.addresses import is_loopback
from wizard.systems.vault import reviewer
from wizard.systems.vault.auth_config import IN_CLUSTER, AuthConfigSpec, parse_server

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.clients.kube.protocol import Kube
    from wizard.clients.vault.address import VaultAddress
    from wizard.stores.vault.settings import VaultSettings

_SECONDS = 3.0
_REVIEW = Right("create", "tokenreviews", "authentication.k8s.io")

HostState = Literal["verified", "untrusted", "unreachable", "vault's own", "not tried"]
ReviewerState = Literal["may review", "may not review", "missing", "unknown"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the refused login was tried: Vault, and the cluster if one is at hand.

    `cluster` is the config that the auth mount should have.
    """

    address: VaultAddress
    cluster: AuthConfigSpec = field(
        default_factory=lambda: AuthConfigSpec("", frozenset(), inside=False)
    )
    kube: Kube | None = None


def is_refused_early(store: VaultSettings, address: VaultAddress) -> bool:
    """Return whether Vault refuses this machine's address before it looks at a token.

    Tried with a token that no cluster issued. It opens nothing: Vault answers with what is wrong
    with its claims, unless the bound CIDRs of the role come first.
    """
    try:
        with open_vault(address, Jwt(store.auth_mount, store.role, _build_invalid_token())):
            return False
    except VaultError as error:
        return error.kind == "login" and not error.reason


def _build_invalid_token() -> SecretStr:
    account = {"name": "airflow-wizard-check", "uid": "none"}
    claims = {"aud": ["none"], "kubernetes.io": {"namespace": "none", "serviceaccount": account}}
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
    texts = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"none")]
    return SecretStr(".".join(texts))


def try_host(config: Mapping[str, Any], around: Surroundings) -> HostState:
    """Return what a TLS handshake from this machine with `kubernetes_host` shows; sends nothing."""
    url = str(config.get("kubernetes_host") or "")
    name, port, _ = parse_server(url)
    vault = urlsplit(around.address.url).hostname or ""
    if parse_server(url) == parse_server(IN_CLUSTER) or not port or url.startswith("http:"):
        return "not tried"
    if is_loopback(name) and not is_loopback(vault):
        return "vault's own"
    ca = str(config.get("kubernetes_ca_cert") or "")
    if not ca and not config.get("disable_local_ca_jwt"):
        # Vault uses the CA of its own pod.
        return "not tried"
    try:
        context = ssl.create_default_context(cadata=ca or None)
    except (ssl.SSLError, ValueError):
        return "untrusted"
    # As Go does: any certificate of the file is trusted, not only a root.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        with (
            socket.create_connection((name, port), _SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name),
        ):
            return "verified"
    except ssl.SSLCertVerificationError:
        return "untrusted"
    except (OSError, ValueError):
        return "unreachable"


def try_reviewer(kube: Kube | None) -> ReviewerState:
    """Return whether the wizard's own reviewer account may review tokens in this cluster.

    Asks the API server as that account, with a token of it that lives for minutes. Whether Vault
    has a token of this account, only Vault knows.
    """
    if kube is None:
        return "unknown"
    try:
        account = Ref("v1", "ServiceAccount", reviewer.ACCOUNT, reviewer.NAMESPACE)
        if kube.get(account, metadata=True) is None:
            return "missing"
        token = kube.token(reviewer.ACCOUNT, reviewer.NAMESPACE, "")
        return "may review" if kube.with_token(token).may(_REVIEW) else "may not review"
    except KubeError:
        return "unknown"
