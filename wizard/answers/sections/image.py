"""The questions of the Airflow image: whose it is, how it is built, and how nodes pull it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from wizard.chart.contract import PULL_SECRET_KEYS
from wizard.formats.image_types import (
    AptPackage,
    ImageBase,
    ImageRegistry,
    ImageRepository,
    ImageTag,
)
from wizard.formats.types import ObjectName, SecretName
from wizard.manifests.contribution import Contribution, ImageName
from wizard.manifests.image import ImageBuild, image_files, image_note
from wizard.manifests.image_ci import ci_files, ci_note
from wizard.manifests.image_script import find_scanner
from wizard.manifests.release import Release
from wizard.questions.cases import CUSTOM_IMAGE
from wizard.questions.section import Model, QuestionInfo


class Image(Model):
    """The Airflow image; empty means the official image of the Airflow version."""

    registry: Annotated[ImageRegistry, QuestionInfo(example="registry.example.com/mirror")] = Field(
        default="",
        title="Mirror",
        description=(
            "Registry and path that hold copies of all public images, for nodes without the "
            "Internet. It replaces the host of each. Empty: the public registries."
        ),
    )
    repository: ImageRepository = Field(
        default="",
        title="Own image",
        description="Image repository without a tag. Empty: the official image of this version.",
    )
    tag: Annotated[
        ImageTag,
        QuestionInfo(
            when=CUSTOM_IMAGE, required=True, find="The tags of the image in your registry."
        ),
    ] = Field(
        default="",
        title="Image tag",
        description="A fixed tag. The Airflow version above still selects the components.",
    )
    pull_secret: Annotated[ObjectName, QuestionInfo(when=CUSTOM_IMAGE)] = Field(
        default="",
        title="Pull secret",
        description="An existing registry Secret in the namespace. Empty: no Secret.",
    )
    base: Annotated[
        ImageBase,
        QuestionInfo(
            when=CUSTOM_IMAGE,
            preview="image/dockerfile",
            takes="a Python version such as 3.12, slim, or slim-3.12",
        ),
    ] = Field(
        default="",
        title="Base",
        description=(
            "Variant of apache/airflow to build on: its Python version, or slim without "
            "providers. Empty: the official default."
        ),
    )
    tool: Annotated[
        Literal["pip", "uv"],
        QuestionInfo(
            when=CUSTOM_IMAGE,
            preview="image/dockerfile",
            labels={"pip": "pip, with requirements.txt", "uv": "uv, with a lock"},
        ),
    ] = Field(
        default="pip",
        title="Installer",
        description=(
            "pip applies Airflow's constraints at each build. uv applies them once, when you write "
            "uv.lock, and the image gets exactly that."
        ),
    )
    apt: Annotated[
        list[AptPackage],
        QuestionInfo(
            when=CUSTOM_IMAGE, preview="image/dockerfile", example="[libpq-dev, build-essential]"
        ),
    ] = Field(
        default_factory=list,
        title="System packages",
        description="Debian packages that the image installs with apt-get.",
    )
    ci: Annotated[
        Literal["none", "github", "gitlab", "azure"],
        QuestionInfo(
            when=CUSTOM_IMAGE,
            preview="image/build",
            labels={
                "none": "none",
                "github": "GitHub Actions",
                "gitlab": "GitLab CI",
                "azure": "Azure Pipelines",
            },
        ),
    ] = Field(
        default="none",
        title="CI",
        description=(
            "Job that builds, scans and pushes the image, then requests a merge that changes only "
            "the tag. You activate it: the wizard writes no file that runs by itself."
        ),
    )
    pull_secrets: Annotated[list[SecretName], QuestionInfo(example="[registry, mirror]")] = Field(
        default_factory=list,
        title="More pull secrets",
        description=(
            "Existing registry Secrets in the namespace, for any image of the chart. With a "
            "login, nodes also pull official images under higher limits."
        ),
    )

    @property
    def all_pull_secrets(self) -> tuple[str, ...]:
        """Return the names of the registry Secrets, each once."""
        own = [self.pull_secret] if self.repository and self.pull_secret else []
        return tuple(dict.fromkeys([*own, *self.pull_secrets]))

    @property
    def build(self) -> ImageBuild | None:
        """Return how the image is built; None if it is the official one."""
        if not self.repository:
            return None
        return ImageBuild(self.repository, self.tag, self.base, self.tool, tuple(self.apt), self.ci)

    def contribute(self) -> Contribution:
        """Return the image's settings and the pull secrets."""
        pull = self.all_pull_secrets
        secrets = Contribution(
            existing_secrets=dict.fromkeys(pull, PULL_SECRET_KEYS), pull_secrets=pull
        )
        build = self.build
        if build is None:
            return secrets
        return Contribution(
            settings={
                "images.airflow.repository": build.repository,
                "images.airflow.tag": build.tag,
                "images.airflow.pullPolicy": "IfNotPresent",
            },
            image=ImageName(build.repository, build.tag),
            existing_secrets=secrets.existing_secrets,
            pull_secrets=pull,
        )

    def settings_for(self, release: Release) -> dict[str, object]:
        """Return the settings, without the image itself if it has a values file of its own."""
        found = dict(self.contribute().settings)
        if release.image_values:
            del found["images.airflow.repository"], found["images.airflow.tag"]
        return found

    def compose(self, release: Release, packages: Iterable[str]) -> Contribution:
        """Return the files and notes of an image that has the packages that other answers need."""
        build = self.build
        if build is None:
            return Contribution()
        notes = (image_note(release, build, packages), ci_note(release, build))
        images = [build.find_base(release)]
        images += [find_scanner(release)] if build.ci != "none" else []
        return Contribution(
            files=(*image_files(release, build, packages), *ci_files(release, build)),
            images=tuple(images),
            notes=tuple(filter(None, notes)),
        )
