"""A custom Airflow image: its Dockerfile, and the list of packages that the user edits.

Source: Airflow's documentation of its image ("Building the image", extending). The official image
sets `AIRFLOW_VERSION`, has Airflow's constraints at `${HOME}/constraints.txt`, keeps its packages
in the virtual environment `${HOME}/.local`, and brings pip and uv.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wizard.chart.images import AIRFLOW
from wizard.manifests.images import use_public_image
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.chart.images import Image
    from wizard.manifests.release import Release

# The Python of the official image without a suffix. Source: tags of Airflow 2.11 to 3.2.
DEFAULT_PYTHON = "3.12"
# The Python versions of each Airflow version: that from which on they hold, the lowest and the
# highest. Source: Requires-Python of apache-airflow 2.11.0 and of apache-airflow-core 3.0.6, 3.1.8,
# 3.2.2 and 3.3.2.
PYTHONS = (((3, 2), 10, 14), ((3, 1), 10, 13), ((2, 0), 9, 12))
# Packages that the official image lacks, each with the question and the answer that need it.
# Source: AIRFLOW_EXTRAS in the Dockerfile of Airflow 2.11 to 3.2. It lacks datadog too, without
# which metrics for its agent are plain StatsD.
# The logical id of the values file that only the image pipeline changes.
IMAGE_VALUES = "values-image"
UNOFFICIAL_PACKAGES = {"apache-airflow-providers-opensearch": ("logs.destination", "opensearch")}
_CONSTRAINTS = "https://raw.githubusercontent.com/apache/airflow/constraints-{}/constraints-{}.txt"


@dataclass(frozen=True, slots=True)
class ImageBuild:
    """How the image is built: its name, its base, its packages, and the CI system that builds it.

    `base` is empty, a Python version, `slim`, or both as `slim-3.12`.
    """

    repository: str
    tag: str
    base: str = ""
    tool: Literal["pip", "uv"] = "pip"
    apt: tuple[str, ...] = ()
    ci: Literal["none", "github", "gitlab", "azure"] = "none"

    @property
    def slim(self) -> bool:
        """Return whether the base has no providers."""
        return self.base.startswith("slim")

    @property
    def python(self) -> str:
        """Return the Python version that the answer names; empty for the default one.

        A lock is made for one Python version, so with uv it is always named.
        """
        named = self.base.removeprefix("slim").removeprefix("-")
        return named or (DEFAULT_PYTHON if self.tool == "uv" else "")

    def find_base(self, release: Release) -> Image:
        """Return the official image that this one is built on, or its copy in our registry."""
        parts = ["slim" if self.slim else "", release.airflow_version]
        parts.append(f"python{self.python}" if self.python else "")
        base = f"{AIRFLOW}:{'-'.join(part for part in parts if part)}"
        return use_public_image(base, f"{release.paths.image}/Dockerfile", release)

    def name_airflow(self, release: Release, version: str) -> str:
        """Return Airflow as a requirement, with the providers that a slim base does not have."""
        extras = f"[{','.join(_list_extras(release))}]" if self.slim else ""
        return f"apache-airflow{extras}=={version}"


def list_pythons(airflow: tuple[int, ...]) -> tuple[str, ...]:
    """Return the Python versions that have an official image of an Airflow version."""
    lowest, highest = next((low, high) for first, low, high in PYTHONS if airflow[:2] >= first)
    return tuple(f"3.{minor}" for minor in range(lowest, highest + 1))


def image_files(
    release: Release, image: ImageBuild, packages: Iterable[str] = ()
) -> tuple[File, ...]:
    """Return the Dockerfile, and the file in which the user lists packages.

    Of the answers, requirements.txt depends on `packages` only, and pyproject.toml on the Python
    version: uv writes the packages there, by a command of the runbook. Packages of the answers have
    no version: Airflow's constraints choose it. They come before the line below which the user
    adds packages, so that both changes merge.
    """
    folder = release.paths.image
    listed = (
        File("image/pyproject", f"{folder}/pyproject.toml", _PYPROJECT.format(image.python))
        if image.tool == "uv"
        else File("image/requirements", f"{folder}/requirements.txt", _list_requirements(packages))
    )
    text = "\n".join(_render_dockerfile(release, image)) + "\n"
    return File("image/dockerfile", f"{folder}/Dockerfile", text), listed


_REQUIREMENTS = "# Python packages of this image. Add one per line, with its version.\n"


def _list_requirements(packages: Iterable[str]) -> str:
    named = sorted(set(packages))
    if not named:
        return _REQUIREMENTS
    answered = ["# What the answers need, in the version of Airflow's constraints.", *named, ""]
    return "\n".join(answered) + "\n" + _REQUIREMENTS


_PYPROJECT = """\
# Python packages of this image: `uv add` writes them here and into uv.lock (see the runbook).
[project]
name = "airflow-image"
version = "0"
requires-python = "=={}.*"
dependencies = [
]

