"""Probes of the chart and the image: do the pinned versions exist where they are fetched from?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.clients.registry import Image, WebError, chart_versions, manifest
from wizard.engine.probes import Probe, ProbeResult, blocking, failed, passed, unknown, warned

if TYPE_CHECKING:
    from wizard.answers.model import Answers

SECONDS = 30.0
OFFICIAL = "apache/airflow"
_ELSEWHERE = "the cluster may see it otherwise; try again from a machine that reaches it"


def artifact_probes(answers: Answers, repository: str) -> Iterator[Probe]:
    """Chart version and image tag; `repository` is the Helm repository's URL."""
    version = answers.installation.chart
    host = urlsplit(repository).netloc
    own = answers.installation.image
    image = Image.of(own.repository or OFFICIAL, own.tag or answers.installation.airflow)
    yield Probe(
        "chart.version", "Chart: version", host,
        blocking(lambda: chart(repository, version)), SECONDS,
    )  # fmt: skip
    yield Probe(
        "image.tag", "Image: tag", image.registry,
        blocking(lambda: tag(image, own=bool(own.repository), secret=own.pull_secret)), SECONDS,
    )  # fmt: skip


def chart(repository: str, version: str) -> ProbeResult:
    """Whether the Helm repository lists the version."""
    try:
        found = chart_versions(repository, "airflow")
    except WebError as error:
        return unknown(str(error), _ELSEWHERE)
    if not found:
        return unknown("the index lists no version of airflow in the form that Helm writes")
    if version in found:
        return passed(f"airflow {version} is listed")
    return failed(
        f"airflow {version} is not listed; the newest there is {found[0]}",
        "set installation.chart to one that is",
    )


def tag(image: Image, *, own: bool, secret: str) -> ProbeResult:
    """Whether anybody finds the tag; `own`: somebody builds it, `secret`: pulling takes a login."""
    name = f"{image.name}:{image.tag}"
    try:
        answer = manifest(image)
    except WebError as error:
        return unknown(str(error), _ELSEWHERE)
    if answer.status == 200:
        digest = answer.headers.get("docker-content-digest", "")[:19]
        return passed(f"{name}{' is ' + digest if digest else ''}")
    if answer.status in {401, 403}:
        with_secret = f", and {secret} was not tried" if secret else ""
        return unknown(
            f"{name} may not be looked at without a login{with_secret}",
            "" if secret else "name a registry Secret in installation.image.pull_secret",
        )
    if answer.status != 404:
        return unknown(f"{name}: the registry answers with HTTP {answer.status}", _ELSEWHERE)
    if not own:
        return failed(f"there is no {name}", "set installation.airflow to a released version")
    if secret:
        return unknown(f"without a login there is no {name}, and {secret} was not tried")
    return warned(f"there is no {name} yet", "build and push it, as image/ and the runbook say")
