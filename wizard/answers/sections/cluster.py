"""The section Cluster: the identity of the target cluster, recorded on first contact."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from wizard.formats.address_types import HttpsUrl
from wizard.formats.types import Text
from wizard.questions.effects import Effect
from wizard.questions.section import QuestionInfo, Section

# The first contact fills empty answers; that changes nothing.
_ANOTHER_CLUSTER = Effect(
    "another-cluster",
    "new system",
    "Airflow is created again in another cluster. The old one keeps running, with its volumes and "
    "Secrets.",
    lambda old, new: bool(old and new),
)


class Cluster(Section):
    """The recorded cluster: a section without a page. `apply` stops at a different cluster."""

    title: ClassVar[str] = "Cluster"
    intro: ClassVar[str] = "The identity of the target cluster."
    asked: ClassVar[bool] = False

    server: Annotated[HttpsUrl, QuestionInfo(effects=(_ANOTHER_CLUSTER,))] = Field(
        default="",
        title="API server",
        description="Address of the cluster's API server. Recorded on first contact.",
    )
    uid: Annotated[Text, QuestionInfo(effects=(_ANOTHER_CLUSTER,))] = Field(
        default="",
        title="UID",
        description="UID of the namespace kube-system. Recorded on first contact.",
    )
