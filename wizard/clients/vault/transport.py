"""Requests to Vault: verified TLS, no redirect to another origin, no secret in any error.

Vault's own messages are never repeated, because a server could put a token into them; errors use
the status and a few known phrases. hvac only builds the paths and bodies of Vault's API, and sends
nothing by itself. hvac and requests are imported on first use.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlencode, urljoin, urlsplit

from wizard.clients.lazy import import_modules
from wizard.clients.time_limit import REQUEST_SECONDS, call_within
from wizard.errors import ConflictError, Fix, RefusedError, WizardError

if TYPE_CHECKING:
    import ssl

    import requests

    from wizard.clients.vault.address import VaultAddress

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 10.0
_REDIRECTS = 3
# Vault accepts no request, and so stores no value, of more than 32 MiB (max_request_size).
MAX_ANSWER, _CHUNK = 32 << 20, 1 << 16
# What Vault's own 404 says if it says anything: there is no mount, the mount has no such path, or
# there is no such namespace. Source: sdk/logical/response_util.go and vault/router.go.
_UNROUTED = ("no handler for route", "unsupported path", "functionality on this path")
_SAID_WITH_404 = (*_UNROUTED, "namespace")
_REASONS = (
    ("hostname mismatch", "its certificate is for a different name"),
    ("ip address mismatch", "its certificate is for a different address"),
    ("has expired", "its certificate has expired"),
    ("not yet valid", "its certificate is not valid yet"),
    ("certificate verify failed", "its certificate is from an authority that is not trusted here"),
    ("wrong_version_number", "the port does not speak TLS"),
    ("wrong version number", "the port does not speak TLS"),
    ("record layer", "the port does not speak TLS"),
)

Kind = Literal[
    "unreachable", "tls", "redirect", "sealed", "uninitialised", "standby", "busy", "login",
    "forbidden", "missing", "namespace", "conflict", "version", "invalid", "server", "foreign",
]  # fmt: skip


# What Vault says about a refused login; empty for a bare "permission denied".
LoginReason = Literal["", "config", "role", "audience", "account", "namespace", "issuer", "time"]


class VaultError(WizardError):
    """Vault did not answer or refused a request; `kind` is for programs, the message for people.

    `reason` is set for kind `login`. `retry_after` is how many seconds Vault asks to wait, None if
    it does not.
    """

    kind: Kind = "server"
    reason: LoginReason = ""
    retry_after: float | None = None

    def __init__(self, kind: Kind, message: str, hint: Fix | str = "") -> None:
        super().__init__(message, hint)
        self.kind = kind

    @property
    def transient(self) -> bool:
        """Return whether the failure is temporary: not caused by answers or missing rights."""
        return self.kind in {"unreachable", "sealed", "standby", "busy", "server"}


class VaultRefusedError(VaultError, RefusedError):
    """Continuing would be unsafe: the server is not verified, or the engine is not safe."""

    exit_code: ClassVar = RefusedError.exit_code


class VaultUnroutedError(VaultError):
    """There is no mount for the path: it says nothing about what a mount there would hold."""


class VaultAccessorError(VaultError):
    """There is no token with the accessor: it has ended, or never was."""


class VaultConflictError(VaultError, ConflictError):
    """Another writer changed the secret in the meantime, or another run has the lock."""

    exit_code: ClassVar = ConflictError.exit_code


@dataclass(frozen=True, slots=True)
class VaultResponse:
    """A response; `body` may contain secrets and is not part of `repr`.

    `request` is the method and the path, such as `GET secret/data/x`.
    """

    status: int
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    retry_after: float | None = None
    request: str = ""

    @property
    def data(self) -> Mapping[str, Any]:
        """Return the part of the response that Vault calls data; empty if there is none."""
        found = self.body.get("data")
        return found if isinstance(found, Mapping) else {}

    def has_error(self, phrase: str) -> bool:
        """Return whether one of Vault's error messages contains the phrase."""
        said = self.body.get("errors") or []
        return isinstance(said, list) and any(phrase in str(one).casefold() for one in said)