[tool.uv]
package = false
"""


def _render_dockerfile(release: Release, image: ImageBuild) -> Iterator[str]:
    yield f"FROM {image.find_base(release).name}"
    if image.apt:
        yield from ["", "# Answers: installation.image.apt", "USER root"]
        yield "RUN apt-get update \\"
        yield "    && apt-get install --yes --no-install-recommends \\"
        yield from (f"    {package} \\" for package in image.apt)
        yield from ["    && rm -rf /var/lib/apt/lists/*", "USER airflow"]
    yield ""
    yield from (_sync_lock if image.tool == "uv" else _install_requirements)(release, image)
    if release.dag_source == "image":
        yield from ["", "COPY --chown=airflow:0 dags/ ${AIRFLOW_HOME}/dags/"]


def _install_requirements(release: Release, image: ImageBuild) -> Iterator[str]:
    airflow = image.name_airflow(release, "${AIRFLOW_VERSION}")
    yield "# Naming Airflow here prevents pip from changing its version. Its constraints are the"
    yield "# versions that it was tested with; a package that needs others gets a RUN of its own."
    yield "COPY requirements.txt /requirements.txt"
    yield 'RUN pip install --no-cache-dir --constraint "${HOME}/constraints.txt" \\'
    yield f'    "{airflow}" -r /requirements.txt'


def _sync_lock(release: Release, image: ImageBuild) -> Iterator[str]:
    del release, image
    folder = "/opt/airflow-image"
    yield "# uv.lock names every version; it was written with Airflow's constraints. The packages"
    yield "# go where Airflow's own are, and those of the base that the lock does not name stay."
    yield f"COPY --chown=airflow:0 pyproject.toml uv.lock {folder}/"
    yield 'RUN UV_PROJECT_ENVIRONMENT="${HOME}/.local" \\'
    yield f"    uv sync --project {folder} --frozen --inexact --no-dev --no-cache \\"
    yield "    && python -c 'from importlib.metadata import version; from os import environ; \\"
    yield '        found, wanted = version("apache-airflow"), environ["AIRFLOW_VERSION"]; \\'
    yield '        exit(found != wanted and f"uv.lock has Airflow {found}, the base {wanted}")\''


def _list_extras(release: Release) -> list[str]:
    """Return the extras of Airflow with the providers that this installation needs.

    Source: Provides-Extra of apache-airflow 2.11.0 and 3.2.2; `google-auth` is Authlib, which
    the login at every provider uses.
    """
    extras = ["fab", "postgres", "statsd"]
    extras += ["google-auth"] if release.login != "password" else []
    extras += ["celery", "redis"] if release.celery else []
    extras += ["cncf-kubernetes"] if release.kubernetes else []
    extras += ["git"] if release.dag_source == "bundle" else []
    return sorted(extras)


def image_note(release: Release, image: ImageBuild, packages: Iterable[str] = ()) -> str:
    """Return the runbook's section on building the image with the packages of the answers."""
    folder = release.paths.image
    name = f"{image.repository}:{image.tag}"
    where = f"{folder}/{'pyproject.toml' if image.tool == 'uv' else 'requirements.txt'}"
    dags = (
        f"DAGs are copied from `{folder}/dags`, so each change of a DAG needs a new image."
        if release.dag_source == "image"
        else "DAGs come from Git: a change of a DAG needs no image and restarts nothing."
    )
    place = release.image_values or "installation.image.tag"
    commands = [
        *(_render_lock_commands(release, image, packages) if image.tool == "uv" else ()),
        f"docker build --tag {name} {folder}",
        f"docker push {name}",
        f"# then write the tag into {release.image_values}, and commit that"
        if release.image_values
        else f"airflow-wizard set --installation {release.installation} installation.image.tag=...",
    ]
    block = "\n".join(["```bash", *commands, "```"])
    return (
        f"## Image\n\nPackages are in `{where}`. {dags} A changed image needs a new tag "
        f"(`{place}`), because nodes cache images by tag, and task pods take no "
        f"digest.\n\n{block}"
    )


def _render_lock_commands(
    release: Release, image: ImageBuild, packages: Iterable[str]
) -> Iterator[str]:
    folder, version = release.paths.image, release.airflow_version
    yield "# Lock again after each change, and for each version of Airflow. Name further packages"
    yield "# behind Airflow, each with its version; commit pyproject.toml and uv.lock."
    yield f"uv add --project {folder} --no-sync \\"
    yield f"  --constraints {_CONSTRAINTS.format(version, image.python)} \\"
    yield " ".join([f'  "{image.name_airflow(release, version)}"', *sorted(set(packages))])
