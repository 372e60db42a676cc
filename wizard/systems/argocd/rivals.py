"""Other Applications in the cluster that deliver the same installation: renamed, moved or copied.

The committed files name our Applications. One that somebody created under another name, or in
another namespace, restores what a removal deletes, and keeps running what it would call gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref, format_kind
from wizard.deliveries.argocd.manifests import API_VERSION
from wizard.deliveries.argocd.rivals import (
    Deployment,
    deploys_to,
    find_second_installation,
    read_deployment,
)
from wizard.deliveries.record import Place
from wizard.engine.steps import Step, StepStatus, seal_text
from wizard.errors import Fix
from wizard.formats.addresses import IN_CLUSTER_SERVER
from wizard.formats.terminal import escape_unprintable
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.objects import APPLICATIONS, MANIFESTS
from wizard.systems.cluster.object_removal import build_cluster_step
from wizard.systems.cluster.ownership import kubectl_delete
from wizard.systems.cluster.source import judge_object

if TYPE_CHECKING:
    from wizard.systems.target import Target

RIVALS = "remove.rivals"
_KINDS = ("Application", "ApplicationSet")


@dataclass(frozen=True, slots=True)
class Rivals:
    """The other Applications and ApplicationSets; `unseen` says where this login may not look."""

    found: tuple[tuple[Ref, str], ...] = ()
    unseen: str = ""

    @property
    def refs(self) -> list[Ref]:
        """The objects without their UIDs."""
        return [ref for ref, _ in self.found]

    @property
    def lines(self) -> str:
        """The objects with their UIDs, which a yes is for."""
        return "\n".join(f"{ref} {uid}" for ref, uid in self.found)

    @property
    def names(self) -> str:
        """The objects as text, safe to print."""
        return ", ".join(escape_unprintable(str(ref)) for ref in self.refs)


def find_rivals(kube: Kube, target: Target, namespace: str) -> Rivals:
    """Return the rivals in the cluster of Argo CD, whose namespace is `namespace`.

    Without the right to list them everywhere, only that namespace is searched. Raises KubeError.
    """
    served, search = kube.kinds(API_VERSION), _Search(target)
    found: list[tuple[Ref, str]] = []
    unseen = ""
    for kind in _KINDS:
        if kind not in served:
            continue
        try:
            listed = kube.find(API_VERSION, kind)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            unseen = f"no permission to list the {format_kind(kind)} of other namespaces"
            listed = kube.find(API_VERSION, kind, namespace) if namespace else []
        for one in listed:
            about = one["metadata"]
            ref = Ref(API_VERSION, kind, about["name"], about["namespace"])
            if search.is_rival(one, ref):
                found.append((ref, str(about["uid"])))
    return Rivals(tuple(found), unseen)


class _Search:
    """What our committed Applications deliver, read once for all that are compared with it."""

    def __init__(self, target: Target) -> None:
        ours = [
            one
            for logical, text in target.files_under(APPLICATIONS).items()
            if (one := read_mapping(text, logical)).get("kind") == "Application"
        ]
        self._refs = frozenset(map(Ref.from_manifest, ours))
        # Delivered without Argo CD, it is in the cluster where its Applications are looked for.
        here = frozenset({IN_CLUSTER_SERVER, target.cluster.server})
        self._deployment = read_deployment(ours) if ours else Deployment(frozenset(), here)
        self._place = _place(target)
        self._own = target.release.owner_id

    def is_rival(self, found: KubeObject, ref: Ref) -> bool:
        """Return whether an object delivers the installation to its namespace and is not ours."""
        spec, here = {"spec": found.get("spec") or {}}, self._deployment
        # Several clusters and namespaces may have the installation of one repository, by branches.
        if ref in self._refs or not deploys_to(spec, self._place.namespace, here.servers):
            return False
        owner = judge_object(found, self._own)
        if owner.source:
            return owner.is_ours
        return bool(find_second_installation(self._place, spec, here))


def _place(target: Target) -> Place:
    release, top = target.release, target.repository.path_prefix
    manifests = frozenset(
        f"{top}{release.paths.apps}/{name}.yaml" for name in target.files_under(MANIFESTS)
    )
    return Place(
        f"{top}{release.paths.values}",
        release.namespace,
        manifests,
        release=release.names.release,
    )


def build_rivals_check(target: Target, kube: Kube | None, namespace: str = "") -> Step:
    """Return the step that checks, before a removal, that no other Application delivers it too."""

    def look(kube: Kube) -> StepStatus:
        rivals = find_rivals(kube, target, namespace)
        if not rivals.found:
            detail = "no other Application delivers it"
            return StepStatus("holds", f"{detail}; {rivals.unseen}" if rivals.unseen else detail)
        seal = seal_text(rivals.lines)
        if seal == target.agreed.get(RIVALS):
            return StepStatus(
                "holds", f"{rivals.names}: confirmed that they deliver something else"
            )
        return StepStatus(
            "blocked",
            f"this installation is delivered by {rivals.names} too, which would restore what is "
            "deleted",
            Fix(
                f"ask who made it; if nobody needs it: {kubectl_delete(rivals.refs)}; or, if it "
                "delivers something else, run this again with --take-over "
                f"{RIVALS}@{seal}"
            ),
            rivals.lines,
        )

    return build_cluster_step(
        RIVALS,
        "Check that no other Application delivers this installation",
        kube,
        look,
        None,
        left="kubectl get applications.argoproj.io --all-namespaces",
    )
