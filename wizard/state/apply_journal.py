"""Stores the history of `apply` on this machine: a hint, never required and never trusted.

`wizard.state.memory` says where it is stored. The history of a different repository in the same
folder is ignored. It contains no secrets and no server text: only step names, their results and
times, and the identities of the targets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import RefusedError, WizardError
from wizard.plan.merge_base import state_folder
from wizard.state.memory import StateFile

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.answers.sections.cluster import Cluster
    from wizard.git.repository import WorkTree

CLUSTER_SERVER, CLUSTER_UID, VAULT_CLUSTER_ID = "cluster.server", "cluster.uid", "vault.cluster_id"
# Where Argo CD deploys to other clusters, its own.
ARGOCD_UID = "argocd.uid"
# The remote that a person confirmed although it is not the installation's source.
REPOSITORY_PLACE = "repository.place"
_MAX_RUNS = 20
_IDENTITY_PATTERNS = {
    CLUSTER_SERVER: re.compile(r"https://[A-Za-z0-9.:\[\]/_~-]{1,300}"),
    CLUSTER_UID: re.compile(r"[A-Za-z0-9._:-]{1,100}"),
    ARGOCD_UID: re.compile(r"[A-Za-z0-9._:-]{1,100}"),
    VAULT_CLUSTER_ID: re.compile(r"[A-Za-z0-9._:-]{1,100}"),
    # Paths at Azure DevOps may have spaces.
    REPOSITORY_PLACE: re.compile(r"[^\x00-\x1f\x7f]{1,1000}"),
}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class ApplyHistory:
    """The past runs of one installation; reading and writing never raise."""

    def __init__(self, repository: WorkTree, installation: str) -> None:
        self._repository = repository
        self._memory = StateFile(repository, installation)
        self._run: dict[str, Any] = {}

    @property
    def place(self) -> Path:
        """The file's path; RuntimeError for a user without a home folder."""
        return self._memory.place

    def target_identities(self) -> dict[str, str]:
        """Return the identities of targets in earlier runs: by key.

        Empty if the applied commit is not in this repository.
        """
        data = self._memory.read()
        found = valid_identities(data.get("met"))
        commit = data.get("commit")
        if not found or not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
            return {}
        try:
            return found if self._repository.objects([commit]) != [None] else {}
        except WizardError:
            return {}

    def forget(self) -> None:
        """Delete the history, after the installation is destroyed."""
        self._memory.forget()

    def remember(self, met: Mapping[str, str]) -> bool:
        """Record identities that were met outside a run; return False if writing failed."""
        return self._write(met, self._read_runs())

    def begin_run(self, digest: str) -> None:
        """Begin to record a run of the plan with this digest; nothing is written yet."""
        self._run = {"began": _now(), "digest": digest, "ended": {}}

    def record_step(self, step: str, state: str, met: Mapping[str, str]) -> bool:
        """Record a step's final state and the identities of its targets; False if writing fails."""
        self._run["ended"][step] = {"state": state, "at": _now()}
        others = [one for one in self._read_runs() if one.get("began") != self._run["began"]]
        return self._write(met, [*others, self._run])

    def _read_runs(self) -> list[dict[str, Any]]:
        runs = self._memory.read().get("runs")
        return [one for one in runs if isinstance(one, dict)] if isinstance(runs, list) else []

    def _write(self, met: Mapping[str, str], runs: Sequence[dict[str, Any]]) -> bool:
        before = valid_identities(self._memory.read().get("met"))
        data = {
            "commit": self._repository.head.commit,
            "met": {**before, **valid_identities(dict(met))},
            "runs": list(runs)[-_MAX_RUNS:],
        }
        return self._memory.write(data)


def valid_identities(found: object) -> dict[str, str]:
    """Return only the entries that have the form of an identity."""
    if not isinstance(found, Mapping):
        return {}
    return {
        key: value
        for key, form in _IDENTITY_PATTERNS.items()
        if isinstance(value := found.get(key), str) and form.fullmatch(value)
    }


def fill_cluster_identity(recorded: Cluster, met: Mapping[str, str]) -> Cluster:
    """Return the recorded cluster identity, with its empty fields filled from `met`.

    `met` has the identities that `apply` found; those of a different cluster are ignored.
    """
    from pydantic import ValidationError

    from wizard.clients.kube.protocol import ClusterIdentity as Seen
    from wizard.state.cluster_identity import compare_clusters

    if CLUSTER_UID not in met or compare_clusters(
        recorded, Seen(met.get(CLUSTER_SERVER, ""), met[CLUSTER_UID], "")
    ):
        return recorded
    for key in (CLUSTER_SERVER, CLUSTER_UID):
        name = key.partition(".")[2]
        if not getattr(recorded, name) and met.get(key):
            with suppress(ValidationError):
                data = {**recorded.model_dump(), name: met[key]}
                recorded = type(recorded).model_validate(data)
    return recorded


def with_cluster_identity(answers: Answers, repository: WorkTree, installation: str) -> Answers:
    """Return the answers with the cluster identity that `apply` found, or the same object.

    Only empty fields are filled. Use this function for a commit that also changes something else:
    an identity alone is not a reason for a commit.
    """
    own = answers.cluster
    if own.server and own.uid:
        return answers
    if not is_committed(repository, installation):
        return answers
    return with_remembered_cluster(answers, repository, installation)


def with_remembered_cluster(answers: Answers, repository: WorkTree, installation: str) -> Answers:
    """Return the answers with the cluster that an earlier `apply` used, to compare it; see above.

    For everything that asks a cluster: `apply` compares it with the same one.
    """
    own = answers.cluster
    found = ApplyHistory(repository, installation).target_identities()
    cluster = fill_cluster_identity(own, found) if found else own
    return answers if cluster == own else answers.model_copy(update={"cluster": cluster})


def is_committed(repository: WorkTree, installation: str) -> bool:
    """Return whether the answers on disk are the same as in HEAD.

    If `secrets` recorded public keys in the file on disk, a commit takes exactly that file, so
    nothing may be added to it.
    """
    path = f"{state_folder(installation)}/answers.yaml"
    try:
        return repository.read_from_disk(path) == repository.read(path)
    except RefusedError:
        return False


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
