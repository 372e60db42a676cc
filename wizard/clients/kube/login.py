"""Login to an API server: bearer tokens, client certificates and exec plugins.

Tokens and keys stay in memory and never appear in a message. Source of the plugin protocol:
https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
The kubernetes package's own login would fail
test_what_a_plugin_says_is_not_repeated_when_it_looks_like_a_token.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from wizard.clients.kube.errors import KubeError
from wizard.clients.plugins import plugin_environment
from wizard.formats.input_files import read_input_file

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr

    from wizard.clients.kube.config import ExecPlugin, KubeContext

PLUGIN_SECONDS = 30
_MAX_TOKEN = 65536
_INFO = "KUBERNETES_EXEC_INFO"
_APIS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
# A plugin's output may quote its input; long words without spaces may be tokens.
_SECRET = re.compile(r"[A-Za-z0-9_\-+/=.~]{24,}")
_RENEWAL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class KubeCredentials:
    """The credentials to send; `expires_at` is a value of time.time(), 0 if they do not expire."""

    token: SecretStr | None = None
    certificate: str = ""
    key: SecretStr | None = None
    expires_at: float = 0.0


class Login:
    """The login of one kubeconfig context; a plugin runs when credentials are first needed."""

    def __init__(self, access: KubeContext, hidden: Collection[str] = ()) -> None:
        self._access = access
        self._hidden = frozenset(hidden)
        self._lock = threading.Lock()
        self._held: KubeCredentials | None = None

    def credentials(self) -> KubeCredentials:
        """Return the current credentials; KubeError if a file or plugin provides none."""
        import time

        access = self._access
        if access.token_file is not None:
            return KubeCredentials(
                _read_token_file(access.token_file), access.certificate, access.key
            )
        if access.plugin is None:
            return KubeCredentials(access.token, access.certificate, access.key)
        # Several probes start at the same time; a plugin may open a browser, so run it only once.
        with self._lock:
            held = self._held
            if held is None or (
                held.expires_at and held.expires_at - _RENEWAL_SECONDS < time.time()
            ):
                held = self._held = run_plugin(access.plugin, self._hidden)
            return held

    def renew(self, refused: KubeCredentials) -> bool:
        """Discard credentials that the server refused; return whether new ones can be loaded."""
        if self._access.token_file is not None:
            return self.credentials().token != refused.token
        with self._lock:
            if self._access.plugin is None or self._held is not refused:
                return self._access.plugin is not None
            self._held = None
            return True


def _read_token_file(path: Path) -> SecretStr:
    try:
        text = read_input_file(path, _MAX_TOKEN).decode("ascii").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not plain text"
        raise KubeError("login", f"the token file {path} cannot be read: {why}") from None
    return SecretStr(text)


def run_plugin(plugin: ExecPlugin, hidden: Collection[str] = ()) -> KubeCredentials:
    """Run the plugin without a terminal and without `hidden` variables; return its credentials.

    Raises KubeError with the plugin's name and the last line of its error output.
    """
    import subprocess

    spec: dict[str, Any] = {"interactive": False}
    if plugin.cluster_info is not None:
        spec["cluster"] = dict(plugin.cluster_info)
    info = {"apiVersion": plugin.api, "kind": "ExecCredential", "spec": spec}
    if plugin.api not in _APIS:
        raise KubeError(
            "login", f"the plugin `{plugin.name}` uses {plugin.api or 'no version'}, not v1",
            "update the kubeconfig with your provider's tool",
        )  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 - the kubeconfig names it; the plan showed the name
            [plugin.command, *plugin.arguments],
            env=plugin_environment(hidden) | {**plugin.environment, _INFO: json.dumps(info)},
            stdin=subprocess.DEVNULL, capture_output=True, timeout=PLUGIN_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        why = f"gave no answer in {PLUGIN_SECONDS} s"
        raise _plugin_error(plugin, why) from None
    except OSError as error:
        raise _plugin_error(plugin, f"cannot be run: {error.strerror}", plugin.hint) from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        said = _SECRET.sub("...", lines[-1])[:200]
        raise _plugin_error(plugin, f"exited with code {done.returncode}: {said}")
    return _parse_credential(plugin, done.stdout)


def _plugin_error(plugin: ExecPlugin, why: str, hint: str = "") -> KubeError:
    hint = hint or f"log in with it yourself, then try again: {plugin.name}"
    return KubeError("login", f"the plugin `{plugin.name}` {why}", hint)


def _parse_credential(plugin: ExecPlugin, data: bytes) -> KubeCredentials:
    try:
        answer = json.loads(data)
        status: Mapping[str, Any] = answer["status"]
        token, key = status.get("token"), status.get("clientKeyData")
        until = status.get("expirationTimestamp")
        found = KubeCredentials(
            SecretStr(str(token)) if token else None,
            str(status.get("clientCertificateData") or ""),
            SecretStr(str(key)) if key else None,
            datetime.fromisoformat(str(until)).timestamp() if until else 0.0,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _plugin_error(plugin, "did not print an ExecCredential") from None
    if answer.get("apiVersion") != plugin.api or not (found.token or found.certificate):
        raise _plugin_error(plugin, f"did not print credentials of {plugin.api}")
    return found


def tls_context(access: KubeContext, login: KubeCredentials) -> ssl.SSLContext:
    """Return a context that verifies the server and presents the client certificate, if any."""
    try:
        # The CAs of this machine are used only if the kubeconfig has no CA.
        context = ssl.create_default_context(cadata=access.ca or None)
    except (ssl.SSLError, ValueError):
        raise KubeError(
            "tls", f"context {access.context}: its certificate-authority has no certificate"
        ) from None
    if login.certificate and login.key is not None:
        with _open_memory_file(f"{login.certificate}\n{login.key.get_secret_value()}\n") as path:
            try:
                # OpenSSL would prompt for the key's password on the terminal.
                context.load_cert_chain(path, password="")
            except (ssl.SSLError, OSError):
                raise KubeError(
                    "login", f"context {access.context}: client certificate and key do not match"
                ) from None
    return context


@contextmanager
def _open_memory_file(text: str) -> Iterator[str]:
    """Yield a path from which OpenSSL can read a key; in memory where the system supports it."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("client", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    import tempfile

    with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        yield file.name