class VaultHttp:
    """Sends requests below /v1/ to one Vault; never follows a redirect to a different origin."""

    def __init__(
        self, address: VaultAddress, *, connect: float = CONNECT_TIMEOUT, read: float = READ_TIMEOUT
    ) -> None:
        self._address = address
        self._limits = (connect, read)
        self._session = _build_session(address)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def build_api(self, send: Callable[[str, str, object], VaultResponse]) -> Any:
        """Return hvac's client, which sends requests with `send(method, path, body)`.

        The client has no token, so it ignores VAULT_* and ~/.vault-token, which hvac reads by
        default. It raises none of hvac's exceptions, because they contain Vault's messages.
        """
        import hvac  # type: ignore[import-untyped]

        class Guarded(hvac.adapters.RawAdapter):  # type: ignore[misc]
            """Passes every request to `send`."""

            def request(
                self, method: str, url: str, headers: None = None, raise_exception: bool = False,
                *, json: object = None, params: Mapping[str, str] | None = None,
            ) -> VaultResponse:  # fmt: skip
                del headers, raise_exception
                query = f"?{urlencode(params)}" if params else ""
                return send(method.upper(), url.removeprefix("/v1/") + query, json)

        return hvac.Client(
            url=self._address.url, token="", cert=("", ""), verify=True, session=self._session,
            adapter=Guarded, strict_http=True, allow_redirects=False,
        )  # fmt: skip

    def ask(
        self, method: str, path: str, body: object = None, *, token: str = "", namespace: str = ""
    ) -> VaultResponse:
        """Send one request; raises VaultError only if there is no response from Vault."""

        def ask() -> VaultResponse:
            url = f"{self._address.url}/v1/{path}"
            for _ in range(_REDIRECTS):
                with self._send(method, url, body, token, namespace) as response:
                    if response.status_code not in {301, 302, 303, 307, 308}:
                        return _parse_response(response, self._address)
                url = self._follow_redirect(url, response.headers.get("Location", ""))
            raise VaultError("server", f"{self._address.endpoint} redirects in circles")

        try:
            return call_within(REQUEST_SECONDS, ask)
        except TimeoutError:
            reason = f"gave no complete answer in {REQUEST_SECONDS:g} s"
            fault = _build_silence_error("unreachable", reason, self._address)
        raise fault

    def _send(
        self, method: str, url: str, body: object, token: str, namespace: str
    ) -> requests.Response:
        import requests

        named = {"X-Vault-Request": "true", "X-Vault-Token": token, "X-Vault-Namespace": namespace}
        headers = {name: value for name, value in named.items() if value}
        options: dict[str, Any] = {"json": body, "timeout": self._limits, "allow_redirects": False}
        try:
            return self._session.request(method, url, headers=headers, stream=True, **options)
        except requests.RequestException as error:
            fault = _build_request_error(error, self._address)
        # Outside the handler: requests' exception contains the request, with the token.
        raise fault

    def _follow_redirect(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        here, there = urlsplit(url), urlsplit(target)
        if location and (here.scheme, here.netloc) == (there.scheme, there.netloc):
            if "/v1/" in target:
                return target
            raise build_foreign_error(self._address, 307)
        origin = f"{there.scheme}://{there.hostname or ''}" + (f":{there.port}" * bool(there.port))
        raise VaultRefusedError(
            "redirect",
            f"{self._address.endpoint} redirects to {origin[:200]}; the token was not sent ",
        )


def _build_session(address: VaultAddress) -> requests.Session:
    """Return a session with the address's CA only; it ignores ~/.netrc and REQUESTS_CA_BUNDLE."""
    import ssl

    import_modules("requests", "hvac.adapters")
    import requests
    from requests.adapters import HTTPAdapter
    from requests.utils import get_environ_proxies

    session = requests.Session()
    session.trust_env = False
    if not address.url.startswith("https://"):
        # No proxies for plain HTTP: they would see the token.
        return session
    context = ssl.create_default_context(cadata=address.ca or None)

    class Pinned(HTTPAdapter):
        """Uses only this TLS context; by default, requests adds CAs of its own."""

        def init_poolmanager(
            self, connections: int, maxsize: int, block: bool = False, **options: Any
        ) -> None:
            options |= _tls_options(context, address.server_name)
            super().init_poolmanager(connections, maxsize, block, **options)

        def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
            tls = _tls_options(context, address.server_name)
            return super().proxy_manager_for(proxy, **options, **tls)

        def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
            del url, verify, cert
            conn.cert_reqs = "CERT_REQUIRED"

    session.mount("https://", Pinned())
    # A proxy is safe here: it sees only Vault's address, because TLS is end to end.
    session.proxies = dict(get_environ_proxies(address.url))
    return session


def _tls_options(context: ssl.SSLContext, name: str) -> dict[str, Any]:
    names = {"server_hostname": name} if name else {}
    return {"ssl_context": context, **names}


def _parse_response(response: requests.Response, address: VaultAddress) -> VaultResponse:
    body: object = None
    text = _read_body(response, address)
    if text:
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise build_foreign_error(address, response.status_code)
    wait = response.headers.get("Retry-After", "")
    seconds = float(wait) if wait.isascii() and wait.isdigit() else None
    found = VaultResponse(response.status_code, body if isinstance(body, dict) else {}, seconds)
    # A proxy that finds no way to Vault says 404 too: taken for Vault's, everything would be gone.
    if found.status == 404 and not _is_own_404(found):
        raise build_foreign_error(address, found.status)
    return found


def _is_own_404(answer: VaultResponse) -> bool:
    """Return whether Vault gives this answer where nothing is, or a version was deleted.

    Its list of errors is empty, or has one of a few texts; that of gateways has their own texts.
    """
    said = answer.body.get("errors")
    if said is None:
        return isinstance(answer.body.get("data"), Mapping)
    return said == [] or any(answer.has_error(one) for one in _SAID_WITH_404)


def _read_body(response: requests.Response, address: VaultAddress) -> bytes:
    """Return the body; raise VaultError at once if it is larger than Vault can store."""
    import requests

    data = bytearray()
    try:
        for part in response.iter_content(_CHUNK):
            data += part
            if len(data) > MAX_ANSWER:
                raise VaultError(
                    "foreign",
                    f"{address.endpoint} gives an answer of more than {MAX_ANSWER} bytes",
                    Fix(
                        f"check {address.source}: Vault stores no value of that size",
                        address.question,
                    ),
                )
    except requests.RequestException as error:
        fault = _build_request_error(error, address)
    else:
        return bytes(data)
    raise fault


def build_foreign_error(address: VaultAddress, status: int) -> VaultError:
    """Return the error for an answer not from Vault; 5xx may come from a proxy before Vault."""
    return VaultError(
        "server" if status >= 500 else "foreign",
        f"{address.endpoint} does not answer like Vault (status {status})",
        Fix(
            f"check {address.source}: a different server or a proxy may answer there",
            address.question,
        ),
    )


def _build_request_error(error: requests.RequestException, address: VaultAddress) -> VaultError:
    """Return the error for a failed request, without the exception's own text."""
    import requests

    low = str(error).casefold()
    cut_off = "eof" in low
    if isinstance(error, requests.exceptions.SSLError) and not cut_off:
        reason = next((say for sign, say in _REASONS if sign in low), "the TLS handshake failed")
        trusted = "VAULT_CACERT or secrets.vault.ca.file"
        fix = Fix(
            f"set the CA that signed it ({trusted}), and use the name it was issued for",
            "secrets.vault.ca.file",
        )
        return VaultRefusedError("tls", f"{address.endpoint} is not verified: {reason}", fix)
    if isinstance(error, requests.Timeout):
        reason = "gave no answer in time"
    elif isinstance(error, requests.exceptions.ProxyError):
        reason = "is not reachable through the proxy of HTTPS_PROXY"
    elif "resolve" in low or "name or service" in low:
        reason = "does not resolve on this machine"
    elif "refused" in low:
        reason = "refuses connections"
    elif isinstance(error, requests.ConnectionError):
        reason = "cannot be reached, or closed the connection"
    else:
        return _build_silence_error("foreign", "does not answer like Vault over HTTP", address)
    return _build_silence_error("unreachable", reason, address)


def _build_silence_error(kind: Kind, reason: str, address: VaultAddress) -> VaultError:
    fix = Fix(
        f"check {address.source}, or try again from a machine that reaches Vault",
        address.question,
    )
    return VaultError(kind, f"{address.endpoint} {reason}", fix)


def build_status_error(answer: VaultResponse, address: VaultAddress, identity: str) -> VaultError:
    """Return the error for a status other than 2xx."""
    error = _classify_status(answer, address, identity)
    error.retry_after = answer.retry_after
    return error


def _classify_status(answer: VaultResponse, address: VaultAddress, identity: str) -> VaultError:
    status, request, where = answer.status, answer.request, address.endpoint
    if answer.has_error("namespace") and status in {400, 403, 404}:
        return VaultError(
            "namespace",
            f"{where} has no namespace {address.namespace or '(root)'} for {request}",
            Fix(
                f"{address.namespace_fix}; only Vault Enterprise and OpenBao have namespaces",
                address.namespace_fix.question,
            ),
        )
    if answer.has_error("invalid accessor") and status in {400, 403}:
        return VaultAccessorError("invalid", f"{where} has no token with this accessor")
    if status == 403:
        return VaultError(
            "forbidden",
            f"{where}: {identity} may not {request}, or has expired",
            "log in to Vault again if it has expired; or ask Vault's owner for a policy with "
            "exactly this path",
        )
    if status == 404:
        kind = VaultUnroutedError if any(map(answer.has_error, _UNROUTED)) else VaultError
        return kind("missing", f"{where} has nothing at {request}", "check the path")
    if status == 503:
        return VaultError(
            "sealed",
            f"{where} is sealed or not initialised",
            "have it initialised and unsealed, then try again",
        )
    if status == 501:
        return VaultError("uninitialised", f"{where} is not initialised", "initialise it first")
    if status in {472, 473}:
        return VaultError("standby", f"{where} is a standby node", "use the active node's address")
    if status == 429:
        return VaultError("busy", f"{where} asks to slow down", "try again later")
    if status in {400, 405}:
        return VaultError("invalid", f"{where} does not accept {request} (status {status})")
    return VaultError("server", f"{where} fails at {request} (status {status})", "see Vault's log")
