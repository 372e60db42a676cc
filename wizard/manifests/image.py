"""An Airflow image of one's own: its Dockerfile, and the list of packages a person keeps.

Source: Airflow's documentation of its image ("Building the image", extending): `AIRFLOW_VERSION` is
set in the official image, and naming it beside the packages keeps pip from moving Airflow itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.release import Release

BASE_IMAGE = "apache/airflow"


def image_files(release: Release) -> tuple[File, ...]:
    """Dockerfile and requirements.txt.

    The list of packages renders to the same bytes whatever else is answered, so that the packages
    a person adds to it are never in the way of another answer.
    """
    folder = release.paths.image
    return (
        File("image/dockerfile", f"{folder}/Dockerfile", _dockerfile(release)),
        File("image/requirements", f"{folder}/requirements.txt", _REQUIREMENTS),
    )


_REQUIREMENTS = "# Python packages of this image, one a line with its version; yours to edit.\n"


def _dockerfile(release: Release) -> str:
    lines = [
        f"FROM {BASE_IMAGE}:{release.airflow_version}",
        "",
        "# Naming Airflow beside the packages keeps pip from replacing it.",
        "COPY requirements.txt /requirements.txt",
        'RUN pip install --no-cache-dir "apache-airflow==${AIRFLOW_VERSION}" -r /requirements.txt',
    ]
    if release.dag_source == "image":
        lines += ["", "COPY --chown=airflow:0 dags/ ${AIRFLOW_HOME}/dags/"]
    return "\n".join(lines) + "\n"


def image_note(release: Release, repository: str, tag: str) -> str:
    """The runbook's part on building the image."""
    dags = (
        f" DAGs are copied from `{release.paths.image}/dags`."
        if release.dag_source == "image"
        else ""
    )
    return (
        f"## Image\n\nPackages stand in `{release.paths.image}/requirements.txt`.{dags} A changed "
        "image needs a new tag (`installation.image.tag`): nodes keep what they once pulled.\n\n"
        f"```bash\ndocker build --tag {repository}:{tag} {release.paths.image}\n"
        f"docker push {repository}:{tag}\n```"
    )
