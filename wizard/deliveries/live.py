"""What a delivery does outside, loaded on demand: steps, lock, removal, checks, handover.

What it contributes without looking anywhere is in `wizard.deliveries.record`.
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
    from wizard.plan.render import Rendering
    from wizard.systems.cluster.probes import ClusterCheck
    from wizard.systems.store_login import StoreLogin
    from wizard.systems.target import DataKind, Target

Steps = tuple["Step", ...]


@dataclass(frozen=True, slots=True)
class Installer:
    """How `apply`, `apply --undo` and `destroy` carry one delivery out.

    `lock` is the cluster and the namespace where a run's lock is held. `require_gone` raises
    WizardError unless everything delivered is gone, so that the files may go. `undo_note` says
    what an undo leaves behind, empty without more. `open_program` finds the program that installs,
    for the context of the cluster; it sees no variable that a secret is read from.
    """

    build_steps: Callable[[Target], Steps]
    lock: Callable[[Target], tuple[Kube | None, str]]
    undo: Callable[[Target, StoreLogin | None], Steps]
    destroy: Callable[[Target, StoreLogin | None, Collection[DataKind]], Steps]
    require_gone: Callable[[Target], None]
    undo_note: str = ""
    open_program: Callable[[Answers, str], Helm | None] = field(default=lambda *_: None)


@dataclass(frozen=True, slots=True)
class DeliveryHandover:
    """What the platform's owner and CI are handed.

    `apply` is the script of what only the cluster's owner may do. `flows` are rows of from, to,
    port, protocol and purpose. `ci_programs` finishes "Needs airflow-wizard", `ci_variables` are
    lines of help, `ci_options` more options of `apply`.
    """

    apply: str
    flows: tuple[tuple[str, str, str, str, str], ...] = ()
    ci_programs: str = " and git"
    ci_variables: tuple[str, ...] = ()
    ci_options: str = ""


@dataclass(frozen=True, slots=True)
class LiveDelivery:
    """One delivery's live part; without an installer it is carried out by hand."""

    installer: Installer | None = None
    cluster_checks: Callable[[Answers, Kube, Kube | None], Iterable[ClusterCheck]] = field(
        default=lambda *_: ()
    )
    handover: Callable[[Answers, Rendering, Mapping[str, str]], DeliveryHandover] | None = None


@cache
def live_delivery(name: str) -> LiveDelivery:
    """Return the live part of the delivery that `delivery.kind` names; KeyError if unknown."""
    live: LiveDelivery = import_module(f"{DELIVERIES[name]}.live").LIVE
    return live
