"""Reads which cluster and user a kubeconfig context selects; never writes the file.

Several files are merged as in kubectl: the first value wins. Reading a kubeconfig starts no plugin
and sends nothing. A setting that is not safe to use is refused, and the error says how to fix it.
Source:
https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
The kubernetes package's own loader would fail test_kinds_of_login and
test_of_several_files_the_first_word_counts.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from wizard.clients.kube.errors import NoContextError
from wizard.errors import AnswersError, RefusedError, UsageError
from wizard.formats.input_files import (
    MAX_CERTIFICATES,
    expand_user,
    is_existing,
    is_regular_file,
    read_input_file,
)
from wizard.formats.messages import show_name
from wizard.formats.yaml_reader import MAX_BYTES, read_mapping

if TYPE_CHECKING:
    from pydantic import SecretStr

_CURRENT = "current context"
DEFAULT_FILE = "~/.kube/config"
_PARTS = ("clusters", "contexts", "users")
_UNSUPPORTED = ("as", "as-groups", "as-uid", "as-user-extra", "username", "password")


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A login program named in the kubeconfig; `run_plugin` in login.py starts it."""

    command: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    api: str
    cluster_info: Mapping[str, Any] | None
    hint: str

    @property
    def name(self) -> str:
        """Return the program and its sub-commands, without options, which may contain secrets."""
        words = [Path(self.command).name]
        for word in self.arguments:
            if word.startswith("-"):
                break
            words.append(word)
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class KubeContext:
    """One context of a kubeconfig: a server and how to log in to it.

    At most one of `token`, `token_file` and `plugin` is set; `certificate` and `key` are the
    client's, as PEM. `ca` is PEM, empty for the CAs of this machine.
    """

    context: str
    server: str
    user: str
    namespace: str
    ca: str
    server_name: str
    proxy: str
    token: SecretStr | None = None
    token_file: Path | None = None
    certificate: str = ""
    key: SecretStr | None = None
    plugin: ExecPlugin | None = None

    @property
    def identity(self) -> str:
        """Return context, server, user and kind of login, as the plan shows them."""
        return f"context {self.context}: {self.server} as {self.user or 'nobody'} ({self.login})"

    @property
    def login(self) -> str:
        """Return the kind of login, with the plugin's name; does not run the plugin."""
        if self.plugin is not None:
            return f"runs `{self.plugin.name}`"
        if self.token is not None or self.token_file is not None:
            return "token"
        return "client certificate" if self.certificate else "without a login"


@dataclass(frozen=True, slots=True)
class _ConfigEntry:
    data: Mapping[str, Any]
    folder: Path


def read_context(context: str = "") -> KubeContext:
    """Return a context of KUBECONFIG (default ~/.kube/config); "" selects the current context.

    Raises NoContextError if no context is selected, UsageError if the selected one is not usable,
    and RefusedError if the server would not be verified or the login is not safe.
    """
    entries, current = _merge_files(find_kubeconfigs())
    chosen = context or current
    known = sorted(entries["contexts"])
    if chosen not in known:
        shown = show_name(chosen, known) or "of that name"
        kind, what = (UsageError, f"context {shown}") if chosen else (NoContextError, _CURRENT)
        names = ", ".join(known) or "NAME (the kubeconfig has none)"
        raise kind(f"the kubeconfig has no {what}", f"choose one: --context {names}")
    words = entries["contexts"][chosen].data
    cluster = entries["clusters"].get(str(words.get("cluster", "")))
    user_name = str(words.get("user", ""))
    user = entries["users"].get(user_name) or _ConfigEntry({}, Path())
    if cluster is None:
        raise UsageError(f"context {chosen} names a cluster that is not in the kubeconfig")
    return _build_context(chosen, str(words.get("namespace", "")), user_name, cluster, user)


def list_kube_contexts() -> tuple[tuple[str, ...], str]:
    """Return the names of all contexts, and the current one; UsageError without a kubeconfig."""
    entries, current = _merge_files(find_kubeconfigs())
    return tuple(sorted(entries["contexts"])), current


