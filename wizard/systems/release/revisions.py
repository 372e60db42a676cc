"""The state of a Helm release: its revisions, their owners, and differences in the values.

Helm stores each revision in a Secret. Only the labels are read, never the data. Source:
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
from wizard.manifests.ownership import (
    OWNER_ANNOTATION,
    Ownership,
    judge_source,
    owner_id,
    owner_label,
)

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.systems.target import Target

# Label with a new value for each helm command of this program. Helm copies labels to the next
# revision, so if an earlier revision has the same value, somebody else ran helm.
RUN_LABEL = "airflow-wizard/run"
_OWN, _VALUE = MANAGED_BY_LABEL.split("=")


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision, by the labels of its Secret; `version` changes with every write to it.

    `source` is the owner mark of the revision's installation; empty when the label is missing.
    """

    number: int
    status: str
    own: bool
    run: str
    version: str
    source: str = ""

    @property
    def is_pending(self) -> bool:
        """Whether a helm command is still working on the revision, or died during the work."""
        return self.status.startswith("pending")


def list_revisions(kube: Kube, namespace: str, release: str) -> list[Revision]:
    """Return all revisions of a release, the newest last; empty when it is not installed."""
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
    """Return whether a run of this program created the last revision, not somebody else's helm."""
    *before, last = found
    return bool(last.run) and all(one.run != last.run for one in before)


def compute_owner_mark(target: Target) -> str:
    """Return this installation's owner mark; empty if neither answers nor a remote name it."""
    return owner_label(target.release.owner_id) or compute_earlier_mark(target)


def compute_earlier_mark(target: Target) -> str:
    """Return the mark that earlier versions wrote, from the clone's remote; empty without one."""
    repository, answers = target.repository, target.answers.repository
    try:
        url = remote_url(repository, find_remote(repository, answers.branch))
    except UsageError:
        return ""
    return owner_label(owner_id(url, answers.path, target.release.installation))


def judge_revision(last: Revision, target: Target) -> Ownership:
    """Return whose a revision is.

    The mark is a hash, so it does not tell which other installation it belongs to.
    """
    if not last.own:
        return Ownership("another's", "is not managed by this wizard")
    own = compute_owner_mark(target)
    if last.source and last.source not in {own, compute_earlier_mark(target)}:
        return Ownership("another's", "belongs to another installation or repository", last.source)
    return judge_source(own if last.source else "", own)


def judge_release(target: Target, kube: Kube) -> Ownership:
    """Return whose the Helm release is, also after this run has uninstalled it."""
    name, namespace = target.release.names.release, target.release.namespace
    known = target.verdicts.get(f"{namespace}/{name}")
    if known is not None:
        return known
    found = list_revisions(kube, namespace, name)
    if not found:
        return Ownership("unknown", "belongs to a release that does not exist any more")
    owner = judge_revision(found[-1], target)
    if owner.whose != "unknown":
        target.verdicts[f"{namespace}/{name}"] = owner
    return owner


def is_recoverable(found: Sequence[Revision]) -> bool:
    """Return whether the last revision is pending and was left behind by a run of this program.

    A pending rollback of a revision that was left behind counts too.
    """
    *before, last = found
    if last.status == "pending-rollback" and before and before[-1].is_pending:
        return is_recoverable(before)
    return last.is_pending and is_made_by_run(found)


def find_differing_keys(deployed: Any, wanted: Any, path: str = "") -> Iterator[str]:
    """Yield the dotted keys whose values differ, never a value.

    A null is a value: it removes the chart's default.
    """
    if isinstance(deployed, Mapping) and isinstance(wanted, Mapping):
        deployed, wanted = _normalize_keys(deployed), _normalize_keys(wanted)
        for name in sorted({*deployed, *wanted}):
            place = f"{path}.{name}" if path else name
            if name not in deployed or name not in wanted:
                yield place
            else:
                yield from find_differing_keys(deployed[name], wanted[name], place)
    elif not _equal(deployed, wanted):
        yield path


def _normalize_keys(found: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the mapping with keys as JSON strings, which is how Helm stores them."""
    return {
        name if isinstance(name, str) else json.dumps(name, default=str): value
        for name, value in found.items()
    }


def _equal(one: Any, two: Any) -> bool:
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and not any(
            list(find_differing_keys(a, b, "item")) for a, b in zip(one, two, strict=True)
        )
    # In JSON, true differs from 1; in Python they are equal.
    return isinstance(one, bool) == isinstance(two, bool) and bool(one == two)
