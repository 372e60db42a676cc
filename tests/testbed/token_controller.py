"""Stands in for the token controller of kube-controller-manager: fills token Secrets.

A Secret of type kubernetes.io/service-account-token gets a token of the account that it names.
"""

from __future__ import annotations

import base64

from tests.support.standin import StandIn
from tests.testbed.kube import Kube, RejectedError

_TYPE = "kubernetes.io/service-account-token"


class TokenController(StandIn):
    """`issued` are the tokens it gave out."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        super().__init__()
        self.kube = kube
        self.issued: list[str] = []
        self._path = f"/api/v1/namespaces/{namespace}"

    def look(self) -> None:
        """A token for every Secret that asks for one and has none."""
        for secret in self.kube.request("GET", f"{self._path}/secrets")["items"]:
            if secret["type"] == _TYPE and "token" not in (secret.get("data") or {}):
                try:
                    self._fill(secret)
                except RejectedError as error:
                    # Somebody else changed or removed it meanwhile: the next round looks again.
                    if error.code not in {404, 409}:
                        raise

    def _fill(self, secret: dict[str, object]) -> None:
        meta = secret["metadata"]
        assert isinstance(meta, dict)
        account = meta["annotations"]["kubernetes.io/service-account.name"]
        body = {"spec": {"audiences": [], "expirationSeconds": 3600}}
        path = f"{self._path}/serviceaccounts/{account}/token"
        token: str = self.kube.request("POST", path, body)["status"]["token"]
        self.issued.append(token)
        data = {"token": base64.b64encode(token.encode()).decode()}
        media = "application/merge-patch+json"
        where = f"{self._path}/secrets/{meta['name']}"
        self.kube.request("PATCH", where, {"data": data}, media)
