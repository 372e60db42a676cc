"""What stands of a Helm release: its revisions, whose they are, and what differs from ours.

Helm keeps each revision in a Secret; their labels are read, never the Secrets themselves. Source:
helm.sh/helm/v3/pkg/storage/driver (labels name, owner, status, version).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.errors import UsageError
from wizard.git.push import remote_for, remote_url
from wizard.manifests.helm import OWN_LABEL
from wizard.manifests.ownership import SOURCE, mark, source

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.systems.target import Target

# Another one for each helm that this program starts. Helm carries labels on from revision to
# revision, so one that an earlier revision has too was made by somebody else's helm.
RUN_LABEL = "airflow-wizard/run"
_OWN, _VALUE = OWN_LABEL.split("=")


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision, by the labels of its Secret; `version` changes with every write to it.

    `source` is the mark of the installation that it belongs to; empty where it says none.
    """

    number: int
    status: str
    own: bool
    run: str
    version: str
    source: str = ""

    @property
    def pending(self) -> bool:
        """Whether a helm is at it, or was when it died."""
        return self.status.startswith("pending")


def revisions(kube: Kube, namespace: str, release: str) -> list[Revision]:
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
                    str(labels.get(SOURCE) or ""),
                )
            )
    return sorted(found, key=lambda one: one.number)


def made_by_a_run(found: Sequence[Revision]) -> bool:
    """Whether the last revision is of a run of ours, not of a helm that carried labels on."""
    *before, last = found
    return bool(last.run) and all(one.run != last.run for one in before)


def own_mark(target: Target) -> str:
    """What this installation puts on its release; empty where its repository has no remote.

    No answer names the repository where Helm delivers, so the remote of this clone tells it.
    """
    repository, answers = target.repository, target.answers.repository
    try:
        url = remote_url(repository, remote_for(repository, answers.branch))
    except UsageError:
        return ""
    return mark(source(url, answers.path, target.release.installation))


def of_another(last: Revision, own: str) -> bool:
    """Whether it is of another installation, as its mark says."""
    return last.own and bool(last.source) and last.source != own


def ours_to_mend(found: Sequence[Revision]) -> bool:
    """Whether the last revision is a pending one that a run of ours left behind.

    A rollback that was to mend such a one counts too.
    """
    *before, last = found
    if last.status == "pending-rollback" and before and before[-1].pending:
        return ours_to_mend(before)
    return last.pending and made_by_a_run(found)


def differing(standing: Any, wanted: Any, path: str = "") -> Iterator[str]:
    """The dotted keys whose values differ; no value is ever repeated.

    A null counts: it takes away the chart's default.
    """
    if isinstance(standing, Mapping) and isinstance(wanted, Mapping):
        standing, wanted = _named(standing), _named(wanted)
        for name in sorted({*standing, *wanted}):
            place = f"{path}.{name}" if path else name
            if name not in standing or name not in wanted:
                yield place
            else:
                yield from differing(standing[name], wanted[name], place)
    elif not _equal(standing, wanted):
        yield path


def _named(found: Mapping[Any, Any]) -> dict[str, Any]:
    """The keys as JSON has them, which is what Helm keeps: texts, whatever YAML made of them."""
    return {
        name if isinstance(name, str) else json.dumps(name, default=str): value
        for name, value in found.items()
    }


def _equal(one: Any, two: Any) -> bool:
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and not any(
            list(differing(a, b, "item")) for a, b in zip(one, two, strict=True)
        )
    # JSON tells truth from one, Python does not.
    return isinstance(one, bool) == isinstance(two, bool) and bool(one == two)
