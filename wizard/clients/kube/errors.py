"""What may go wrong with an API server, in words without tokens or the content of Secrets."""

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
_LOGIN_HINT = "log in again as your cluster's owner told you, then try again"
_UNREACHABLE_HINT = "try again from a machine that reaches the API server, or set --context"
_KINDS: Mapping[int, Kind] = {
    400: "invalid", 401: "login", 403: "forbidden", 404: "missing", 405: "invalid",
    409: "conflict", 410: "expired", 413: "invalid", 415: "invalid", 422: "invalid",
    429: "busy", 503: "busy",
}  # fmt: skip
_HINTS: Mapping[Kind, str] = {
    "unreachable": _UNREACHABLE_HINT,
    "tls": "compare the kubeconfig's certificate-authority with the cluster's owner",
    "login": _LOGIN_HINT,
    "forbidden": "ask the cluster's owner for this right, or let them do this step",
    "expired": "what was read has changed too much in between: try again",
    "busy": "the API server is overloaded: try again later",
    "server": "try again later; the API server's log has the reason",
    "upgrade": "what stands before the API server must let WebSocket connections through, and the "
    "API server must reach the kubelets of its nodes",
}


class NoContextError(UsageError):
    """Nobody has named a cluster: no KUBECONFIG, no file in its usual place, no current context."""


class KubeError(WizardError):
    """A request that gave no result; `kind` says which sort, `status` is HTTP's, 0 for none."""

    def __init__(self, kind: Kind, message: str, hint: Fix | str = "", *, status: int = 0) -> None:
        super().__init__(message, hint or _HINTS.get(kind, ""))
        self.kind = kind
        self.status = status


class KubeConflictError(KubeError, ConflictError):
    """The object is not as expected: changed meanwhile, another one of its name, or not ours."""

    def __init__(self, message: str, hint: Fix | str = "", *, reason: str = "") -> None:
        super().__init__("conflict", message, hint, status=409)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class OwnedField:
    """A field that another manager owns and that an apply would change."""

    manager: str
    field: str


class FieldsOwnedError(KubeConflictError):
    """A server-side apply that would take fields from others; nothing was changed."""

    def __init__(self, what: str, owned: tuple[OwnedField, ...]) -> None:
        parts = ", ".join(f"{one.field} ({one.manager})" for one in owned)
        super().__init__(
            f"{what}: others own fields of it: {parts}",
            "look at who writes them; nothing was changed",
            reason="FieldManagerConflict",
        )
        self.owned = owned


def convert_response(what: str, status: int, body: bytes, *, secret: bool) -> KubeError:
    """The error an answer stands for.

    `what` names the request; with `secret` nothing of the answer's text is repeated, since it may
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
        return KubeConflictError(f"{what}: {said}", "look again, then repeat", reason=reason)
    if status == 401:
        return KubeError("login", f"{what}: the API server does not accept the login", status=401)
    kind = _KINDS.get(status, "server" if status >= 500 else "invalid")
    if kind == "server" and "field not declared in schema" in str(answer.get("message")):
        # An apply with an unknown field is answered with 500 (kubernetes/kubernetes#118476).
        kind = "invalid"
    return KubeError(kind, f"{what}: {said}", status=status)


def _parse_owned_field(cause: Mapping[str, Any]) -> OwnedField:
    # `conflict with "kubectl" using v1`; the manager's name itself holds no quote.
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
    """The error that a connection which failed stands for; its own text may hold headers."""
    import ssl

    names = {type(one).__name__: one for one in _list_causes(error)}
    verify = next((e for e in names.values() if isinstance(e, ssl.SSLCertVerificationError)), None)
    if verify is not None:
        why = verify.verify_message or "certificate verify failed"
        return KubeError("tls", f"{what}: {server} is not proven: {why}; nothing was sent")
    text = str(error)
    if "SSLError" in names or text.startswith(("(0)", "SSLError")):
        mark = "certificate verify failed: "
        if mark in text:
            why = text.partition(mark)[2].partition(" (_ssl")[0]
            return KubeError("tls", f"{what}: {server} is not proven: {why}; nothing was sent")
        return KubeError("tls", f"{what}: no TLS session with {server}")
    if "ProxyError" in names or text.startswith("Tunnel connection failed"):
        return KubeError("unreachable", f"{what}: the proxy lets nothing through to {server}")
    if "NameResolutionError" in names or "gaierror" in names:
        return KubeError("unreachable", f"{what}: the name in {server} does not resolve here")
    if names.keys() & {"ConnectTimeoutError", "ReadTimeoutError", "TimeoutError"}:
        return KubeError("unreachable", f"{what}: {server} does not answer in time")
    if "ConnectionRefusedError" in names:
        return KubeError("unreachable", f"{what}: {server} refuses connections")
    return KubeError("unreachable", f"{what}: the connection to {server} broke")


def _list_causes(error: BaseException | None) -> list[BaseException]:
    """The error with everything that it came from."""
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
