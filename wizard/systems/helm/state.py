"""What stands of a Helm release: its revisions, whose they are, and what differs from ours.

Helm keeps each revision in a Secret; their labels are read, never the Secrets themselves. Source:
helm.sh/helm/v3/pkg/storage/driver (labels name, owner, status, version).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.deliveries.helm.commands import MANAGED_BY_LABEL
from wizard.errors import UsageError
from wizard.git.push import find_remote, remote_url
from wizard.manifests.ownership import OWNER_ANNOTATION, owner_id, owner_label

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.systems.target import Target

# Another one for each helm that this program starts. Helm carries labels on from revision to
# revision, so one that an earlier revision has too was made by somebody else's helm.
RUN_LABEL = "airflow-wizard/run"
_OWN, _VALUE = MANAGED_BY_LABEL.split("=")


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision, by the labels of its Secret; `version` changes with every write to it.

    `owner_id` is the mark of the installation that it belongs to; empty where it says none.
    """

    number: int
    status: str
    own: bool
    run: str
    version: str
    source: str = ""

    @property
    def is_pending(self) -> bool:
        """Whether a helm is at it, or was when it died."""
        return self.status.startswith("pending")


def list_revisions(kube: Kube, namespace: str, release: str) -> list[Revision]:
    """All of a release, the last one last; empty where it is not installed."""
    selector = f"owner=helm,name={release}"
    found = []
    for one in kube.find("v1", "Secret", namespace, labels=selector, metadata=True):
        about = one["metadata"]
        labels = about.get("labels") or {}
        number = str(labels.get("version") or "")
        if number.isdecimal():
            found.append(
                Revision(
                    int(number),
                    str(labels.get("status") or ""),
                    labels.get(_OWN) == _VALUE,
                    str(labels.get(RUN_LABEL) or ""),
                    str(about.get("resourceVersion") or ""),
                    str(labels.get(OWNER_ANNOTATION) or ""),
                )
            )
    return sorted(found, key=lambda one: one.number)


def is_made_by_run(found: Sequence[Revision]) -> bool:
    """Whether the last revision is of a run of ours, not of a helm that carried labels on."""
    *before, last = found
    return bool(last.run) and all(one.run != last.run for one in before)


def compute_owner_mark(target: Target) -> str:
    """What this installation puts on its release; empty where its repository has no remote.

    No answer names the repository where Helm delivers, so the remote of this clone tells it.
    """
    repository, answers = target.repository, target.answers.repository
    try:
        url = remote_url(repository, find_remote(repository, answers.branch))
    except UsageError:
        return ""
    return owner_label(owner_id(url, answers.path, target.release.installation))


def is_foreign(last: Revision, own: str) -> bool:
    """Whether it is of another installation, as its mark says."""
    return last.own and bool(last.source) and last.source != own


def is_recoverable(found: Sequence[Revision]) -> bool:
    """Whether the last revision is a pending one that a run of ours left behind.

    A rollback that was to mend such a one counts too.
    """
    *before, last = found
    if last.status == "pending-rollback" and before and before[-1].is_pending:
        return is_recoverable(before)
    return last.is_pending and is_made_by_run(found)


def find_differing_keys(standing: Any, wanted: Any, path: str = "") -> Iterator[str]:
    """The dotted keys whose values differ; no value is ever repeated.

    A null counts: it takes away the chart's default.
    """
    if isinstance(standing, Mapping) and isinstance(wanted, Mapping):
        standing, wanted = _normalize_keys(standing), _normalize_keys(wanted)
        for name in sorted({*standing, *wanted}):
            place = f"{path}.{name}" if path else name
            if name not in standing or name not in wanted:
                yield place
            else:
                yield from find_differing_keys(standing[name], wanted[name], place)
    elif not _equal(standing, wanted):
        yield path


def _normalize_keys(found: Mapping[Any, Any]) -> dict[str, Any]:
    """The keys as JSON has them, which is what Helm keeps: texts, whatever YAML made of them."""
    return {
        name if isinstance(name, str) else json.dumps(name, default=str): value
        for name, value in found.items()
    }


def _equal(one: Any, two: Any) -> bool:
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and not any(
            list(find_differing_keys(a, b, "item")) for a, b in zip(one, two, strict=True)
        )
    # JSON tells truth from one, Python does not.
    return isinstance(one, bool) == isinstance(two, bool) and bool(one == two)
