"""oauth2-proxy: a gate in front of the UI, which only users of the identity provider pass.

Airflow does not take its word for who a user is. Workers and task pods reach the same port of the
API server, because the execution API is there, so any DAG could send a header with another user's
name. A secret header would be no way out: Flask-AppBuilder gives users of a header one role for
all, and never takes a role away. So Airflow has its own login at the same provider behind the gate,
where the provider knows the user already. Whoever gets past the gate gets nothing but the login.

Source: documentation and code of oauth2-proxy 7.15.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wizard.manifests.contribution import Contribution
from wizard.manifests.images import use_named_image
from wizard.manifests.login import CLIENT_SECRET_FACT, login_ca_mount
from wizard.manifests.network_policy import dns_rule
from wizard.manifests.objects import BASICS_WAVE, manifest_file, object_metadata
from wizard.manifests.proxy import PROXY_FLOW, PROXY_VARIABLES
from wizard.manifests.steps import provider_step
from wizard.manifests.tree import File
from wizard.manifests.webserver_config import CA_FILE
from wizard.secrets.facts import Fact, FactUse, Form, SecretSpec

if TYPE_CHECKING:
    from wizard.chart.images import Image
    from wizard.manifests.release import Release
    from wizard.manifests.webserver_config import Login

PROXY = "oauth2-proxy"
PROXY_PORT = 4180
DEFAULT_IMAGE = "quay.io/oauth2-proxy/oauth2-proxy:v7.15.6"
_UI_PORT = 8080
# 32 bytes in base64, which oauth2-proxy takes as a key for AES.
_COOKIE = Fact("oauth2ProxyCookieSecret", Form.FERNET, "cookie secret of oauth2-proxy")


@dataclass(frozen=True, slots=True)
class Proxy:
    """The image of oauth2-proxy and the number of its pods."""

    image: str
    replicas: int


def find_proxy_image(release: Release, proxy: Proxy) -> Image:
    """Return the image, or its copy in the installation's registry."""
    return use_named_image(proxy.image, "access.proxy.image", release)


def proxy_pods(release: Release) -> dict[str, str]:
    """Return the labels of the pods; Airflow's own policies do not select them."""
    return {
        "app.kubernetes.io/name": PROXY,
        "app.kubernetes.io/instance": release.names.object_name(PROXY),
    }


def callback_uri(release: Release) -> str:
    """Return the address to which the provider sends users back to the gate."""
    return f"{release.base_url}/oauth2/callback"


def proxy_contribution(release: Release) -> Contribution:
    """Return the Secret that encrypts the gate's cookies, the step and the runbook's section."""
    keys = {"cookie-secret": (FactUse(_COOKIE),)}
    secret = SecretSpec(release.secret(PROXY), keys, (), "the cookies of oauth2-proxy")
    title = f"Register {callback_uri(release)} as a second redirect URI"
    step = provider_step("access.proxy-redirect-uri", title)
    return Contribution(secrets=(secret,), steps=(step,), notes=(proxy_note(release),))


def proxy_manifests(
    release: Release, login: Login, proxy: Proxy, total: Contribution
) -> tuple[File, ...]:
    """Return the Deployment and the Service of the gate.

    The Secrets are those of `total`, which somebody else may make under other names.
    """
    name = release.names.object_name(PROXY)
    labels = proxy_pods(release)
    about = object_metadata(release, name)
    about["labels"] = {**about["labels"], **labels}
    about["annotations"] = {**release.reloader, **about.get("annotations", {})}
    if not about["annotations"]:
        del about["annotations"]
    # OpenShift gives the namespace a range of users, and refuses others.
    user = {} if release.openshift else {"runAsUser": 65532}
    pod: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            **user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(release, login, find_proxy_image(release, proxy).name, total)],
    }
    if login.has_ca:
        mount = login_ca_mount(release)
        pod["containers"][0]["volumeMounts"] = [
            {"name": mount.name, "mountPath": mount.path, "readOnly": True}
        ]
        pod["volumes"] = [mount.to_volume()]
    if total.pull_secrets:
        pod["imagePullSecrets"] = [{"name": one} for one in total.pull_secrets]
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": about,
        "spec": {
            "replicas": proxy.replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": object_metadata(release, name),
        "spec": {
            "selector": labels,
            "ports": [{"name": "http", "port": PROXY_PORT, "targetPort": PROXY_PORT}],
        },
    }
    header = "Users log in here before they reach Airflow, which has its own login behind it."
    return (
        manifest_file(release, PROXY, deployment, header),
        manifest_file(release, f"{PROXY}-service", service),
    )


