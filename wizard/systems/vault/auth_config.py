"""Check that the config of a Kubernetes auth mount is for this cluster and can review tokens.

Only definite faults block: a different cluster's address or CA, or no token reviewer at all. Other
faults show up in the store's login.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.systems.vault.files import diff_texts

IN_CLUSTER = "https://kubernetes.default.svc:443"
_IN_CLUSTER = {"kubernetes", "kubernetes.default", "kubernetes.default.svc"}
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([^-]*+)-----END CERTIFICATE-----")
_NAME = re.compile(r"kubernetes\.default\.svc\.[a-z0-9.-]+")

ServerAddress = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class AuthConfigSpec:
    """The wanted config: `host` is the address to write, `hosts` the addresses of the cluster.

    `host` is empty if the address at which Vault reaches the cluster is unknown. `ca` is PEM, and
    empty if it is not compared.
    """

    host: str
    hosts: frozenset[ServerAddress]
    inside: bool
    ca: str = ""

    def body(self, reviewer: str = "") -> dict[str, object]:
        """Return the whole config, because Vault clears every omitted field."""
        if self.inside:
            return {"kubernetes_host": self.host, "disable_local_ca_jwt": False}
        return {
            "kubernetes_host": self.host,
            "kubernetes_ca_cert": self.ca,
            "token_reviewer_jwt": reviewer,
            "disable_local_ca_jwt": True,
        }


def parse_server(url: str) -> ServerAddress:
    """Return host, port and path of an API server; all in-cluster names give the same host."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        name, port = (parts.hostname or "").rstrip(".").casefold(), parts.port or 443
    except ValueError:
        return url, 0, ""
    if name in _IN_CLUSTER or _NAME.fullmatch(name):
        return "kubernetes.default.svc", 443, ""
    return name, port, parts.path.rstrip("/")


def check_auth_config(config: Mapping[str, Any], wanted: AuthConfigSpec, mount: str) -> StepStatus:
    """Check that an existing config fits the cluster; the config is never rewritten."""
    found = str(config.get("kubernetes_host") or "")
    own = "airflow-wizard set secrets.vault.auth_mount=kubernetes-<cluster>"
    fix = f"use a separate mount for this cluster: {own}"
    if not wanted.hosts:
        return StepStatus(
            "unknown",
            f"auth/{mount} is for the cluster at {found}; the address of this cluster is unknown",
            Fix("name a kubeconfig context with --context, or record cluster.server"),
        )
    if parse_server(found) not in wanted.hosts:
        if parse_server(found) == parse_server(IN_CLUSTER):
            fix += (
                "; or, if Vault runs in this cluster, use its Service: "
                "secrets.vault.server=https://<service>.<namespace>.svc:8200"
            )
        why = f"is for the cluster at {found}"
    elif has_other_ca(config, wanted):
        why = "has a CA different from this cluster's"
    elif config.get("token_reviewer_jwt_set") is False and config.get("disable_local_ca_jwt"):
        why = "has no token reviewer"
        fix = f"ask its owner to set token_reviewer_jwt, or {fix}"
    else:
        return StepStatus("holds", f"auth/{mount} is for this cluster")
    return StepStatus(
        "blocked",
        f"auth/{mount} {why}; not changed",
        Fix(fix, "secrets.vault.auth_mount"),
        _diff(config, wanted),
    )


def has_other_ca(config: Mapping[str, Any], wanted: AuthConfigSpec) -> bool:
    """Return whether the config has a CA, and none of its certificates is the cluster's."""
    theirs, ours = (
        fingerprints(str(config.get("kubernetes_ca_cert") or "")),
        fingerprints(wanted.ca),
    )
    return bool(theirs and ours and not set(theirs) & set(ours))


def fingerprints(pem: str) -> list[str]:
    """Return the SHA-256 fingerprint of each certificate in a PEM text."""
    found = []
    for match in _PEM.finditer(pem):
        try:
            der = base64.b64decode("".join(match[1].split()), validate=True)
        except (binascii.Error, ValueError):
            continue
        found.append(hashlib.sha256(der).hexdigest())
    return found


def _diff(config: Mapping[str, Any], wanted: AuthConfigSpec) -> str:
    """Return the diff without the reviewer's token, which Vault does not return either."""
    local = bool(config.get("disable_local_ca_jwt"))
    theirs = _lines(
        str(config.get("kubernetes_host") or ""), str(config.get("kubernetes_ca_cert") or ""),
        local=not local, reviewer=config.get("token_reviewer_jwt_set") is not False,
    )  # fmt: skip
    ours = _lines(wanted.host, wanted.ca, local=wanted.inside, reviewer=not wanted.inside)
    return diff_texts("config", theirs, ours)


def _lines(host: str, ca: str, *, local: bool, reviewer: bool) -> str:
    authority = ", ".join(f"SHA256:{one[:16]}..." for one in fingerprints(ca)) or "none"
    return (
        f"kubernetes_host: {host}\nkubernetes_ca_cert: {authority}\n"
        f"disable_local_ca_jwt: {str(not local).lower()}\n"
        f"token_reviewer_jwt: {'set' if reviewer else 'not set'}\n"
    )
