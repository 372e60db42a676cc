"""Whether this clone is of the repository that the answers name as the installation's source.

A fork has the same committed answers, so it names the same source: everything that the original
repository made would be taken for its own. Sources of the forms of addresses: the documentation of
GitHub, GitLab and Bitbucket on SSH over port 443, of Bitbucket Data Center on clone URLs, and of
Azure DevOps on SSH and on its former domain visualstudio.com.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from wizard.errors import UsageError
from wizard.formats import shell
from wizard.git.push import list_remotes, remote_url
from wizard.git.remotes import SSH_HOSTS, detect_provider
from wizard.manifests.ownership import clean_place, repository_place
from wizard.plan.derive import find_source_url

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.git.repository import WorkTree
    from wizard.manifests.release import Release

_SCP = re.compile(r"(?:(?P<user>[^@/\s]+)@)?(?P<host>\[[0-9a-fA-F:]+\]|[^:/\s]+):(?P<path>.+)")
_PORT = re.compile(r"[0-9]{1,5}/")
# Bitbucket Data Center serves HTTP below scm, and below the folder it is installed in.
_DATA_CENTER = re.compile(r"(?:(?:bitbucket|stash)/)?scm/([^/]+/[^/]+)", re.IGNORECASE)
_AZURE_SSH = frozenset(("ssh.dev.azure.com", "vs-ssh.visualstudio.com"))
_AZURE_OLD = ".visualstudio.com"
# Parts of Azure's paths that do not name anything: before the project, and after _git.
_AZURE_FILLERS = re.compile(r"(?:^|(?<=/))(?:v3/|defaultcollection/|_full/|_optimized/)", re.I)
# Sources of repositories that had no remote, or a folder.
_NO_HOSTS = frozenset(("commit", "new", "remote"))


@dataclass(frozen=True, slots=True)
class RemoteComparison:
    """The source that the answers name and the remote of this clone, each as host and path.

    Either is empty if there is no address of a host to compare.
    """

    source: str
    remote: str
    is_same: bool

    @property
    def is_fork(self) -> bool:
        """Whether the clone may be a fork: both are known, and they differ."""
        return bool(self.source and self.remote) and not self.is_same

    @property
    def set_source(self) -> str:
        """The command that gives a fork a source of its own."""
        return f"airflow-wizard set {shell.quote(f'repository.source={clean_place(self.remote)}')}"


def compare_remote(repository: WorkTree, answers: Answers, release: Release) -> RemoteComparison:
    """Compare the remote of this clone with the source of the installation; nothing is sent."""
    source = release.owner_id.rpartition("#")[0].partition("//")[0]
    if source.partition("/")[0] in _NO_HOSTS:
        source = ""
    urls = _list_remote_urls(repository, answers.repository.branch)
    # The owner id is in lower case; what it comes from may tell more.
    named = answers.repository.source or find_source_url(answers)
    same = (
        url
        for url in urls
        if is_same_address(url, named)
        # An unusual form, which was recorded as it is.
        or clean_place(source) == clean_place(repository_place(url.replace("://***@", "://")))
    )
    url = next(same, "") if source else ""
    return RemoteComparison(source, read_place(url or next(iter(urls), "")), bool(url))


def _list_remote_urls(repository: WorkTree, branch: str) -> list[str]:
    """Return the URLs that a branch is pushed to and pulled from; none that is a folder.

    People push to a fork of their own, or switch pushing off with a URL that is a word.
    """
    try:
        remotes = list_remotes(repository, branch)
        urls = [remote_url(repository, one, push=way) for one in remotes for way in (True, False)]
    except UsageError:
        return []
    return [url for url in urls if read_place(url)]


def is_same_address(one: str, other: str) -> bool:
    """Return whether two addresses are of one repository, in any form that Git or a host has.

    An address is a URL, user@host:path, or host and path as a source records them, in lower case.
    The letter case of a path counts if both are URLs of a host that is not known to ignore it.
    """
    here, there = _read_address(one), _read_address(other)
    if here is None or there is None or here.host != there.host:
        return False
    if here.has_case and there.has_case:
        return bool(here.paths & there.paths)
    return bool({path.lower() for path in here.paths} & {path.lower() for path in there.paths})


def read_place(url: str) -> str:
    """Return host and path of a URL in lower case; empty for a folder, or without a path."""
    location = _split_address(url)
    if location is None:
        return ""
    return f"{location.host}/{_trim(unquote(location.path))}".lower()


@dataclass(frozen=True, slots=True)
class _Location:
    """The parts of an address as they are written; `is_url` is false for a recorded place."""

    user: str
    host: str
    path: str
    is_url: bool


@dataclass(frozen=True, slots=True)
class _Address:
    """The host of the web pages, and how the path may be written.

    An answer has no percent-encoding.
    """

    host: str
    paths: frozenset[str]
    has_case: bool


def _read_address(text: str) -> _Address | None:
    location = _split_address(text)
    if location is None:
        return None
    azure = _name_azure(location)
    if azure:
        return _Address("dev.azure.com", _spell_path(azure), has_case=False)
    host = SSH_HOSTS.get(location.host, location.host).removeprefix("www.")
    match = _DATA_CENTER.fullmatch(_trim(location.path))
    path = match[1] if match else location.path
    # All hosts with a known name ignore the case.
    has_case = location.is_url and not detect_provider(f"https://{host}/x")
    return _Address(host, _spell_path(path), has_case)


def _split_address(text: str) -> _Location | None:
    """Return the parts of an address; None for a folder."""
    if "://" in text:
        try:
            parts = urlsplit(text)
            user, host, path = parts.username or "", parts.hostname or "", parts.path
        except ValueError:
            return None
        host = "" if parts.scheme == "file" else host
        found = _Location(user, host.rstrip("."), path, is_url=True)
    else:
        match = _SCP.fullmatch(text)
        if match and (match["user"] or not _PORT.match(match["path"])):
            host = match["host"].strip("[]").lower().rstrip(".")
            found = _Location(match["user"] or "", host, match["path"], is_url=True)
        else:
            host, _, path = text.partition("/")
            found = _Location("", re.sub(r":[0-9]+$", "", host).lower(), path, is_url=False)
    is_folder = not found.host.strip(".") or not _trim(found.path)
    return None if is_folder else found


def _name_azure(location: _Location) -> str:
    """Return ORGANISATION/PROJECT/REPOSITORY of a repository at Azure DevOps; empty for others.

    A project's first repository has its name, and then the project may be left out.
    """
    host, path = location.host, _trim(location.path)
    if host not in _AZURE_SSH and host != "dev.azure.com" and not host.endswith(_AZURE_OLD):
        return ""
    parts = _AZURE_FILLERS.sub("", path).split("/")
    is_short = len(parts) > 1 and parts[-2].lower() in {"_git", "_ssh"}
    names = [one for one in parts if one.lower() not in {"_git", "_ssh"}]
    if host.endswith(_AZURE_OLD) and host not in _AZURE_SSH:
        names.insert(0, host.removesuffix(_AZURE_OLD))
    elif host in _AZURE_SSH and is_short and location.user:
        names.insert(0, location.user)
    if len(names) == 2 and is_short:
        names.append(names[-1])
    return "/".join(names) if len(names) == 3 else ""


def _trim(path: str) -> str:
    return path.strip("/").removesuffix(".git").rstrip("/")


def _spell_path(path: str) -> frozenset[str]:
    """Return a path as URLs and answers may write it."""
    plain = unquote(path)
    return frozenset(clean_place(_trim(one)) for one in (path, plain, quote(plain, safe="/~")))
