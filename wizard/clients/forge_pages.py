"""Finds the page on which a Git provider registers deploy keys, from the repository's URL.

Sources: the providers' documentation of deploy keys (GitHub, GitLab, Gitea, Forgejo), access keys
(Bitbucket) and SSH public keys (Azure DevOps, where keys belong to a user).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wizard.formats.addresses import parse_git_url

# SSH host names of providers whose pages have a different host name.
_WEB_HOSTS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}
_PAGES = {
    "github": "https://{host}/{path}/settings/keys",
    "gitlab": "https://{host}/{path}/-/settings/repository#js-deploy-keys-settings",
    "bitbucket": "https://{host}/{path}/admin/access-keys/",
    "gitea": "https://{host}/{path}/settings/keys",
}
# The page's label for write access; Bitbucket's access keys are always read-only.
_WRITING = {
    "github": "Allow write access",
    "gitlab": "Grant write permissions to this key",
    "gitea": "Enable write access",
}
_KINDS = {
    "github.com": "github",
    "gitlab.com": "gitlab",
    "bitbucket.org": "bitbucket",
    "codeberg.org": "gitea",
    "gitea.com": "gitea",
}
# A self-hosted provider can only be recognised by the first label of its host name.
_LABELS = {"github": "github", "gitlab": "gitlab", "gitea": "gitea", "forgejo": "gitea"}
_AZURE = {"ssh.dev.azure.com", "vs-ssh.visualstudio.com", "dev.azure.com"}


def find_kind(host: str) -> str:
    """Return the kind of provider at this host: github, gitlab, azure, ...; empty if unknown."""
    host = _WEB_HOSTS.get(host, host)
    if host in _AZURE or host.endswith(".visualstudio.com"):
        return "azure"
    return _KINDS.get(host) or _LABELS.get(host.partition(".")[0]) or ""


@dataclass(frozen=True, slots=True)
class DeployKeyPage:
    """A provider's page for deploy keys; `per_user` if keys belong to a user account.

    `writing` is the page's label for write access, empty if keys are always read-only.
    """

    url: str
    per_user: bool = False
    writing: str = ""


def find_key_page(url: str) -> DeployKeyPage | None:
    """Return the page for the repository at `url`; None if the provider is unknown.

    Raises ValueError for a URL that `parse_git_url` refuses.
    """
    location = parse_git_url(url)
    host = _WEB_HOSTS.get(location.host, location.host)
    path = location.path.strip("/").removesuffix(".git")
    if host in _AZURE:
        match = re.match(r"(?:v3/)?([A-Za-z0-9][A-Za-z0-9-]*)/", path)
        return (
            DeployKeyPage(f"https://dev.azure.com/{match[1]}/_usersSettings/keys", True)
            if match
            else None
        )
    kind = find_kind(host)
    if kind not in _PAGES or "/" not in path:
        return None
    return DeployKeyPage(_PAGES[kind].format(host=host, path=path), writing=_WRITING.get(kind, ""))


def find_api(url: str) -> tuple[str, str, str] | None:
    """Return provider kind, API base URL and owner/name; None if the provider is unknown.

    Sources: REST references of GitHub (also Enterprise Server), GitLab, Bitbucket Cloud, Gitea.
    """
    location = parse_git_url(url)
    host = _WEB_HOSTS.get(location.host, location.host)
    path = location.path.strip("/").removesuffix(".git")
    kind = find_kind(host)
    if kind not in _PAGES or "/" not in path:
        return None
    base = {
        "github": "https://api.github.com" if host == "github.com" else f"https://{host}/api/v3",
        "gitlab": f"https://{host}/api/v4",
        "bitbucket": "https://api.bitbucket.org/2.0",
        "gitea": f"https://{host}/api/v1",
    }[kind]
    return kind, base, path
