"""Requests to one API server: TLS, login, time limits, retries and errors, for client.py.

Uses the ApiClient of the kubernetes package, but without its retries, which follow redirects and
wait as long as a server asks. Its discovery sends requests that are not logged
(test_every_request_can_be_listed) and has its own cache, so client.py has its own discovery.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Generator
from contextlib import suppress
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError, convert_response, convert_transport_error
from wizard.clients.kube.login import KubeCredentials, Login, tls_context
from wizard.clients.kube.request import Request
from wizard.clients.kube.websocket import open_websocket
from wizard.clients.lazy import import_modules
from wizard.clients.time_limit import REQUEST_SECONDS, call_within

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import SecretStr
    from websocket import WebSocket

    from wizard.clients.kube.config import KubeContext

# Admission webhooks may delay a write by up to 30 seconds.
_CONNECT, _READ, _WRITE = 5.0, 10.0, 35.0
_LIBRARY = ("kubernetes.client", "kubernetes.watch")
_PAUSE = 1.0
_AGENT = "airflow-wizard"
_BUSY = (429, 503)


class Transport:
    """Sends requests to the server of one kubeconfig context.

    `told` is called with the log line of every request before it is sent. `patience` is the number
    of seconds that one request waits in total for an overloaded server (429, 503). A login plugin
    does not get the variables in `hidden`.
    """

    def __init__(
        self,
        access: KubeContext,
        *,
        patience: float = 30.0,
        told: Callable[[str], None] | None = None,
        hidden: Collection[str] = (),
    ) -> None:
        self.access = access
        self.patience = patience
        self._told = told or (lambda _line: None)
        self._login = Login(access, hidden)
        self._lock = threading.Lock()
        self._client: tuple[KubeCredentials, Any] | None = None

    def with_token(self, token: SecretStr) -> Transport:
        """Return a transport to the same server that logs in with this token only."""
        access = replace(
            self.access,
            user="",
            token=token,
            token_file=None,
            certificate="",
            key=None,
            plugin=None,
        )
        return Transport(access, patience=self.patience, told=self._told)

    def send(self, request: Request) -> Any:
        """Return the response as JSON; raises KubeError."""
        response = self._send_with_retries(request, _READ if request.method == "GET" else _WRITE)
        try:
            return json.loads(response.data)
        except ValueError:
            raise KubeError("server", f"{request.what}: the answer is not JSON") from None

    def read_clock(self, request: Request) -> datetime | None:
        """Return the server's time, as its answer to a request says; None if it does not."""
        response = self._send_with_retries(request, _READ)
        try:
            return parsedate_to_datetime(str(response.headers.get("Date") or ""))
        except ValueError:
            return None

    def stream(self, request: Request, seconds: float) -> Generator[Any]:
        """Yield the response lines as JSON while they arrive, for at most about `seconds`."""
        response = self._send_with_retries(request, seconds + _READ, stream=True)
        from kubernetes.watch.watch import iter_resp_lines

        # Ends a blocked read, also of a server that sends a byte now and then.
        end = threading.Timer(seconds + 2 * _READ, _cut_off, [response])
        end.daemon = True
        end.start()
        try:
            lines = iter_resp_lines(response)  # type: ignore[no-untyped-call]
            yield from (json.loads(line) for line in lines if line.strip())
        except ValueError:
            raise KubeError("server", f"{request.what}: the answer is not JSON") from None
        except Exception as error:
            raise convert_transport_error(request.what, self.access.server, error) from None
        finally:
            end.cancel()
            response.close()

    def open_websocket(
        self, request: Request, protocol: str, deadline: float, *, limit: int
    ) -> WebSocket:
        """Open a WebSocket with the same login, TLS and proxy.

        The WebSocket is closed at a given time of time.monotonic() and after `limit` bytes. Raises
        KubeError.
        """
        renewed = False
        while True:
            credentials = self._login.credentials()
            pool = self._get_client(credentials).rest_client.pool_manager
            headers = {"User-Agent": _AGENT, **_authorization(credentials)}
            self._told(request.line)
            try:
                return open_websocket(
                    self.access, pool, request, headers, protocol, deadline, limit
                )
            except KubeError as error:
                if error.kind != "login" or renewed or not self._login.renew(credentials):
                    raise
                renewed = True

    def _send_with_retries(self, request: Request, seconds: float, *, stream: bool = False) -> Any:
        deadline = time.monotonic() + self.patience
        broken = 0
        renewed = False
        while True:
            credentials = self._login.credentials()
            response = self._once(request, credentials, seconds, stream=stream)
            if isinstance(response, KubeError):
                broken += 1
                # The server may have closed a kept-alive connection in the meantime.
                if response.message.endswith("broke") and broken <= 2 and request.again:
                    continue
                raise response
            if response.status < 300:
                return response
            if response.status == 401 and not renewed and self._login.renew(credentials):
                renewed = True
                continue
            if response.status in _BUSY:
                pause = _retry_after(response)
                # If there is no Retry-After, the server may already have processed the request.
                if (pause or request.again) and time.monotonic() + pause < deadline:
                    time.sleep(max(pause, _PAUSE))
                    continue
            raise convert_response(
                request.what, response.status, response.data, secret=request.secret
            )

    def _once(
        self, request: Request, credentials: KubeCredentials, seconds: float, *, stream: bool
    ) -> Any:
        """Return the library's response, or a KubeError; the body of a `stream` is not read."""
        client = self._get_client(credentials)
        self._told(request.line)
        headers = {"Accept": request.accept, "Content-Type": request.media}

        def ask() -> Any:
            sent = client.param_serialize(
                request.method, request.path, query_params=list(request.query),
                header_params=headers | _authorization(credentials),
                body=request.body and dict(request.body),
            )  # fmt: skip
            response = client.call_api(*sent, _request_timeout=(_CONNECT, seconds)).response
            if response.status >= 300 or not stream:
                response.read(cache_content=True)
            return response

        try:
            return call_within(REQUEST_SECONDS, ask)
        except Exception as error:
            return convert_transport_error(request.what, self.access.server, error)

    def _get_client(self, credentials: KubeCredentials) -> Any:
        """Return the library's client; a new one if the client certificate has changed."""
        with self._lock:
            held = self._client
            if held is not None and held[0].certificate == credentials.certificate:
                return held[1]
            client = _build_client(self.access, credentials)
            self._client = (credentials, client)
            return client


