"""The verified host keys of the config repository, in a file that Argo CD's CLI takes.

`apply` adds them to Argo CD's list. The file is for an administrator who adds them by hand
(`argocd cert add-ssh --batch --from FILE`), and the next run reads the committed evidence there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.addresses import parse_git_url
from wizard.manifests.tree import File
from wizard.questions.host_keys import known_hosts_text

if TYPE_CHECKING:
    from wizard.deliveries.argocd.questions import ArgoCd
    from wizard.manifests.release import Release

# Not a manifest, so not below `argocd/`.
KNOWN_HOSTS_LOGICAL = "argocd-known-hosts"


def known_hosts_files(argo: ArgoCd, release: Release) -> tuple[File, ...]:
    """Return the file; none if the answers record no verified key for this repository alone."""
    if not argo.is_over_ssh:
        return ()
    text = known_hosts_text(argo.host_keys, parse_git_url(argo.repo_url).port)
    path = f"{release.paths.docs}/{KNOWN_HOSTS_LOGICAL}"
    return (File(KNOWN_HOSTS_LOGICAL, path, text),) if text else ()


def known_hosts_path(argo: ArgoCd, release: Release) -> str:
    """Return the path of the file; empty without one."""
    return "".join(one.path for one in known_hosts_files(argo, release))