def find_kubeconfigs() -> list[Path]:
    """Return the existing kubeconfig files.

    If there are none, raises UsageError if KUBECONFIG is set, else NoContextError.
    """
    variable = os.environ.get("KUBECONFIG", "")
    names = [name for name in variable.split(os.pathsep) if name] or [DEFAULT_FILE]
    existing = [path for path in map(expand_user, names) if is_existing(path)]
    found = [path for path in existing if is_regular_file(path)]
    if special := [path for path in existing if path not in found and str(path) != os.devnull]:
        raise UsageError(
            f"the kubeconfig {special[0]}{_source()} is not a regular file",
            "save it as a file, and name that in KUBECONFIG",
        )
    if not found:
        raise (NoContextError if variable in {"", os.devnull} else UsageError)(
            f"kubeconfig not found: {', '.join(names)}",
            "set KUBECONFIG to the file from your cluster's owner",
        )
    return found


def _source() -> str:
    """Return where the kubeconfig's path comes from, as part of a message."""
    return " (KUBECONFIG)" if os.environ.get("KUBECONFIG") else ""


def _merge_files(files: list[Path]) -> tuple[dict[str, dict[str, _ConfigEntry]], str]:
    entries: dict[str, dict[str, _ConfigEntry]] = {part: {} for part in _PARTS}
    current = ""
    for path in files:
        try:
            text = read_input_file(path, MAX_BYTES).decode("utf-8")
            data = read_mapping(text, str(path))
        except AnswersError as error:
            raise UsageError(f"kubeconfig {error.message}") from None
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise UsageError(f"the kubeconfig {path}{_source()} cannot be read: {why}") from None
        current = current or str(data.get("current-context") or "")
        for part in _PARTS:
            for name, words in _list_entries(data.get(part), part, path):
                entries[part].setdefault(name, _ConfigEntry(words, path.resolve().parent))
    return entries, current