def _cut_off(response: Any) -> None:
    """End a blocked read of a response; nothing happens if it has been read."""
    with suppress(RuntimeError, ValueError, OSError):
        response.shutdown()


def _authorization(credentials: KubeCredentials) -> dict[str, str]:
    if credentials.token is None:
        return {}
    return {"Authorization": f"Bearer {credentials.token.get_secret_value()}"}


def _build_client(access: KubeContext, credentials: KubeCredentials) -> Any:
    import_modules(*_LIBRARY)
    from kubernetes.client import ApiClient, Configuration

    if access.proxy and not access.proxy.startswith(("http://", "https://")):
        raise KubeError(
            "unreachable", f"context {access.context}: its proxy-url is not http or https",
            "reach the cluster through an HTTP proxy, or directly",
        )  # fmt: skip
    settings = Configuration(host=access.server, retries=False)
    if access.proxy:
        # The proxy is set for this cluster explicitly, so the exceptions in NO_PROXY do not apply.
        settings.proxy, settings.no_proxy = access.proxy, ""
    settings.tls_server_name = access.server_name or None
    api = ApiClient(settings)
    api.user_agent = _AGENT
    # The wizard's own context: the library would write the client's key to a file.
    api.rest_client.pool_manager.connection_pool_kw["ssl_context"] = tls_context(
        access, credentials
    )
    return api


def _retry_after(response: Any) -> float:
    """Return the seconds to wait, from the Retry-After header or the Status; 0 if not given."""
    said = str(response.headers.get("Retry-After") or "")
    if said.isdigit():
        return float(said)
    try:
        details = json.loads(response.data).get("details") or {}
        return float(details.get("retryAfterSeconds") or 0)
    except (ValueError, TypeError, AttributeError):
        return 0.0
