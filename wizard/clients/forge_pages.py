"""Where each Git provider lets people register a deploy key, from the repository's URL; pure.

Sources: the providers' documentation of deploy keys (GitHub, GitLab), access keys (Bitbucket),
SSH public keys (Azure DevOps: they belong to a user there) and of Gitea and Forgejo.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wizard.formats.addresses import parse_git_url

# The SSH names of providers whose pages are under another name.
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
# What the page calls the right to push; Bitbucket's access keys never have it.
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
# A host of one's own says what it runs in its first label, if anywhere.
_LABELS = {"github": "github", "gitlab": "gitlab", "gitea": "gitea", "forgejo": "gitea"}
_AZURE = {"ssh.dev.azure.com", "vs-ssh.visualstudio.com", "dev.azure.com"}


@dataclass(frozen=True, slots=True)
class DeployKeyPage:
    """A provider's page for deploy keys; `per_user` where keys belong to a person's account.

    `writing` is its name for the right to push, empty where there is none to give.
    """

    url: str
    per_user: bool = False
    writing: str = ""


def find_key_page(url: str) -> DeployKeyPage | None:
    """The page for the repository at `url`; None where the provider cannot be told.

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
    kind = _KINDS.get(host) or _LABELS.get(host.partition(".")[0])
    if kind is None or "/" not in path:
        return None
    return DeployKeyPage(_PAGES[kind].format(host=host, path=path), writing=_WRITING.get(kind, ""))


def find_api(url: str) -> tuple[str, str, str] | None:
    """Kind of provider, base of its API, and owner/name of the repository; None where unknown.

    Sources: REST references of GitHub (also Enterprise Server), GitLab, Bitbucket Cloud, Gitea.
    """
    location = parse_git_url(url)
    host = _WEB_HOSTS.get(location.host, location.host)
    path = location.path.strip("/").removesuffix(".git")
    kind = _KINDS.get(host) or _LABELS.get(host.partition(".")[0])
    if kind is None or "/" not in path:
        return None
    base = {
        "github": "https://api.github.com" if host == "github.com" else f"https://{host}/api/v3",
        "gitlab": f"https://{host}/api/v4",
        "bitbucket": "https://api.bitbucket.org/2.0",
        "gitea": f"https://{host}/api/v1",
    }[kind]
    return kind, base, path
