"""Checks host names and URLs for pods: known forms, no credentials, no loopback addresses.

Messages never repeat the value, because it may contain a password.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from wizard.formats.git_pages import read_git_page

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_GIT_PATH = re.compile(r"[A-Za-z0-9._~/+-]+")
_ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_PORT = "give a URL with a host and, if needed, a port number"
_WITH_PORT = "ssh://git@git.example.com:2222/platform/airflow-dags.git"
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

# The API server's name inside every cluster.
IN_CLUSTER_SERVER = "https://kubernetes.default.svc"


@dataclass(frozen=True, slots=True)
class GitLocation:
    """The parts of a Git URL: `scheme` is ssh or https, `port` defaults to 22 or 443."""

    scheme: str
    user: str
    host: str
    port: int
    path: str


def is_loopback(host: str) -> bool:
    """Return whether `host` is this machine itself (localhost, 127.0.0.0/8, ::1, 0.0.0.0)."""
    bare = host.strip("[]").rstrip(".").casefold()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        # The short forms of inet_aton (127.1, 0x7f000001) can be loopback addresses too.
        return bool(re.fullmatch(r"(0x[0-9a-f]+|[0-9]+)(\.(0x[0-9a-f]+|[0-9]+)){0,3}", bare))
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def is_ip_address(host: str) -> bool:
    """Return whether `host` is an IP address, not a name."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def check_host(value: str) -> str:
    """Return a host name or IP address in lower case; ValueError says what to give."""
    bare = value.rstrip(".")
    if "%" in bare:
        raise ValueError("give an address without a zone: a zone is only valid on one machine")
    if not is_ip_address(bare) and not _NAME.fullmatch(bare):
        raise ValueError(
            "give a host name such as pg.example.internal, without scheme, port or path"
        )
    if is_loopback(bare):
        raise ValueError("give the address that pods use: localhost is the pod itself")
    return bare.strip("[]").casefold()


def _split_url(value: str) -> SplitResult:
    # urlsplit silently drops white space and control characters, so the checked text would differ
    # from the value.
    if re.search(r"[\x00-\x20\x7f]", value):
        raise ValueError("give a URL without spaces or control characters")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(_PORT) from None
    if port == 0:
        raise ValueError(_PORT)
    if parts.password is not None:
        raise ValueError("remove the credentials from the URL: answers hold references to secrets")
    return parts


def _check_url(value: str, schemes: tuple[str, ...], example: str, *, loopback: bool) -> str:
    parts = _split_url(value)
    if parts.scheme not in schemes or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"give a URL such as {example}")
    if parts.username is not None:
        raise ValueError("remove the credentials from the URL: answers hold references to secrets")
    if re.search(r"[^A-Za-z0-9._~:/\[\]%-]", value):
        raise ValueError(f"give a URL with plain characters, such as {example}")
    if not (loopback and is_loopback(parts.hostname)):
        check_host(parts.hostname)
    return value.rstrip("/")


def read_url_address(url: str) -> tuple[str, int]:
    """Return host and port of a valid URL, with its scheme's default port."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)


def split_address(value: str) -> tuple[str, int]:
    """Return host and port of `host:port`, with IPv6 addresses in brackets, for pods.

    ValueError says what to give.
    """
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+):([0-9]{1,5})", value)
    if match is None or not 0 < int(match[2]) < 65536:
        raise ValueError("give host:port, such as statsd.example.internal:8125")
    host = match[1].strip("[]")
    check_host(host)
    return host, int(match[2])


def check_https_url(value: str) -> str:
    """Return an https URL for pods; ValueError says what to give."""
    return _check_url(value, ("https",), "https://vault.example.internal:8200", loopback=False)


def check_web_url(value: str) -> str:
    """Return the URL of Airflow's UI: https, or http on localhost for a port-forward."""
    checked = _check_url(value, ("https", "http"), "https://airflow.example.com", loopback=True)
    if "%" in checked:
        # Airflow would read % in airflow.cfg as the start of an interpolation.
        raise ValueError("give a URL without percent-encoding")
    if checked.startswith("http:") and not is_loopback(urlsplit(checked).hostname or ""):
        raise ValueError("give an https URL: http is for a port-forward on localhost only")
    return checked


