"""Kubeconfigs and accounts for tests: what an operator would have been given by a cluster's owner.

Accounts are ServiceAccounts of the test's own API server, with exactly the rights named.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from pathlib import Path
from typing import Any

import yaml

from tests.testbed.kube import Kube

RBAC = "rbac.authorization.k8s.io"


def cluster(kube: Kube, **changes: Any) -> dict[str, Any]:
    """The `cluster` of a kubeconfig that verifies the API server."""
    authority = base64.b64encode(kube.ca.read_bytes()).decode()
    return {"server": kube.url, "certificate-authority-data": authority, **changes}


def written(
    path: Path, cluster: dict[str, Any], user: dict[str, Any], context: str = "test"
) -> Path:
    """A kubeconfig of one context, which is the current one."""
    words = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": "the-cluster", "cluster": cluster}],
        "users": [{"name": "ada", "user": user}],
        "contexts": [{"name": context, "context": {"cluster": "the-cluster", "user": "ada"}}],
    }
    path.write_text(yaml.safe_dump(words))
    path.chmod(0o600)
    return path


def account(
    kube: Kube, *rules: dict[str, list[str]], namespace: str = "", name: str = ""
) -> tuple[str, str]:
    """An account's full name and its token; `rules` count in `namespace`, empty for everywhere."""
    name = name or f"account-{uuid.uuid4().hex[:8]}"
    home = "accounts"
    kube.apply(_yaml("v1", "ServiceAccount", name, home))
    if rules:
        kind = "Role" if namespace else "ClusterRole"
        api = f"{RBAC}/v1"
        kube.apply(_yaml(api, kind, name, namespace, rules=list(rules)))
        kube.apply(
            _yaml(
                api, f"{kind}Binding", name, namespace,
                roleRef={"apiGroup": RBAC, "kind": kind, "name": name},
                subjects=[{"kind": "ServiceAccount", "name": name, "namespace": home}],
            )
        )  # fmt: skip
    body = {"spec": {"audiences": [], "expirationSeconds": 3600}}
    path = f"/api/v1/namespaces/{home}/serviceaccounts/{name}/token"
    made = kube.request("POST", path, body)
    return f"system:serviceaccount:{home}:{name}", made["status"]["token"]


def rule(verbs: str, resources: str, group: str = "", names: str = "") -> dict[str, list[str]]:
    """One RBAC rule; words are separated by spaces."""
    found = {"verbs": verbs.split(), "resources": resources.split(), "apiGroups": [group]}
    return {**found, "resourceNames": names.split()} if names else found


def _yaml(api: str, kind: str, name: str, namespace: str, **more: Any) -> str:
    about = {"name": name, **({"namespace": namespace} if namespace else {})}
    return yaml.safe_dump({"apiVersion": api, "kind": kind, "metadata": about, **more})


def expired(kube: Kube, token: str) -> str:
    """The same token as the API server itself would have signed it, an hour past its end."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    head, claims, _ = token.split(".")
    words = json.loads(base64.urlsafe_b64decode(claims + "=="))
    now = int(time.time())
    words |= {"iat": now - 7200, "nbf": now - 7200, "exp": now - 3600}
    claims = base64.urlsafe_b64encode(json.dumps(words).encode()).rstrip(b"=").decode()
    pem = (kube.folder / "service-accounts.key").read_bytes()
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    signed = key.sign(f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{head}.{claims}.{base64.urlsafe_b64encode(signed).rstrip(b'=').decode()}"
