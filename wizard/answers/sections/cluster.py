"""The section Cluster: the identity of the target cluster, recorded on first contact."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wizard.formats.types import HttpsUrl, Text
from wizard.questions.section import Section


class Cluster(Section):
    """The recorded cluster: a section without a page. `apply` stops at a different cluster."""

    title: ClassVar[str] = "Cluster"
    intro: ClassVar[str] = "The identity of the target cluster."
    asked: ClassVar[bool] = False

    server: HttpsUrl = Field(
        default="",
        title="API server",
        description="Address of the cluster's API server. Recorded on first contact.",
    )
    uid: Text = Field(
        default="",
        title="UID",
        description="UID of the namespace kube-system. Recorded on first contact.",
    )
