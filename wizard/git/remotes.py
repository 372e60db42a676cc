"""Remote URLs: removes credentials, and builds the web page for a merge or pull request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

_USERINFO = re.compile(
    r"(?P<head>(?<![a-z0-9+.-])(?:ssh|git\+ssh|ssh\+git))?://(?P<user>[^\s/'\"]*)@", re.I
)
_SCP = re.compile(r"(?:(?P<user>[^@/\s]+)@)?(?P<host>\[[0-9a-fA-F:]+\]|[^:/\s]+):(?P<path>[^\s]*)")

# SSH-only host names (port 443, or Azure's old name), and the host of the web pages.
SSH_HOSTS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "vs-ssh.visualstudio.com": "ssh.dev.azure.com",
}


def redact(text: str) -> str:
    """Return text without the credentials in URLs.

    In an HTTP URL even the user name may be a token, so user name and password are removed. The
    user of `ssh://git@` is not secret and stays; a password is removed.
    """

    def shown(match: re.Match[str]) -> str:
        keeps = match["head"] and ":" not in match["user"]
        return match[0] if keeps else f"{match['head'] or ''}://***@"

    return _USERINFO.sub(shown, text)


@dataclass(frozen=True, slots=True)
class WebLocation:
    """The web address of a remote: host (with the port of an HTTP URL) and path."""

    host: str
    path: str
    scheme: str = "https"

    @property
    def url(self) -> str:
        """Return the URL of the repository's page."""
        return f"{self.scheme}://{self.host}/{quote(self.path, safe='/~')}"


def parse_remote_url(url: str) -> WebLocation | None:
    """Return the web address of a remote URL; None for local paths and unknown forms."""
    if "://" in url:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return None
        if parts.scheme not in {"ssh", "git+ssh", "ssh+git", "git", "http", "https"} or not host:
            return None
        host = f"[{host}]" if ":" in host else host
        web = parts.scheme in {"http", "https"}
        path = parts.path
        where = f"{host}:{port}" if web and port else host
        scheme = parts.scheme if web else "https"
    else:
        match = _SCP.fullmatch(url)
        if not match:
            return None
        where, path, scheme = match["host"].lower(), match["path"], "https"
    where = SSH_HOSTS.get(where, where)
    path = unquote(path).strip("/").removesuffix(".git")
    return WebLocation(where, path, scheme) if path else None


def detect_provider(url: str) -> str:
    """Return github, gitlab, bitbucket, azure or gitea by host name; empty if unknown.

    A self-hosted server with a neutral host name cannot be recognised.
    """
    location = parse_remote_url(url)
    name = location.host.partition(":")[0] if location else ""
    if name in {"dev.azure.com", "ssh.dev.azure.com"} or name.endswith(".visualstudio.com"):
        return "azure"
    labels = name.split(".")
    if "codeberg" in labels or "forgejo" in labels:
        return "gitea"
    known = ("github", "gitlab", "bitbucket", "gitea")
    return next((kind for kind in known if kind in labels), "")


def pr_url(url: str, branch: str, base: str) -> str | None:
    """Return the page that opens a merge or pull request from `branch` into `base`.

    None unless the host is one of github, gitlab, bitbucket.org, Azure DevOps and Gitea.
    """
    location = parse_remote_url(url)
    if location is None:
        return None
    head, into = quote(branch, safe=""), quote(base, safe="")
    match detect_provider(url):
        case "github":
            pair = f"{quote(base, safe='/')}...{quote(branch, safe='/')}"
            return f"{location.url}/compare/{pair}?expand=1"
        case "gitlab":
            prefix = "merge_request%5B{}%5D="
            source, target = prefix.format("source_branch"), prefix.format("target_branch")
            return f"{location.url}/-/merge_requests/new?{source}{head}&{target}{into}"
        case "bitbucket" if location.host == "bitbucket.org":
            return f"{location.url}/pull-requests/new?source={head}&dest={into}"
        case "azure":
            page = _azure_page(location)
            return page and f"{page}/pullrequestcreate?sourceRef={head}&targetRef={into}"
        case "gitea":
            return f"{location.url}/compare/{quote(base, safe='/')}...{quote(branch, safe='/')}"
    return None


def _azure_page(location: WebLocation) -> str | None:
    """Return Azure's page; SSH URLs have the path `v3/organisation/project/repository`."""
    if location.host != "ssh.dev.azure.com":
        return location.url if "/_git/" in f"/{location.path}" else None
    parts = location.path.split("/")
    if len(parts) != 4 or parts[0] != "v3":
        return None
    organisation, project, name = (quote(part) for part in parts[1:])
    return f"https://dev.azure.com/{organisation}/{project}/_git/{name}"


def push_options(url: str, base: str, title: str) -> list[str]:
    """Return push options that make the server open a merge request; only GitLab has them.

    Source: https://docs.gitlab.com/topics/git/commit/#push-options
    """
    if detect_provider(url) != "gitlab":
        return []
    line = " ".join(title.split())
    return ["merge_request.create", f"merge_request.target={base}", f"merge_request.title={line}"]
