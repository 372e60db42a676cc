"""Rules on how users reach the UI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.errors import Problem
from wizard.formats.addresses import is_ip_address, is_loopback

if TYPE_CHECKING:
    from wizard.answers.model import Answers

# Annotations of these say who made an object, and what may delete it.
OWNERS = frozenset({"airflow-wizard", "argocd.argoproj.io", "helm.sh", "meta.helm.sh"})


def check_access(answers: Answers) -> Iterator[Problem]:
    """Report a base URL that cannot be exposed, and an Ingress without a certificate."""
    access = answers.access
    host = urlsplit(access.base_url).hostname or ""
    if access.kind != "port-forward" and is_loopback(host):
        yield Problem(
            "access.base_url", "use the https address that users open: access.kind exposes the UI"
        )
    elif access.kind in {"ingress", "httproute"} and is_ip_address(host):
        yield Problem("access.base_url", f"use a host name: access.kind {access.kind} needs one")
    if access.kind == "ingress" and not (access.tls.secret or access.tls.issuer):
        yield Problem(
            "access.tls.secret",
            "name the Secret with the certificate, or answer access.tls.issuer: an Ingress "
            "without TLS would send logins in clear text",
        )
    if access.kind == "loadbalancer" and not access.annotations:
        yield Problem(
            "access.annotations",
            "name the certificate with your cloud's annotation, such as "
            "service.beta.kubernetes.io/aws-load-balancer-ssl-cert: without TLS, logins would "
            "be sent in clear text",
        )
    for name in access.annotations:
        if name.partition("/")[0] in OWNERS:
            yield Problem(
                f"access.annotations.{name}",
                "remove it: by this annotation, tools decide who owns the object",
            )
