"""A custom Airflow image: its Dockerfile, and the list of packages that the user edits.

Source: Airflow's documentation of its image ("Building the image", extending): `AIRFLOW_VERSION` is
set in the official image, and pip keeps that version if it is named together with the packages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.release import Release

BASE_IMAGE = "apache/airflow"


def image_files(release: Release) -> tuple[File, ...]:
    """Return Dockerfile and requirements.txt.

    requirements.txt does not depend on the answers, so packages that the user adds never conflict
    with a changed answer.
    """
    folder = release.paths.image
    return (
        File("image/dockerfile", f"{folder}/Dockerfile", _dockerfile(release)),
        File("image/requirements", f"{folder}/requirements.txt", _REQUIREMENTS),
    )


_REQUIREMENTS = "# Python packages of this image. Add one per line, with its version.\n"


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
