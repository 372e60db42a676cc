"""Rules on how users reach the UI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.errors import Problem
from wizard.formats.addresses import is_ip_address, is_loopback

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.answers.sections.access import Access

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
    if access.kind == "loadbalancer":
        yield from _check_load_balancer(access)
    for name in access.annotations:
        if name.partition("/")[0] in OWNERS:
            yield Problem(
                f"access.annotations.{name}",
                "remove it: by this annotation, tools decide who owns the object",
            )


def _check_load_balancer(access: Access) -> Iterator[Problem]:
    """Report a load balancer that would not, or may not, terminate TLS."""
    from wizard.manifests.load_balancer_tls import find_fault, find_layer_4

    named = access.tls.annotation
    if cloud := find_layer_4(access.annotations):
        yield Problem(
            "access.kind",
            f"use ingress or httproute: load balancers of {cloud} do not terminate TLS for a "
            "Service, so logins would be sent in clear text",
        )
    elif named and not access.annotations.get(named):
        yield Problem(
            "access.tls.annotation", "name an annotation that access.annotations gives a value"
        )
    else:
        port = urlsplit(access.base_url).port or 443
        if fault := find_fault(access.annotations, port, named):
            yield Problem(
                "access.annotations",
                f"{fault}: without TLS on port {port}, logins would be sent in clear text",
            )
