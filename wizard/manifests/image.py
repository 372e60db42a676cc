"""A custom Airflow image: its Dockerfile, and the list of packages that the user edits.

Source: Airflow's documentation of its image ("Building the image", extending): `AIRFLOW_VERSION` is
set in the official image, and pip keeps that version if it is named together with the packages.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.release import Release

BASE_IMAGE = "apache/airflow"


def image_files(release: Release, packages: Iterable[str] = ()) -> tuple[File, ...]:
    """Return Dockerfile and requirements.txt.

    Of the answers, requirements.txt depends on `packages` only. They have no version: pip keeps
    that of the base image, which Airflow's own constraints choose. They come before the line
    below which the user adds packages, so that both changes merge.
    """
    folder = release.paths.image
    return (
        File("image/dockerfile", f"{folder}/Dockerfile", _dockerfile(release)),
        File("image/requirements", f"{folder}/requirements.txt", _requirements(packages)),
    )


_REQUIREMENTS = "# Python packages of this image. Add one per line, with its version.\n"


def _requirements(packages: Iterable[str]) -> str:
    named = sorted(set(packages))
    if not named:
        return _REQUIREMENTS
    answered = ["# What the answers need, in the version of the base image.", *named, ""]
    return "\n".join(answered) + "\n" + _REQUIREMENTS


def _dockerfile(release: Release) -> str:
    lines = [
        f"FROM {BASE_IMAGE}:{release.airflow_version}",
        "",
        "# Naming Airflow here prevents pip from changing its version.",
        "COPY requirements.txt /requirements.txt",
        'RUN pip install --no-cache-dir "apache-airflow==${AIRFLOW_VERSION}" -r /requirements.txt',
    ]
    if release.dag_source == "image":
        lines += ["", "COPY --chown=airflow:0 dags/ ${AIRFLOW_HOME}/dags/"]
    return "\n".join(lines) + "\n"


def image_note(release: Release, repository: str, tag: str) -> str:
    """Return the runbook's section on building the image."""
    dags = (
        f" DAGs are copied from `{release.paths.image}/dags`."
        if release.dag_source == "image"
        else ""
    )
    return (
        f"## Image\n\nList packages in `{release.paths.image}/requirements.txt`.{dags} A changed "
        "image needs a new tag (`installation.image.tag`), because nodes cache images by tag.\n\n"
        f"```bash\ndocker build --tag {repository}:{tag} {release.paths.image}\n"
        f"docker push {repository}:{tag}\n```"
    )
