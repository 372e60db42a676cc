"""Probes of the config repository: Argo CD's key reads it, and can do no more than that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.clients.ssh.clone import command_path
from wizard.clients.ssh.session import CloneTarget
from wizard.deliveries.argocd.questions import REPOSITORY_KEY, argocd_answers
from wizard.engine.probes import Probe, ProbeResult, unknown_result
from wizard.errors import Fix
from wizard.formats.addresses import parse_git_url
from wizard.hostkeys.keys import known_hosts_name
from wizard.systems.git.dag_probes import CloneCheck
from wizard.systems.git.host_key_probes import PUBLISHED_KEY_HINT
from wizard.workspace.config_host_keys import verified_host_keys

if TYPE_CHECKING:
    from wizard.answers.model import Answers

_UNVERIFIED = (
    "its host is another than the DAGs', and publishes no keys that this version knows: let Argo "
    "CD's admin verify them; the sync proves it"
)
_FIXES: Mapping[str, Fix | str] = {
    "unreachable": "Argo CD may see it otherwise; try again from a machine in the same network",
    "unfinished": "try again later",
    "peer": Fix("correct host and port in delivery.argocd.repo_url", "delivery.argocd.repo_url"),
    "host-key": PUBLISHED_KEY_HINT,
    "key": "put the whole private key into the store, its last line end included",
    "not-registered": "register the public key there, read-only; `airflow-wizard secrets` shows it",
    "repository": Fix(
        "register the key for this repository, or correct delivery.argocd.repo_url",
        "delivery.argocd.repo_url",
    ),
    "ref": Fix(
        "push what was committed, or correct delivery.argocd.revision", "delivery.argocd.revision"
    ),
}


def repository_target(answers: Answers) -> CloneTarget | None:
    """What Argo CD would read with these answers, and the host keys that count.

    None where no key of its own reads it over SSH, or no host key of it is verified.
    """
    if not REPOSITORY_KEY.holds(answers):
        return None
    keys = verified_host_keys(answers)
    if not keys:
        return None
    argo = argocd_answers(answers.delivery)
    location = parse_git_url(argo.repo_url)
    path = command_path(argo.repo_url, location.path)
    return CloneTarget(
        location.host, location.port, location.user, path, argo.revision, "", keys, dags=False
    )


def make_unproven_probe(answers: Answers) -> Probe:
    """What is told where no host key counts: a key is never shown to whatever answers."""
    location = parse_git_url(argocd_answers(answers.delivery).repo_url)
    name = known_hosts_name(location.host, location.port)

    async def run() -> ProbeResult:
        return unknown_result(f"no host key of {name} is verified here", _UNVERIFIED)

    question = "delivery.argocd.repo_url"
    return Probe("repository.clone", "Config repository: clone", name, run, question=question)


CONFIG_CLONE = CloneCheck(
    "repository",
    "Config repository: clone",
    "Argo CD's key: read-only",
    "delivery.argocd.key",
    "delivery.argocd.repo_url",
    "whoever reads it could change what is delivered",
    _FIXES,
    # The ref may be there once the first commit is pushed.
    frozenset({"unreachable", "unfinished", "ref"}),
)
