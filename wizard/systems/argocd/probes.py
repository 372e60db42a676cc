"""Probes of the config repository: Argo CD's key can read it, and cannot write to it."""

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

_UNVERIFIED = Fix(
    "this version knows no published keys of this host: paste its keys into "
    "delivery.argocd.host_keys and type their fingerprint (--host-key-fingerprint SHA256:...), or "
    "ask Argo CD's admin to verify them",
    "delivery.argocd.host_keys",
)
_FIXES: Mapping[str, Fix | str] = {
    "unreachable": "try again from a machine in Argo CD's network; Argo CD may reach the host",
    "unfinished": "try again later",
    "peer": Fix("correct host and port in delivery.argocd.repo_url", "delivery.argocd.repo_url"),
    "host-key": PUBLISHED_KEY_HINT,
    "key": "store the whole private key, including its last line end",
    "not-registered": "register the public key read-only at the Git host; `airflow-wizard secrets` "
    "shows it",
    "repository": Fix(
        "register the key for this repository, or correct delivery.argocd.repo_url",
        "delivery.argocd.repo_url",
    ),
    "ref": Fix("push the commit, or correct delivery.argocd.revision", "delivery.argocd.revision"),
}


def repository_target(answers: Answers) -> CloneTarget | None:
    """Return the repository that Argo CD reads with these answers, and its verified host keys.

    None if no stored key reads it over SSH, or none of its host keys is verified.
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
    """Return a probe that does not connect: the key is never used with an unverified host."""
    location = parse_git_url(argocd_answers(answers.delivery).repo_url)
    name = known_hosts_name(location.host, location.port)

    async def run() -> ProbeResult:
        return unknown_result(f"no host key of {name} is verified", _UNVERIFIED)

    question = "delivery.argocd.repo_url"
    return Probe("repository.clone", "Config repository: clone", name, run, question=question)


CONFIG_CLONE = CloneCheck(
    "repository",
    "Config repository: clone",
    "Argo CD's key: read-only",
    "delivery.argocd.key",
    "delivery.argocd.repo_url",
    "everybody who can read it could change the delivered files",
    _FIXES,
    # A missing ref proves no fault: the first push creates the ref.
    frozenset({"unreachable", "unfinished", "ref"}),
)