def proxy_policies(
    release: Release, login: Login, peers: Iterable[Mapping[str, Any]], total: Contribution
) -> tuple[File, ...]:
    """Return the policy of the gate's pods: in from `peers`, out to the provider and Airflow.

    The way to the provider may be the proxy of `total`.
    """
    web = {"tier": "airflow", "component": release.web_component, "release": release.names.release}
    provider = urlsplit(login.issuer).port or 443
    outward = {443, provider, *(one.port for one in total.flows if one.purpose == PROXY_FLOW)}
    ports = [{"protocol": "TCP", "port": port} for port in sorted(outward)]
    spec = {
        "podSelector": {"matchLabels": proxy_pods(release)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": list(peers), "ports": [{"protocol": "TCP", "port": PROXY_PORT}]}],
        "egress": [
            dns_rule(release),
            {"ports": ports},
            {
                "to": [{"podSelector": {"matchLabels": web}}],
                "ports": [{"protocol": "TCP", "port": _UI_PORT}],
            },
        ],
    }
    data = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": object_metadata(release, release.names.object_name(PROXY), wave=BASICS_WAVE),
        "spec": spec,
    }
    header = "oauth2-proxy is reached from outside; it reaches DNS, the provider and Airflow."
    return (manifest_file(release, f"{PROXY}-policy", data, header),)


def _container(release: Release, login: Login, image: str, total: Contribution) -> dict[str, Any]:
    probe = {"port": PROXY_PORT}
    return {
        "name": PROXY,
        "image": image,
        "args": list_arguments(release, login),
        "env": [
            _variable("OAUTH2_PROXY_CLIENT_SECRET", total, CLIENT_SECRET_FACT),
            _variable("OAUTH2_PROXY_COOKIE_SECRET", total, _COOKIE.key),
            *(one.to_values() for one in total.env if one.name in PROXY_VARIABLES),
        ],
        "ports": [{"name": "http", "containerPort": PROXY_PORT}],
        "livenessProbe": {"httpGet": {"path": "/ping", **probe}},
        "readinessProbe": {"httpGet": {"path": "/ready", **probe}},
        "resources": {
            "requests": {"cpu": "10m", "memory": "64Mi"},
            "limits": {"memory": "128Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }


def list_arguments(release: Release, login: Login) -> list[str]:
    """Return the options of oauth2-proxy. It passes no identity on: Airflow has its own login.

    The subject stands for the address, which some users do not have.
    """
    path = urlsplit(release.base_url).path
    trust = [f"--provider-ca-file={CA_FILE}"] if login.has_ca else []
    return [
        f"--http-address=:{PROXY_PORT}",
        f"--upstream=http://{release.web_name}:{_UI_PORT}/",
        "--upstream-timeout=300s",
        "--reverse-proxy=true",
        "--provider=oidc",
        f"--oidc-issuer-url={login.issuer}",
        *trust,
        f"--client-id={login.client_id}",
        "--scope=openid",
        "--code-challenge-method=S256",
        # Without this option it checks no nonce.
        "--insecure-oidc-skip-nonce=false",
        f"--redirect-url={callback_uri(release)}",
        f"--proxy-prefix={path}/oauth2",
        "--oidc-email-claim=sub",
        "--email-domain=*",
        "--skip-provider-button=true",
        "--pass-basic-auth=false",
        "--pass-user-headers=false",
        "--cookie-name=__Secure-airflow_proxy",
        f"--cookie-path={path or '/'}",
        "--cookie-secure=true",
        "--cookie-samesite=lax",
        "--cookie-expire=24h",
        "--session-cookie-minimal=true",
        f"--api-route=^{path}/ui/",
    ]


def _variable(variable: str, total: Contribution, fact: str) -> dict[str, Any]:
    name, key = _find_key(total, fact)
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


def _find_key(total: Contribution, fact: str) -> tuple[str, str]:
    """Return the Secret and the key that hold a fact; raises KeyError if none does."""
    held = [(one.name, key, parts) for one in total.secrets for key, parts in one.keys.items()]
    held += [(one.secret, one.key, one.content) for one in total.needed]
    for name, key, parts in held:
        if any(isinstance(part, FactUse) and part.fact.key == fact for part in parts):
            return name, key
    raise KeyError(fact)


def proxy_note(release: Release) -> str:
    """Return the runbook's section on the gate, as Markdown."""
    name = release.names.object_name(PROXY)
    return f"""\
## oauth2-proxy

Users pass oauth2-proxy before they reach Airflow. The client at the provider needs a second
redirect URI:

```
{callback_uri(release)}
```

Airflow trusts no header of the proxy, because DAGs can reach the same port: it has its own login
behind it, at the same provider. API clients outside the cluster do not get through. Those in the
cluster use the Service `{release.web_name}`.

```bash
kubectl -n {release.namespace} logs deploy/{name}
```"""
