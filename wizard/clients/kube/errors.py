"""Errors of an API server; no message contains a token or the content of a Secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wizard.errors import ConflictError, Fix, UsageError, WizardError

Kind = Literal[
    "unreachable", "tls", "login", "forbidden", "missing", "conflict", "invalid", "busy", "server",
    "upgrade", "pod", "expired",
]  # fmt: skip

_MAX_MESSAGE_LENGTH = 300
_LOGIN_HINT = "log in again with your cluster's usual login, then try again"
_UNREACHABLE_HINT = "try from a machine that can reach the API server, or set --context"
_KINDS: Mapping[int, Kind] = {
    400: "invalid", 401: "login", 403: "forbidden", 404: "missing", 405: "invalid",
    409: "conflict", 410: "expired", 413: "invalid", 415: "invalid", 422: "invalid",
    429: "busy", 503: "busy",
}  # fmt: skip
_HINTS: Mapping[Kind, str] = {
    "unreachable": _UNREACHABLE_HINT,
    "tls": "compare the kubeconfig's certificate-authority with your cluster's owner",
    "login": _LOGIN_HINT,
    "forbidden": "ask your cluster's owner for this right, or let them run this step",
    "expired": "the data changed too much while it was read: try again",
    "busy": "the API server is overloaded: try again later",
    "server": "try again later; the API server's log has the reason",
    "upgrade": "allow WebSocket connections in the proxies before the API server, and let the "
    "API server reach the kubelets of its nodes",
}


class NoContextError(UsageError):
    """No cluster is selected: there is no kubeconfig file, or no current context in it."""


class KubeError(WizardError):
    """A failed request; `kind` classifies the failure, `status` is the HTTP status (0: none).

    `is_from_server` is whether the answer is an API server's `Status`, not one of a proxy.
    """

    def __init__(self, kind: Kind, message: str, hint: Fix | str = "", *, status: int = 0) -> None:
        super().__init__(message, hint or _HINTS.get(kind, ""))
        self.kind = kind
        self.status = status
        self.is_from_server = False


class KubeConflictError(KubeError, ConflictError):
    """The object is not as expected: it was changed or replaced, or others own its fields."""

    def __init__(self, message: str, hint: Fix | str = "", *, reason: str = "") -> None:
        super().__init__("conflict", message, hint, status=409)
        self.reason = reason


class UnservedVersionError(KubeError):
    """The cluster serves a kind only in other versions of its group, so its objects may exist."""

    def __init__(self, kind: str, api_version: str, served: str) -> None:
        super().__init__(
            "invalid",
            f"the cluster serves {kind} as {served}, not as {api_version}",
            f"use a version of its operator that serves {api_version}, or a newer airflow-wizard",
        )
        self.served = served


@dataclass(frozen=True, slots=True)
class OwnedField:
    """A field that an apply would change although it has a different owner."""

    manager: str
    field: str


class FieldsOwnedError(KubeConflictError):
    """A server-side apply would change fields that others own; nothing was changed."""

    def __init__(self, what: str, owned: tuple[OwnedField, ...]) -> None:
        parts = ", ".join(f"{one.field} ({one.manager})" for one in owned)
        super().__init__(
            f"{what}: fields with other owners: {parts}",
            "find out who writes them; nothing was changed",
            reason="FieldManagerConflict",
        )
        self.owned = owned


def convert_response(what: str, status: int, body: bytes, *, secret: bool) -> KubeError:
    """Return the error for a response.

    `what` names the request. With `secret` the response text is not repeated, because it may
    quote the object.
    """
    answer = _parse_status(body)
    reason = str(answer.get("reason") or "")
    details = answer.get("details")
    listed = details.get("causes") if isinstance(details, Mapping) else None
    causes = [one for one in listed or [] if isinstance(one, Mapping)]
    owned = tuple(
        _parse_owned_field(one) for one in causes if one.get("reason") == "FieldManagerConflict"
    )
    if owned:
        return FieldsOwnedError(what, owned)
    said = str(answer.get("message") or "")
    if secret:
        fields = sorted({str(one.get("field")) for one in causes if one.get("field")})
        said = f"{reason or status}{': ' + ', '.join(fields) if fields else ''}"
    said = _shorten(said) or f"HTTP {status}"
    if status == 409:
        return KubeConflictError(f"{what}: {said}", "run it again", reason=reason)
    if status == 401:
        return KubeError("login", f"{what}: the API server does not accept the login", status=401)
    kind = _KINDS.get(status, "server" if status >= 500 else "invalid")
    if kind == "server" and "field not declared in schema" in str(answer.get("message")):
        # The server answers an apply with an unknown field with 500 (kubernetes/kubernetes#118476).
        kind = "invalid"
    error = KubeError(kind, f"{what}: {said}", status=status)
    error.is_from_server = bool(answer)
    return error


def build_foreign_error(what: str) -> KubeError:
    """Return the error for an answer that no API server gives to this request."""
    return KubeError(
        "server",
        f"{what}: the answer is not an API server's",
        "check the server in the kubeconfig, and the proxies before it; then try again",
    )


def build_unready_error(api_version: str, what: str) -> KubeError:
    """Return the error for a version of a group that is listed, but lastingly not found.

    For example, its APIService or CustomResourceDefinition is not ready; a proxy may say it too.
    The core group is always there.
    """
    group, _, version = api_version.rpartition("/")
    if not group:
        return build_foreign_error(what)
    return KubeError(
        "server",
        f"{what}: the API server lists this version, but does not find it",
        f"see why with kubectl get apiservice {version}.{group} and kubectl get crd (of this "
        "group, is one not Established?), and check the proxies before the API server; then try "
        "again",
    )


def _parse_owned_field(cause: Mapping[str, Any]) -> OwnedField:
    # Text such as `conflict with "kubectl" using v1`; a manager's name contains no quotes.
    said = str(cause.get("message") or "").split('"')
    return OwnedField(
        _shorten(said[1]) if len(said) > 2 else "another", str(cause.get("field") or "?")
    )


def _parse_status(body: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, Mapping) and answer.get("kind") == "Status" else {}


def _shorten(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _MAX_MESSAGE_LENGTH else f"{plain[:_MAX_MESSAGE_LENGTH]}..."


def convert_transport_error(what: str, server: str, error: Exception) -> KubeError:
    """Return the error for a failed connection, without the exception's text.

    That text may contain request headers.
    """
    import ssl

    names = {type(one).__name__: one for one in _list_causes(error)}
    verify = next((e for e in names.values() if isinstance(e, ssl.SSLCertVerificationError)), None)
    if verify is not None:
        why = verify.verify_message or "certificate verify failed"
        return KubeError("tls", f"{what}: {server} is not verified: {why}; nothing was sent")
    text = str(error)
    if "SSLError" in names or text.startswith(("(0)", "SSLError")):
        mark = "certificate verify failed: "
        if mark in text:
            why = text.partition(mark)[2].partition(" (_ssl")[0]
            return KubeError("tls", f"{what}: {server} is not verified: {why}; nothing was sent")
        return KubeError("tls", f"{what}: no TLS session with {server}")
    if "ProxyError" in names or text.startswith("Tunnel connection failed"):
        return KubeError("unreachable", f"{what}: the proxy does not connect to {server}")
    if "NameResolutionError" in names or "gaierror" in names:
        return KubeError("unreachable", f"{what}: the name in {server} does not resolve here")
    if names.keys() & {"ConnectTimeoutError", "ReadTimeoutError", "TimeoutError"}:
        return KubeError("unreachable", f"{what}: {server} does not answer in time")
    if "ConnectionRefusedError" in names:
        return KubeError("unreachable", f"{what}: {server} refuses connections")
    return KubeError("unreachable", f"{what}: the connection to {server} broke")


def _list_causes(error: BaseException | None) -> list[BaseException]:
    """Return the error and all its causes."""
    found: list[BaseException] = []
    todo = [error]
    while todo:
        one = todo.pop()
        if one is None or one in found:
            continue
        found.append(one)
        reason = getattr(one, "reason", None)
        more = [part for part in one.args if isinstance(part, BaseException)]
        todo += [one.__cause__, one.__context__, *more]
        if isinstance(reason, BaseException):
            todo.append(reason)
    return found
