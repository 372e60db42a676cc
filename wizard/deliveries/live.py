"""The live part of a delivery, loaded on demand: steps, lock, removal, checks, handover.

Its pure part is described in `wizard.deliveries.record`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from wizard.deliveries.registry import DELIVERIES

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.helm import Helm
    from wizard.clients.kube.protocol import Kube
    from wizard.engine.steps import Step
    from wizard.manifests.release import Release
    from wizard.plan.render import Rendering
    from wizard.systems.cluster.probes import ClusterCheck
    from wizard.systems.store_login import StoreLogin
    from wizard.systems.target import DataKind, Target

Steps = tuple["Step", ...]


@dataclass(frozen=True, slots=True)
class Installer:
    """The functions with which `apply`, `apply --undo` and `destroy` run one delivery.

    `lock` returns the cluster and the namespace of the run's lock. `require_gone` raises
    WizardError unless all delivered objects are gone, so that the files can be deleted.
    `build_push_checks` returns steps without a change that look at the cluster before a controller
    sees the files on the branch. `undo_note` says what an undo does not remove; it may be empty.
    `open_program` returns the program that installs in the cluster of a context; that program does
    not get the variables that secrets are read from.
    """

    build_steps: Callable[[Target], Steps]
    lock: Callable[[Target], tuple[Kube | None, str]]
    undo: Callable[[Target, StoreLogin | None], Steps]
    destroy: Callable[[Target, StoreLogin | None, Collection[DataKind]], Steps]
    require_gone: Callable[[Target], None]
    build_push_checks: Callable[[Target], Steps] = field(default=lambda _target: ())
    undo_note: str = ""
    open_program: Callable[[Answers, str], Helm | None] = field(default=lambda *_: None)


@dataclass(frozen=True, slots=True)
class DeliveryHandover:
    """A delivery's part of the handover to the platform's owner and CI.

    `apply` is the script for the cluster's owner. `flows` are rows of from, to, port, protocol and
    purpose. `ci_programs` completes "Needs airflow-wizard", `ci_variables` are lines of help, and
    `ci_options` are more options of `apply`.
    """

    apply: str
    flows: tuple[tuple[str, str, str, str, str], ...] = ()
    ci_programs: str = " and git"
    ci_variables: tuple[str, ...] = ()
    ci_options: str = ""


@dataclass(frozen=True, slots=True)
class LiveDelivery:
    """The live part of one delivery; without an installer, the user installs by hand.

    `list_looks` returns the steps of such a user, without their change, and `context` the
    kubeconfig context of the cluster that the user creates (empty: the one that is named).
    """

    installer: Installer | None = None
    list_looks: Callable[[Target], Steps] = field(default=lambda _target: ())
    context: Callable[[Release], str] = field(default=lambda _release: "")
    cluster_checks: Callable[[Answers, Release, Kube, Kube | None], Iterable[ClusterCheck]] = field(
        default=lambda *_: ()
    )
    handover: Callable[[Answers, Rendering, Mapping[str, str]], DeliveryHandover] | None = None


@cache
def live_delivery(name: str) -> LiveDelivery:
    """Return the live part of the delivery that `delivery.kind` names; KeyError if unknown."""
    live: LiveDelivery = import_module(f"{DELIVERIES[name]}.live").LIVE
    return live
