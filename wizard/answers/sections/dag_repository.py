"""Questions about one repository of DAGs: its login, and the sidecar that follows it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from wizard.answers.sections.executor import WorkerResources
from wizard.formats.types import EnvName, Text
from wizard.questions.cases import DAGS_OVER_HTTPS, GIT_SYNC, PRIVATE_DAGS_OVER_HTTPS
from wizard.questions.section import Model, QuestionInfo
from wizard.secrets.references import SecretRef


class Credentials(Model):
    """Login for a repository over HTTPS."""

    needed: Annotated[bool, QuestionInfo(when=DAGS_OVER_HTTPS)] = Field(
        default=False,
        title="Private",
        description="Whether the repository requires a login over HTTPS.",
    )
    username: Annotated[
        Text,
        QuestionInfo(
            when=PRIVATE_DAGS_OVER_HTTPS,
            required=True,
            find="The Git host shows it where you create the access token.",
        ),
    ] = Field(default="", title="User", description="User name or token name of a read-only token.")
    password: Annotated[SecretRef, QuestionInfo(when=PRIVATE_DAGS_OVER_HTTPS)] = Field(
        default=SecretRef(env="AIRFLOW_GIT_TOKEN"),
        title="Token",
        description="Reference to the read-only token. The answers never hold the token itself.",
    )


class GitSync(Model):
    """The git-sync sidecar."""

    max_failures: Annotated[int, Field(ge=-1, le=1000000), QuestionInfo(when=GIT_SYNC)] = Field(
        default=0,
        title="Failures",
        description=(
            "Failed syncs in a row after which the sidecar restarts. -1: it never restarts, so a "
            "Git host that is down for a while disturbs no pod."
        ),
    )
    variables: Annotated[
        dict[EnvName, Text],
        QuestionInfo(
            when=GIT_SYNC,
            example="GITSYNC_SYNC_TIMEOUT=5m",
            source="git-sync 4.4.2, main.go",
        ),
    ] = Field(
        default_factory=dict,
        title="More settings",
        description=(
            "Variables of git-sync NAME=VALUE, such as GITSYNC_SYNC_TIMEOUT. None may change the "
            "repository, the login, or how the Git host is verified."
        ),
    )
    resources: Annotated[WorkerResources, QuestionInfo(when=GIT_SYNC)] = Field(
        default_factory=WorkerResources, title="git-sync resources"
    )
