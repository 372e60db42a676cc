"""The section Delivery: what installs the chart, and the runbook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from wizard.deliveries.registry import DELIVERIES, delivery_kind, delivery_kinds
from wizard.manifests.contribution import Contribution, Reader, combine_contributions
from wizard.manifests.objects import kustomization_file, namespace_file
from wizard.manifests.overview import build_overview
from wizard.manifests.release import Release
from wizard.manifests.runbook import RunbookContext, render_runbook
from wizard.manifests.tree import File
from wizard.questions.effects import Effect
from wizard.questions.kinds import KindQuestions, add_kind_questions
from wizard.questions.section import KindSection, QuestionInfo
from wizard.stores.registry import store_kind

if TYPE_CHECKING:
    DeliveryName = str
else:
    DeliveryName = Literal[tuple(DELIVERIES)]

# Helm hooks are off: with Argo CD or `helm --wait`, a hook waits for pods that wait for it.
_NO_HOOKS = {
    "migrateDatabaseJob.useHelmHooks": False,
    "migrateDatabaseJob.applyCustomEnv": False,
    "createUserJob.useHelmHooks": False,
    "createUserJob.applyCustomEnv": False,
}


_ANOTHER_DELIVERY = Effect(
    "another-delivery",
    "interrupt",
    "{new} must take over what {old} installed: remove the old delivery's own objects "
    "without their resources first, or two controllers change the same objects.",
)


@add_kind_questions(KindQuestions(one.name, one.questions, one.title) for one in delivery_kinds())
class Delivery(KindSection):
    """What installs the chart."""

    title: ClassVar[str] = "Delivery"
    intro: ClassVar[str] = (
        "Argo CD keeps the cluster in sync with Git. With Helm, `apply` installs the chart."
    )
    preview: ClassVar[str] = "argocd/application"

    kind: Annotated[
        DeliveryName,
        QuestionInfo(
            labels={one.name: one.label for one in delivery_kinds()},
            effects=(_ANOTHER_DELIVERY,),
        ),
    ] = Field(
        default=next(iter(DELIVERIES)),
        title="Delivery",
        description=(
            "Argo CD follows the branch. Helm installs the committed files when you run `apply`. "
            "For kind, one script of the tree does everything."
        ),
    )

    def contribute(self, release: Release) -> Contribution:
        """Turn off Helm hooks for both Jobs, and add the delivery's own settings."""
        comments = {
            "migrateDatabaseJob.useHelmHooks": "a Helm hook waits for pods that wait for the hook"
        }
        own = Contribution(settings=_NO_HOOKS, comments=comments, readers=self.readers(release))
        return combine_contributions([own, delivery_kind(self.kind).settings(self, release)])

    def readers(self, release: Release) -> tuple[Reader, ...]:
        """Return the readers of the store that this delivery needs in addition to Airflow."""
        return delivery_kind(self.kind).readers(self, release)

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """Add kustomization, the delivery's files, runbook, and the namespace if we create it."""
        kind = delivery_kind(self.kind)
        own = (namespace_file(release),) if kind.creates_namespace else ()
        files: list[File] = [*own]
        if total.manifests or own:
            files.append(kustomization_file(release, (*own, *total.manifests)))
        rendered = kind.render(self, release, total)
        files.extend(rendered.files)
        context = RunbookContext(
            total,
            (*total.steps, *rendered.steps),
            store_kind(release.store).runbook(release, total),
            build_overview(release, total, rendered.links),
        )
        files.append(render_runbook(release, context, kind.runbook(self, release, context)))
        return Contribution(files=tuple(files), steps=rendered.steps, links=rendered.links)
