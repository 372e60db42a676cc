"""Probes of the DAG repository: the deploy key clones it, and can do no more than that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.backends.git_ssh import Clone, CloneError, Seen, Target, command_path
from wizard.hostkeys import HostKey, known_hosts_name
from wizard.live.host_keys import ASK
from wizard.probes import Once, Probe, ProbeResult, failed, passed, skipped, unknown, warned

if TYPE_CHECKING:
    from wizard.sections import Answers

SECONDS = 75.0
_DEFERRED = {"unreachable", "unfinished"}
_FIXES = {
    "unreachable": "pods may see it otherwise; try again from a machine in the same network",
    "unfinished": "try again later",
    "peer": "correct host and port in dags.repo",
    "host-key": ASK,
    "key": "put the whole private key into the store, its last line end included",
    "not-registered": "register the public key there, read-only; `airflow-wizard secrets` shows it",
    "repository": "register the key for this repository, or correct dags.repo",
    "ref": "correct dags.ref, or push that branch",
    "subpath": "correct dags.subpath",
    "no-dags": "push a DAG, or correct dags.subpath",
}

Look = Callable[[], Seen | CloneError]


def clone_target(answers: Answers) -> Target | None:
    """What git-sync would clone with these answers, and the host keys they pin.

    The keys are those of the known_hosts text that is rendered, and no others. None where DAGs do
    not come over SSH, or no host key has evidence yet.
    """
    dags = answers.dags
    location = dags.location
    text = dags.known_hosts
    if location is None or not text:
        return None
    name = known_hosts_name(location.host, location.port)
    rows = [line.split() for line in text.splitlines()]
    pinned = tuple(HostKey(kind, key) for host, kind, key in rows if host == name)
    path = command_path(dags.repo, location.path)
    return Target(location.host, location.port, location.user, path, dags.ref, dags.subpath, pinned)


def looking(client: Clone) -> Look:
    """One look that hands its failure back as a value, for both probes that read it."""

    def look() -> Seen | CloneError:
        try:
            return client.look()
        except CloneError as error:
            return error

    return look


@dataclass(frozen=True, slots=True)
class Reading:
    """What one repository is read for: ids and titles of the probes, and what outcomes mean."""

    id: str
    title: str
    key_title: str
    refusal: Callable[[CloneError], ProbeResult]
    cloned: Callable[[Seen], ProbeResult]
    read_only: Callable[[Seen, str], ProbeResult]

    def probes(self, target: Target, look: Look, *, writable: str = "") -> Iterator[Probe]:
        """Whether the key clones the repository, and whether it could push.

        `writable` is why it may, as the answers say; empty refuses a key that could.
        """
        once = Once(look)
        name = f"{self.id}.clone"

        async def clone() -> ProbeResult:
            seen = await once()
            return self.refusal(seen) if isinstance(seen, CloneError) else self.cloned(seen)

        async def rights() -> ProbeResult:
            seen = await once()
            if isinstance(seen, CloneError):
                return skipped(f"needs {name}")
            return self.read_only(seen, writable)

        endpoint = target.endpoint
        yield Probe(name, self.title, endpoint, clone, SECONDS)
        yield Probe(f"{self.id}.read-only", self.key_title, endpoint, rights, SECONDS)


def refusal(error: CloneError) -> ProbeResult:
    """What a clone that could not be proven means: only its absence here is no fault."""
    if error.kind in _DEFERRED:
        return unknown(error.message, _FIXES[error.kind])
    return failed(error.message, _FIXES[error.kind])


def cloned(seen: Seen) -> ProbeResult:
    """The clone itself."""
    files = "1 DAG file" if seen.files == 1 else f"{seen.files} DAG files"
    short = seen.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    at = "" if short == seen.commit else f"{short} at "
    return passed(f"{at}{seen.commit[:12]}: {files}")


def read_only(seen: Seen, writable: str) -> ProbeResult:
    """Whether the key could change what runs."""
    if seen.writable is None:
        return unknown(
            "whether the key may push could not be found out", "look at it on the host's page"
        )
    if not seen.writable:
        return passed("the host refuses a push")
    if writable:
        return warned(f"the key may push: {writable}")
    return failed(
        "the key may push, so every pod that holds it could change the DAGs",
        "register it read-only, or say why it may push: "
        "airflow-wizard set 'dags.key={generate: true, writable: \"...\"}'",
    )


DAGS = Reading("dags", "DAG repository: clone", "Deploy key: read-only", refusal, cloned, read_only)
