"""Probes of the DAG repository: the deploy key can clone it and cannot push."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from wizard.clients.ssh.clone import CloneClient, CloneResult, command_path
from wizard.clients.ssh.session import CloneError, CloneTarget
from wizard.engine.probes import (
    CachedCall,
    Probe,
    ProbeResult,
    fail_result,
    pass_result,
    skip_result,
    unknown_result,
    warn_result,
)
from wizard.errors import Fix
from wizard.formats.addresses import parse_git_url
from wizard.hostkeys.keys import HostKey, known_hosts_name
from wizard.systems.git.host_key_probes import HOST_KEY_HINT

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.answers.sections.dag_bundles import DagBundle

SECONDS = 75.0
_FIXES: Mapping[str, Fix | str] = {
    "unreachable": "pods may still reach it; try again from a machine in the pods' network",
    "unfinished": "try again later",
    "peer": Fix("correct host and port in dags.repo", "dags.repo"),
    "host-key": HOST_KEY_HINT,
    "key": "put the whole private key into the store, with its final newline",
    "not-registered": "register the public key there, read-only: airflow-wizard secrets shows it",
    "repository": Fix("register the key for this repository, or correct dags.repo", "dags.repo"),
    "ref": Fix("correct dags.ref, or push that branch", "dags.ref"),
    "subpath": Fix("correct dags.subpath", "dags.subpath"),
    "no-dags": Fix("push a DAG, or correct dags.subpath", "dags.subpath"),
}

CloneLookup = Callable[[], CloneResult | CloneError]


def clone_target(answers: Answers) -> CloneTarget | None:
    """Return what git-sync would clone with these answers, and the pinned host keys.

    The keys are the same as in the rendered known_hosts. None when DAGs are not cloned over SSH or
    no host key is verified yet.
    """
    dags = answers.dags
    return _build_target(dags.known_hosts, dags.repo, dags.ref, dags.subpath)


def bundle_target(answers: Answers, bundle: DagBundle) -> CloneTarget | None:
    """Return what pods clone for one more bundle over SSH, with the host keys that are pinned.

    None if no host key of its host is verified yet.
    """
    return _build_target(answers.dags.known_hosts, bundle.repo, bundle.ref, bundle.subpath)


def _build_target(known_hosts: str, url: str, ref: str, subpath: str) -> CloneTarget | None:
    if not known_hosts or not url:
        return None
    location = parse_git_url(url)
    name = known_hosts_name(location.host, location.port)
    rows = [line.split() for line in known_hosts.splitlines()]
    pinned = tuple(HostKey(kind, key) for host, kind, key in rows if host == name)
    if not pinned:
        return None
    path = command_path(url, location.path)
    return CloneTarget(location.host, location.port, location.user, path, ref, subpath, pinned)


def make_clone_lookup(client: CloneClient) -> CloneLookup:
    """Return a function that clones once and returns a failure instead of raising it."""

    def look() -> CloneResult | CloneError:
        try:
            return client.look()
        except CloneError as error:
            return error

    return look


class Repository(Protocol):
    """The repository that a clone reads, over SSH or HTTPS."""

    @property
    def endpoint(self) -> str:
        """Return the host, with the port if it is not the default."""

    @property
    def dags(self) -> bool:
        """Return whether the repository must contain DAG files."""


@dataclass(frozen=True, slots=True)
class CloneCheck:
    """The settings for the checks of one repository; the ids of its probes start with `id`.

    `question` and `repository` are the dotted keys of the questions for its deploy key and its
    address. `harm` says what a key with push access could do. `fixes` maps kinds of CloneError to
    fixes; the kinds in `deferred` are reported as unknown, because this machine cannot tell whether
    there is a fault.
    """

    id: str
    title: str
    key_title: str
    question: str
    repository: str
    harm: str
    fixes: Mapping[str, Fix | str]
    deferred: frozenset[str]
    login: str = "key"
    writable_status: Literal["fail", "warn"] = "fail"

    def probes(
        self, target: Repository, look: CloneLookup, *, writable: str = ""
    ) -> Iterator[Probe]:
        """Yield the probes that clone the repository with the key and test for push access.

        `writable` is the reason for push access in the answers; if empty, push access is a fault.
        """
        once = CachedCall(look)
        name = f"{self.id}.clone"

        async def clone() -> ProbeResult:
            seen = await once()
            if isinstance(seen, CloneError):
                return self.explain_error(seen)
            return _describe_clone(seen, dags=target.dags)

        async def rights() -> ProbeResult:
            seen = await once()
            if isinstance(seen, CloneError):
                return skip_result(f"needs {name}")
            return self._check_read_only(seen, writable)

        endpoint = target.endpoint
        yield Probe(name, self.title, endpoint, clone, SECONDS, self.repository)
        yield Probe(
            f"{self.id}.read-only", self.key_title, endpoint, rights, SECONDS, self.question
        )

    def explain_error(self, error: CloneError) -> ProbeResult:
        """Return the result for a clone that failed."""
        fix = self.fixes.get(error.kind, "")
        found = unknown_result if error.kind in self.deferred else fail_result
        return found(error.message, fix)

    def _check_read_only(self, seen: CloneResult, writable: str) -> ProbeResult:
        if seen.writable is None:
            return unknown_result(
                f"cannot tell whether the {self.login} has push access",
                "check it on the Git host's page",
            )
        if not seen.writable:
            return pass_result("the host refuses a push")
        if writable:
            return warn_result(f"the {self.login} has push access: {writable}")
        found = f"the {self.login} has push access, so {self.harm}"
        if self.writable_status == "warn":
            return warn_result(found, Fix("use one that may only read", self.question))
        return fail_result(
            found,
            Fix(
                "register it read-only, or give the reason for push access: "
                f"airflow-wizard set '{self.question}={{generate: true, writable: \"...\"}}'",
                self.question,
            ),
        )


def _describe_clone(seen: CloneResult, *, dags: bool) -> ProbeResult:
    short = seen.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    at = "" if short == seen.commit else f"{short} at "
    files = "1 DAG file" if seen.files == 1 else f"{seen.files} DAG files"
    return pass_result(f"{at}{seen.commit[:12]}" + (f": {files}" if dags else ""))


DAG_CLONE = CloneCheck(
    "dags",
    "DAG repository: clone",
    "Deploy key: read-only",
    "dags.key",
    "dags.repo",
    "every pod that holds it could change the DAGs",
    _FIXES,
    frozenset({"unreachable", "unfinished"}),
)
