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

_BETA = "service.beta.kubernetes.io/"
AWS_CERTIFICATE = f"{_BETA}aws-load-balancer-ssl-cert"
_DIGITALOCEAN = f"{_BETA}do-loadbalancer-"
_HETZNER = "load-balancer.hetzner.cloud/"
_ORACLE = f"{_BETA}oci-load-balancer-"
_SCALEWAY = f"{_BETA}scw-loadbalancer-"
_LINODE = f"{_BETA}linode-loadbalancer-port-"
_ALIBABA = f"{_BETA}alibaba-cloud-loadbalancer-"
# Their load balancers of a Service pass TCP on (layer 4).
_NO_TLS = {
    "Azure": (f"{_BETA}azure-",),
    "Google": ("cloud.google.com/", "networking.gke.io/"),
}
_Annotations = Mapping[str, str]


def terminates_tls(annotations: _Annotations, port: int) -> bool:
    """Return whether a cloud that this version knows terminates TLS on this port."""
    return any(rule(annotations, str(port)) for rule in _RULES)


def find_layer_4(annotations: _Annotations) -> str:
    """Return the cloud of these annotations if its load balancers never terminate TLS."""
    for cloud, prefixes in _NO_TLS.items():
        if any(name.startswith(prefixes) for name in annotations):
            return cloud
    return ""


def _words(text: str) -> list[str]:
    return [one for one in re.split(r"[,;\s]+", text) if one]


def _aws(given: _Annotations, port: str) -> bool:
    # The port of our Service has the name https.
    ports = _words(given.get(f"{_BETA}aws-load-balancer-ssl-ports", "*"))
    return bool(given.get(AWS_CERTIFICATE)) and not {"*", "https", port}.isdisjoint(ports)


def _digitalocean(given: _Annotations, port: str) -> bool:
    own = {name.removeprefix(_DIGITALOCEAN): text for name, text in given.items()}
    ports = _words(own.get("tls-ports", "") + "," + own.get("http2-ports", ""))
    listens = port in ports or (not ports and own.get("protocol") in {"https", "http2"})
    return listens and bool(own.get("certificate-id") or own.get("certificate-name"))


def _hetzner(given: _Annotations, port: str) -> bool:
    own = {name.removeprefix(_HETZNER): text for name, text in given.items()}
    protocols = dict(one.partition(":")[::2] for one in _words(own.get("protocol-ports", "")))
    names = ("http-certificates", "http-managed-certificate-domains")
    has_certificate = any(own.get(name) for name in names)
    return has_certificate and protocols.get(port, own.get("protocol")) == "https"


def _oracle(given: _Annotations, port: str) -> bool:
    ports = _words(given.get(f"{_ORACLE}ssl-ports", ""))
    return bool(given.get(f"{_ORACLE}tls-secret")) and port in ports


def _scaleway(given: _Annotations, port: str) -> bool:
    """`ID,ID` is for all ports; `PORT,PORT:ID;PORT:ID` is for these ports."""
    text = given.get(f"{_SCALEWAY}certificate-ids", "")
    if ":" not in text:
        return bool(text)
    groups = [one.partition(":") for one in text.split(";")]
    return any(port in _words(ports) and ids.strip() for ports, _, ids in groups)


def _linode(given: _Annotations, port: str) -> bool:
    try:
        found = json.loads(given.get(f"{_LINODE}{port}", ""))
    except ValueError:
        return False
    return (
        isinstance(found, dict)
        and found.get("protocol") == "https"
        and bool(found.get("tls-secret-name"))
    )


def _alibaba(given: _Annotations, port: str) -> bool:
    listeners = _words(given.get(f"{_ALIBABA}protocol-port", ""))
    return bool(given.get(f"{_ALIBABA}cert-id")) and not {
        f"https:{port}",
        f"tcpssl:{port}",
    }.isdisjoint(listeners)


_RULES: tuple[Callable[[_Annotations, str], bool], ...] = (
    _aws,
    _digitalocean,
    _hetzner,
    _oracle,
    _scaleway,
    _linode,
    _alibaba,
)
