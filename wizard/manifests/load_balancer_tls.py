"""Which annotations of a Service make a cloud's load balancer terminate TLS on one port.

Sources: AWS Load Balancer Controller (guide/service/annotations), DigitalOcean
(digitalocean-cloud-controller-manager, docs/controllers/services/annotations.md), Hetzner
(hcloud-cloud-controller-manager, internal/annotation), Oracle (oci-cloud-controller-manager,
docs/load-balancer-annotations.md), Scaleway (scaleway-cloud-controller-manager,
docs/loadbalancer-annotations.md), Linode (linode-cloud-controller-manager, docs), Alibaba Cloud
(cloud-provider-alibaba-cloud, docs). OpenStack's annotation is missing: not every version of its
controller has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

_BETA = "service.beta.kubernetes.io/"
_AWS = f"{_BETA}aws-load-balancer-"
_DIGITALOCEAN = f"{_BETA}do-loadbalancer-"
_HETZNER = "load-balancer.hetzner.cloud/"
_ORACLE = f"{_BETA}oci-load-balancer-"
_SCALEWAY = f"{_BETA}scw-loadbalancer-"
_LINODE = f"{_BETA}linode-loadbalancer-"
_ALIBABA = f"{_BETA}alibaba-cloud-loadbalancer-"
# Their load balancers of a Service pass TCP on (layer 4).
_NO_TLS = {
    "Azure": (f"{_BETA}azure-",),
    "Google": ("cloud.google.com/", "networking.gke.io/"),
}
_Annotations = Mapping[str, str]


class _Cloud(NamedTuple):
    """A cloud's annotations, and its rule: what they lack for TLS on a port; "" for nothing."""

    prefix: str
    find_fault: Callable[[_Annotations, str], str]


def find_fault(annotations: _Annotations, port: int, named: str = "") -> str:
    """Return what to do so that the load balancer terminates TLS on this port; "" for nothing.

    `named` is the annotation that gives a certificate to the load balancer of a cloud that this
    version does not know; for a cloud that it knows, the cloud's rule decides.
    """
    given = {named} if named else annotations.keys()
    clouds = [one for one in _CLOUDS if any(name.startswith(one.prefix) for name in given)]
    if not clouds:
        return "" if named else _UNKNOWN
    faults = [one.find_fault(_own(annotations, one.prefix), str(port)) for one in clouds]
    return "" if "" in faults else faults[0]


def find_layer_4(annotations: _Annotations) -> str:
    """Return the cloud of these annotations if its load balancers never terminate TLS."""
    for cloud, prefixes in _NO_TLS.items():
        if any(name.startswith(prefixes) for name in annotations):
            return cloud
    return ""


def _own(given: _Annotations, prefix: str) -> dict[str, str]:
    """Return the annotations that begin with the prefix, by what follows it."""
    return {n.removeprefix(prefix): text for n, text in given.items() if n.startswith(prefix)}


def _words(text: str) -> list[str]:
    return [one for one in re.split(r"[,;\s]+", text) if one]


def _aws(own: _Annotations, port: str) -> str:
    if not own.get("ssl-cert"):
        return f"give {_AWS}ssl-cert the ARN of the certificate"
    # The port of our Service has the name https.
    if {"*", "https", port}.isdisjoint(_words(own.get("ssl-ports", "*"))):
        return f"add {port} to {_AWS}ssl-ports"
    return ""


def _digitalocean(own: _Annotations, port: str) -> str:
    if not (own.get("certificate-id") or own.get("certificate-name")):
        return f"give {_DIGITALOCEAN}certificate-id the ID of the certificate"
    ports = _words(own.get("tls-ports", "") + "," + own.get("http2-ports", ""))
    if port in ports or (not ports and own.get("protocol") in {"https", "http2"}):
        return ""
    listed = _words(own.get("tls-ports", ""))
    return f"add {_DIGITALOCEAN}tls-ports: {','.join([*listed, port])}"


def _hetzner(own: _Annotations, port: str) -> str:
    names = ("http-certificates", "http-managed-certificate-domains")
    if not any(own.get(name) for name in names):
        return f"give {_HETZNER}http-certificates the name of the certificate"
    protocols = dict(one.partition(":")[::2] for one in _words(own.get("protocol-ports", "")))
    if protocols.get(port, own.get("protocol")) == "https":
        return ""
    if protocols:
        return f"write {port}:https in {_HETZNER}protocol-ports"
    return f"add {_HETZNER}protocol: https"


def _oracle(own: _Annotations, port: str) -> str:
    if not own.get("tls-secret"):
        return f"give {_ORACLE}tls-secret the name of the TLS Secret"
    listed = _words(own.get("ssl-ports", ""))
    return "" if port in listed else f"add {_ORACLE}ssl-ports: {','.join([*listed, port])}"


def _scaleway(own: _Annotations, port: str) -> str:
    """`ID,ID` is for all ports; `PORT,PORT:ID;PORT:ID` is for these ports."""
    text = own.get("certificate-ids", "")
    if not text:
        return f"give {_SCALEWAY}certificate-ids the ID of the certificate"
    groups = [one.partition(":") for one in text.split(";")]
    if ":" not in text or any(port in _words(ports) and ids.strip() for ports, _, ids in groups):
        return ""
    return f"add {port} with the ID of the certificate ({port}:ID) to {_SCALEWAY}certificate-ids"


def _linode(own: _Annotations, port: str) -> str:
    wanted = '{"protocol": "https", "tls-secret-name": "NAME"}'
    fault = f"add {_LINODE}port-{port}: {wanted}, with the name of the TLS Secret"
    try:
        found = json.loads(own.get(f"port-{port}", ""))
    except ValueError:
        return fault
    is_right = isinstance(found, dict) and found.get("protocol") == "https"
    return "" if is_right and found.get("tls-secret-name") else fault


def _alibaba(own: _Annotations, port: str) -> str:
    if not own.get("cert-id"):
        return f"give {_ALIBABA}cert-id the ID of the certificate"
    if {f"https:{port}", f"tcpssl:{port}"}.isdisjoint(_words(own.get("protocol-port", ""))):
        return f"write https:{port} in {_ALIBABA}protocol-port"
    return ""


_CLOUDS = (
    _Cloud(_AWS, _aws),
    _Cloud(_DIGITALOCEAN, _digitalocean),
    _Cloud(_HETZNER, _hetzner),
    _Cloud(_ORACLE, _oracle),
    _Cloud(_SCALEWAY, _scaleway),
    _Cloud(_LINODE, _linode),
    _Cloud(_ALIBABA, _alibaba),
)
_UNKNOWN = (
    f"name the certificate with your cloud's annotations, such as {_AWS}ssl-cert; if this version "
    "does not know them, name the one with the certificate in access.tls.annotation"
)
