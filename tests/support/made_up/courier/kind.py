"""A made-up delivery: a courier, who takes a parcel to the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from wizard.deliveries.record import DeliveryKind, Rendered
from wizard.formats.types import KubeName
from wizard.manifests.contribution import Contribution, StepSpec
from wizard.manifests.runbook import DeliveryRunbook, shell_block
from wizard.manifests.tree import File
from wizard.questions.conditions import when
from wizard.questions.section import Model, QuestionInfo

if TYPE_CHECKING:
    from wizard.deliveries.answers import DeliveryAnswers
    from wizard.manifests.release import Release
    from wizard.manifests.runbook import RunbookContext

COURIER = when("a courier", "delivery.kind", "courier")
HAND_OVER = StepSpec("courier.parcel", "Hand the parcel to the courier", "me")


class CourierQuestions(Model):
    """Who carries it."""

    rider: Annotated[KubeName, QuestionInfo(when=COURIER)] = Field(
        default="rider", title="Rider", description="Who carries the parcel."
    )


def render(delivery: DeliveryAnswers, release: Release, total: Contribution) -> Rendered:
    own = delivery.answers_of("courier", CourierQuestions)
    names = "".join(f"{file.path}\n" for file in total.manifests)
    parcel = File("courier/parcel", f"{release.paths.apps}/parcel.txt", f"{own.rider}\n{names}")
    return Rendered((parcel,), (HAND_OVER,))


def runbook(
    delivery: DeliveryAnswers, release: Release, context: RunbookContext
) -> DeliveryRunbook:
    return DeliveryRunbook(
        install="## Call the courier\n\n" + shell_block("call-courier"),
        tear_down="## Tear down\n\nCall the courier back.",
        roll_back=("call-courier --back",),
    )


DELIVERY = DeliveryKind(
    name="courier",
    label="a courier",
    title="Courier",
    questions=CourierQuestions,
    creates_namespace=True,
    render=render,
    runbook=runbook,
)
