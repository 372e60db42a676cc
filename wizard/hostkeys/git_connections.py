"""Which Airflow connections and DAG bundles leave the verification of the Git host intact.

Source: GitHook and GitDagBundle of the Airflow provider git 1.0.1: a connection with an SSH
repository accepts any host unless its extra says `strict_host_key_checking: yes`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from wizard.hostkeys.git_environment import has_loose_options, is_verified_address

_ACTION = re.compile(r"\{\{[^{}]{0,2000}\}\}")
_GIT_JSON = re.compile(r"\{[^{}]{0,2000}\bconn_type[\"']{0,2}\s{0,5}:\s{0,5}[\"']git\b")
_BARE = re.compile(r"[:,\[]\s{0,5}\Z")
_LOOSE = re.compile(
    r"strict_host_key_checking[\"']{0,2}\s{0,5}[:=]\s{0,5}[\"']?(?!yes\b)[A-Za-z0-9{<$]"
    r"|(?:no_host_key_check|allow_host_key_change)[\"']{0,2}\s{0,5}[:=]\s{0,5}[\"']?"
    r"(?:true|1|yes|on)\b|known_hosts_file[\"']{0,2}\s{0,5}[:=]\s{0,5}[\"']?/dev/null",
    re.IGNORECASE,
)
_SWITCHES = ("no_host_key_check", "allow_host_key_change")
_COMMANDS = ("host_proxy_cmd", "ssh_config_file")


def refuse_connection(text: str) -> str:
    """Return why a connection (URI or JSON, the value of AIRFLOW_CONN_*) is refused, or "".

    The text may contain templates of External Secrets where a secret belongs.
    """
    options, kind, host = _read_connection(text)
    if not options and _GIT_JSON.search(text):
        return "the connection to Git cannot be read"
    checking = options.get("strict_host_key_checking")
    if checking is not None and str(checking).strip().lower() != "yes":
        return "the connection disables the verification of the Git host"
    if any(_is_true(options.get(name)) for name in _SWITCHES) or _LOOSE.search(text):
        return "the connection disables the verification of the host"
    if str(options.get("known_hosts_file", "")).startswith("/dev/"):
        return "the connection reads host keys from a device, so it accepts any host"
    if kind != "git":
        return ""
    if has_loose_options(text) or any(options.get(name) for name in _COMMANDS):
        return "the connection gives ssh a command or a configuration of its own"
    if host and not is_verified_address(host):
        return "the connection's repository is neither ssh:// nor https://"
    if checking is None and not host.startswith("https://"):
        return "the connection accepts any host: the hook's default for SSH is no verification"
    return ""


def refuse_bundles(value: object) -> Iterator[str]:
    """Yield why bundles are refused; `value` is the list, or its JSON text."""
    bundles = _parse_json(value) if isinstance(value, str) else value
    if not isinstance(bundles, list):
        yield "the bundles cannot be read"
        return
    for bundle in bundles:
        kwargs = bundle.get("kwargs") if isinstance(bundle, Mapping) else None
        if not isinstance(kwargs, Mapping) or kwargs.get("repo_url") is None:
            continue
        repository = kwargs["repo_url"]
        if not is_verified_address(str(repository)):
            yield "a bundle's repository is neither ssh:// nor https://"
        elif not str(repository).startswith("https://") and not kwargs.get("git_conn_id"):
            yield "a bundle over SSH without a connection has no host keys to verify"


def list_bundle_connections(value: object) -> tuple[str, ...]:
    """Return the ids of the connections that the bundles use."""
    bundles = _parse_json(value) if isinstance(value, str) else value
    found = []
    for bundle in bundles if isinstance(bundles, list) else []:
        kwargs = bundle.get("kwargs") if isinstance(bundle, Mapping) else None
        if isinstance(kwargs, Mapping) and isinstance(kwargs.get("git_conn_id"), str):
            found.append(str(kwargs["git_conn_id"]))
    return tuple(dict.fromkeys(found))


def _read_connection(text: str) -> tuple[dict[str, Any], str, str]:
    """Return the options, the type and the host of a connection, as far as they can be read."""
    plain = _ACTION.sub(_replace_action, text)
    data = _parse_json(plain)
    if isinstance(data, Mapping):
        fields = {str(name).lower(): value for name, value in data.items()}
        extra = fields.get("extra")
        extra = _parse_json(extra) if isinstance(extra, str) else extra
        options = {**fields, **(extra if isinstance(extra, Mapping) else {})}
        kind, host = str(fields.get("conn_type", "")), str(fields.get("host") or "")
        return _lower_names(options), kind.lower(), host
    try:
        url = urlsplit(plain.strip())
        query = dict(parse_qsl(url.query))
    except ValueError:
        return {}, "", ""
    more = _parse_json(query.get("__extra__", ""))
    options = {**query, **(more if isinstance(more, Mapping) else {})}
    host = _uri_host(url.netloc.rpartition("@")[2], url.path)
    return _lower_names(options), url.scheme.lower(), host


def _replace_action(match: re.Match[str]) -> str:
    """Return what stands for a secret: a JSON string where a value begins, else a word."""
    before = match.string[max(0, match.start() - 10) : match.start()]
    return '""' if _BARE.search(before) else "x"


def _uri_host(netloc: str, path: str) -> str:
    """Return the repository in a connection's URI, where it is percent-encoded."""
    host = unquote(netloc)
    return host if "://" in host or "@" in host or not host else f"ssh://{host}{unquote(path)}"


def _lower_names(options: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in options.items()}


def _is_true(value: object) -> bool:
    return str(value).strip().lower() in ("true", "1", "yes", "on")


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