def check_proxy_url(value: str) -> str:
    """Return the URL of a proxy for pods: scheme, host and port; ValueError says what to give."""
    example = "http://proxy.example.internal:3128"
    checked = _check_url(value, ("http", "https"), example, loopback=False)
    if urlsplit(checked).path or "%" in checked:
        raise ValueError(f"give only scheme, host and port, such as {example}")
    return checked


def parse_git_url(value: str) -> GitLocation:
    """Return the parts of an ssh:// or https:// Git URL, or of user@host:path.

    ValueError says what to give; the value itself is never repeated.
    """
    example = "ssh://git@git.example.com/platform/airflow-dags.git"
    if "://" not in value:
        match = re.fullmatch(r"([^@/:\s]+)@(\[[^\]]+\]|[^:/\s]+):(?!/)(.+)", value)
        if match is None:
            raise ValueError(f"give a Git URL such as {example}")
        scheme, user, host, port, path = "ssh", match[1], match[2], None, match[3]
    else:
        parts = _split_url(value)
        if parts.hostname and parts.username is None:
            _refuse_page(parts)
        if parts.query or parts.fragment or not parts.hostname:
            raise ValueError(f"give a Git URL such as {example}")
        scheme, user, host = parts.scheme, parts.username or "", parts.hostname
        port, path = parts.port, parts.path.lstrip("/")
    if scheme not in {"ssh", "https"}:
        raise ValueError("use ssh:// or https://: git:// and http:// do not verify the host")
    if scheme == "https" and user:
        raise ValueError("remove the credentials from the URL: answers hold references to secrets")
    if scheme == "ssh" and not _USER.fullmatch(user):
        raise ValueError(f"add the user, as in {example}")
    if "://" not in value and re.match(r"[0-9]+/", path):
        raise ValueError(f"a port needs the long form, as in {_WITH_PORT}")
    if not _is_repository_path(path):
        raise ValueError(f"give the repository's path after the host, as in {example}")
    return GitLocation(scheme, user, check_host(host), port or _DEFAULT_PORT[scheme], path)


def _is_repository_path(path: str) -> bool:
    """Azure DevOps has projects whose names need percent-encoding, such as My%20Project."""
    try:
        encoded = [unquote(part, errors="strict") for part in _ENCODED.findall(path)]
    except UnicodeDecodeError:
        return False
    return (
        bool(_GIT_PATH.fullmatch(_ENCODED.sub("", path)))
        and all(c == " " or (c.isprintable() and ord(c) > 127) for text in encoded for c in text)
        and not path.startswith("-")
        and ".." not in path
    )


def _refuse_page(parts: SplitResult) -> None:
    """Refuse the address of a browser's page, and say which clone URL, branch and folder it means.

    Only plain names are repeated; a URL with a user never gets here.
    """
    page = read_git_page(parts)
    if page is None:
        return
    message = "give the clone URL, not the address of a page in a browser"
    if _is_repository_path(page.path):
        port = f":{parts.port}" if parts.port else ""
        message += f": https://{parts.hostname}{port}/{page.path}"
    found = [f"the branch ({page.ref})"] if page.ref else []
    found += [f"the folder ({page.folder})"] if page.folder else []
    named = " and ".join(found) or "branch and folder"
    raise ValueError(f"{message}; give {named} in questions of their own")


_DEFAULT_PORT = {"ssh": 22, "https": 443}


def is_ssh_url(url: str) -> bool:
    """Return whether a valid Git URL uses SSH; false for an empty one."""
    return bool(url) and parse_git_url(url).scheme == "ssh"


def check_git_url(value: str) -> str:
    """Return a Git URL over SSH or HTTPS without credentials; ValueError says what to give."""
    parse_git_url(value)
    return value


def normalize_url(url: str) -> str:
    """Return a URL as Argo CD compares it: lower case, no ssh://, no .git, scp form as a path.

    Source: Argo CD, NormalizeGitURL (util/git/git.go).
    """
    text = url.strip().lower()
    if "://" not in text and "@" in text:
        text = text.replace(":", "/", 1)
    return text.removesuffix(".git").removeprefix("ssh://")
