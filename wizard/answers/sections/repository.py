"""The section Repository: branch and folders of the config repository."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from wizard.formats.address_types import GitRef, RepositorySource
from wizard.formats.types import RepositoryPath
from wizard.manifests.check_ci import CheckCi, check_file, check_note, find_forge
from wizard.manifests.contribution import Contribution
from wizard.manifests.release import Release
from wizard.questions.cases import CUSTOM_IMAGE, VAULT_FILES
from wizard.questions.section import Model, QuestionInfo, Section


class Paths(Model):
    """Folders in the repository; the installation's name is appended to each."""

    apps: RepositoryPath = Field(
        default="apps", title="Apps", description="Folder of Helm values and manifests."
    )
    argocd: RepositoryPath = Field(
        default="argocd", title="Argo CD", description="Folder of the AppProject and Applications."
    )
    vault: Annotated[RepositoryPath, QuestionInfo(when=VAULT_FILES)] = Field(
        default="vault", title="Vault", description="Folder of the Vault policy and role."
    )
    docs: RepositoryPath = Field(default="docs", title="Docs", description="Folder of the runbook.")
    image: Annotated[RepositoryPath, QuestionInfo(when=CUSTOM_IMAGE)] = Field(
        default="image", title="Image", description="Folder of the image's Dockerfile."
    )


class RepositorySection(Section):
    """The config repository."""

    title: ClassVar[str] = "Repository"
    intro: ClassVar[str] = "Every change is one commit in the config repository."
    preview: ClassVar[str] = "answers"

    path: RepositoryPath = Field(
        default=".",
        title="Folder",
        description="Folder of the repository that contains the folders below. Top folder: .",
    )
    branch: GitRef = Field(
        default="main",
        title="Branch",
        description="Target branch. `commit --branch` creates a work branch instead.",
    )
    source: RepositorySource = Field(
        default="",
        title="Source",
        description="Address by which cluster and Vault know what this repository made. Empty: the"
        " URL that Argo CD reads. If the repository moves, set it to the old address.",
    )
    push: bool = Field(
        default=False, title="Push", description="Push the branch to its remote after the commit."
    )
    check_ci: Annotated[
        CheckCi,
        QuestionInfo(
            preview="check-ci",
            labels={
                "auto": "by the repository's address",
                "none": "none",
                "github": "GitHub Actions",
                "gitlab": "GitLab CI",
                "azure": "Azure Pipelines",
            },
        ),
    ] = Field(
        default="auto",
        title="Check of changes",
        description=(
            "Job that checks merge requests of this repository and comments the plan. You activate "
            "it once: the wizard writes no file that runs by itself."
        ),
    )
    paths: Paths = Field(default_factory=Paths, title="Folders")

    @property
    def prefix(self) -> str:
        """The folder below the top of the work tree; empty for the top itself."""
        path = self.path.strip("/")
        return "" if path == "." else path

    def contribute(self, release: Release) -> Contribution:
        """Return the job that checks changes, for a forge that is known."""
        forge = find_forge(release, self.check_ci)
        if forge is None:
            return Contribution()
        return Contribution(
            files=(check_file(release, forge),), notes=(check_note(release, forge),)
        )
