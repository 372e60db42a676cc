"""Cluster: the identity of the target, recorded on first contact."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wizard.formats.types import HttpsUrl, Text
from wizard.questions.section import Section


class Cluster(Section):
    """A record, not a page: filled on first contact; a mismatch stops what would be applied."""

    title: ClassVar[str] = "Cluster"
    intro: ClassVar[str] = "The identity of the target cluster."
    asked: ClassVar[bool] = False

    server: HttpsUrl = Field(
        default="",
        title="API server",
        description="Address of the cluster's API server; filled on first contact.",
    )
    uid: Text = Field(
        default="",
        title="UID",
        description="UID of the kube-system namespace; filled on first contact.",
    )
