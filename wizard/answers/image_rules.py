"""Rules for the image, for what types cannot express."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.answers.questions import field_spec
from wizard.errors import Problem
from wizard.formats.nested import get_value
from wizard.manifests.image import UNOFFICIAL_PACKAGES, list_pythons

if TYPE_CHECKING:
    from wizard.answers.model import Answers

_REPOSITORY = "installation.image.repository"


def check_image(answers: Answers) -> Iterator[Problem]:
    """Report what the official image does not have: DAGs, a package, a version of Python."""
    image, airflow = answers.installation.image, answers.installation.airflow
    build = image.build
    if build is None:
        if answers.dags.source == "image":
            yield Problem(_REPOSITORY, "set the image that contains the DAGs")
        yield from _check_packages(answers)
        return
    pythons = list_pythons(answers.installation.airflow_version)
    if build.python and build.python not in pythons:
        yield Problem(
            "installation.image.base",
            f"use Python {pythons[0]} to {pythons[-1]}: Airflow {airflow} has no image for "
            f"{build.python}",
        )


def _check_packages(answers: Answers) -> Iterator[Problem]:
    """Report packages that other answers need and the official image lacks."""
    for package, (key, needing) in UNOFFICIAL_PACKAGES.items():
        item = field_spec(key, type(answers))
        if item.applies(answers) and get_value(answers, item.path) == needing:
            yield Problem(
                _REPOSITORY,
                f"set an image of your own: {key} {needing} needs the Python package {package}, "
                "which the official image lacks; the generated Dockerfile installs it",
            )
