"""Rules for the image, for what types cannot express."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.errors import Problem
from wizard.manifests.image import list_pythons

if TYPE_CHECKING:
    from wizard.answers.model import Answers


def check_image(answers: Answers) -> Iterator[Problem]:
    """Report a Python version without an official image, and DAGs in an image of nobody."""
    image, airflow = answers.installation.image, answers.installation.airflow
    build = image.build
    if build is None:
        if answers.dags.source == "image":
            yield Problem("installation.image.repository", "set the image that contains the DAGs")
        return
    pythons = list_pythons(tuple(int(part) for part in airflow.split(".")))
    if build.python and build.python not in pythons:
        yield Problem(
            "installation.image.base",
            f"use Python {pythons[0]} to {pythons[-1]}: Airflow {airflow} has no image for "
            f"{build.python}",
        )
