"""Stands in for the token controller of kube-controller-manager: fills token Secrets.

A Secret of type kubernetes.io/service-account-token gets a token of the account that it names.
"""

from __future__ import annotations

import base64
import threading
from types import TracebackType

from tests.testbed.kube import Kube, RejectedError

_TYPE = "kubernetes.io/service-account-token"
_PAUSE = 0.05


class TokenController:
    """Runs in a thread between `with` and its end; `issued` are the tokens it gave out."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self.kube = kube
        self.issued: list[str] = []
        self._path = f"/api/v1/namespaces/{namespace}"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="token-controller", daemon=True)

    def __enter__(self) -> TokenController:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._ended.wait(_PAUSE):
            try:
                self._round()
            except RejectedError as error:
                # Somebody else changed or removed it meanwhile: the next round looks again.
                if error.code not in {404, 409}:
                    raise

    def _round(self) -> None:
        for secret in self.kube.request("GET", f"{self._path}/secrets")["items"]:
            if secret["type"] == _TYPE and "token" not in (secret.get("data") or {}):
                self._fill(secret)

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