def _list_entries(items: object, part: str, path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the entries of a list such as `clusters`: name, and mapping below the singular key."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for item in items if isinstance(items, list) else []:
        words = item.get(part[:-1]) if isinstance(item, Mapping) else None
        if words is None:
            words = {}
        if not isinstance(item, Mapping) or not isinstance(words, Mapping):
            raise UsageError(f"the kubeconfig {path} has an entry in {part} that is not a mapping")
        found.append((str(item.get("name", "")), words))
    return found


def _build_context(
    context: str, namespace: str, user: str, cluster: _ConfigEntry, login: _ConfigEntry
) -> KubeContext:
    words = cluster.data
    server = str(words.get("server", "")).rstrip("/")
    _check_server(context, server, words)
    for name in _UNSUPPORTED:
        if login.data.get(name):
            raise RefusedError(
                f"context {context}: the user's `{name}` is not supported",
                "use a context with a token, a client certificate or an exec plugin",
            )
    return KubeContext(
        context=context,
        server=server,
        user=user,
        namespace=namespace,
        ca=_read_pem(cluster, "certificate-authority", context),
        server_name=str(words.get("tls-server-name", "")),
        proxy=str(words.get("proxy-url", "")),
        **_read_login(context, login, {"server": server, **_cluster_info(words)}),
    )


def _check_server(context: str, server: str, words: Mapping[str, Any]) -> None:
    try:
        parts = urlsplit(server)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
        bare = parts.username is None and not parts.query and not parts.fragment
    except ValueError:
        good = bare = False
    if not good or not bare:
        raise RefusedError(
            f"context {context}: the server must be an https URL without credentials",
            "http cannot verify which cluster answers; use https",
        )
    if words.get("insecure-skip-tls-verify"):
        raise RefusedError(
            f"context {context}: insecure-skip-tls-verify is set, so the cluster is not verified; "
            "nothing was sent",
            "get the cluster's CA from its owner: kubectl config set-cluster NAME "
            "--certificate-authority=FILE --embed-certs --insecure-skip-tls-verify=false",
        )


def _cluster_info(words: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cluster data except the address, for a plugin that requests cluster data."""
    named = ("certificate-authority-data", "tls-server-name", "proxy-url")
    found = {name: words[name] for name in named if words.get(name)}
    extensions = words.get("extensions")
    for item in extensions if isinstance(extensions, list) else []:
        if isinstance(item, Mapping) and item.get("name") == "client.authentication.k8s.io/exec":
            found["config"] = item.get("extension")
    return found


def _read_login(context: str, user: _ConfigEntry, cluster: Mapping[str, Any]) -> dict[str, Any]:
    words = user.data
    found: dict[str, Any] = {}
    certificate = _read_pem(user, "client-certificate", context)
    if certificate:
        key = _read_pem(user, "client-key", context)
        if not key:
            raise UsageError(f"context {context}: the client certificate has no key")
        found = {"certificate": certificate, "key": SecretStr(key)}
    # Like kubectl: a token file overrides a token, and both override a plugin.
    if words.get("tokenFile"):
        found["token_file"] = user.folder / str(words["tokenFile"])
    elif words.get("token"):
        found["token"] = SecretStr(str(words["token"]))
    elif isinstance(words.get("auth-provider"), Mapping):
        found["token"] = _read_id_token(context, words["auth-provider"])
    elif isinstance(words.get("exec"), Mapping):
        found["plugin"] = _read_plugin(context, words["exec"], user.folder, cluster)
    return found


def _read_id_token(context: str, provider: Mapping[str, Any]) -> SecretStr:
    """Return the token in `auth-provider: oidc`; the wizard never renews it."""
    config = provider.get("config")
    token = config.get("id-token") if isinstance(config, Mapping) else None
    if provider.get("name") != "oidc" or not token:
        raise RefusedError(
            f"context {context}: its auth-provider has no token, and kubectl no longer supports it",
            "use the provider's exec plugin, such as kubelogin or gke-gcloud-auth-plugin",
        )
    return SecretStr(str(token))


def _read_plugin(
    context: str, words: Mapping[str, Any], folder: Path, cluster: Mapping[str, Any]
) -> ExecPlugin:
    command = str(words.get("command", ""))
    if not command:
        raise UsageError(f"context {context}: its exec plugin has no command")
    if words.get("interactiveMode") == "Always":
        raise RefusedError(
            f"context {context}: its exec plugin needs a terminal",
            "log in with it first, or set its interactiveMode to IfAvailable",
        )
    pairs = words.get("env")
    items = [item for item in pairs if isinstance(item, Mapping)] if pairs else []
    arguments = words.get("args")
    return ExecPlugin(
        # A path is relative to the kubeconfig file; a bare name is looked up on PATH.
        command=str(folder / command) if "/" in command else command,
        arguments=tuple(str(one) for one in arguments) if isinstance(arguments, list) else (),
        environment={str(item.get("name")): str(item.get("value", "")) for item in items},
        api=str(words.get("apiVersion", "")),
        cluster_info=cluster if words.get("provideClusterInfo") else None,
        hint=str(words.get("installHint", "")).strip().partition("\n")[0][:200],
    )


def _read_pem(entry: _ConfigEntry, name: str, context: str) -> str:
    """Return the entry's inline data, else the text of the file it names, else ""."""
    data = entry.data.get(f"{name}-data")
    try:
        if data:
            return base64.b64decode(str(data), validate=True).decode("ascii")
        if entry.data.get(name):
            path = entry.folder / str(entry.data[name])
            return read_input_file(path, MAX_CERTIFICATES).decode("ascii")
    except (binascii.Error, ValueError):
        raise UsageError(f"context {context}: {name} is not PEM") from None
    except OSError as error:
        raise UsageError(f"context {context}: {name} cannot be read: {error.strerror}") from None
    return ""
