"""Probes of the chart and the image: the pinned versions exist in their registries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from wizard.chart.images import AIRFLOW
from wizard.chart.repository import CHART_NAME, ChartRepository
from wizard.clients.registry import Image, WebError, fetch_chart_versions, fetch_manifest
from wizard.engine.probes import (
    Probe,
    ProbeResult,
    fail_result,
    pass_result,
    unknown_result,
    warn_result,
    wrap_blocking,
)
from wizard.errors import NO_FIX, Fix
from wizard.formats.images import name_copy

if TYPE_CHECKING:
    from wizard.answers.model import Answers

SECONDS = 30.0
_CORRECT_REPOSITORY = Fix(
    "copy the chart there, or correct installation.chart_repository: the folder of index.yaml, or "
    "the registry's path without the name of the chart",
    "installation.chart_repository",
)
_UNREACHABLE_HINT = "the cluster may still reach it; try again from a machine that can"


def artifact_probes(answers: Answers) -> Iterator[Probe]:
    """Yield the probes of chart version and image tag."""
    version = answers.installation.chart
    repository = ChartRepository(answers.installation.chart_repository)
    own = answers.installation.image
    image = Image.from_repository(
        own.repository or name_copy(AIRFLOW, own.registry), own.tag or answers.installation.airflow
    )
    yield Probe(
        "chart.version",
        "Chart: version",
        repository.endpoint,
        wrap_blocking(lambda: check_chart_version(repository, version)),
        SECONDS,
        "installation.chart",
    )
    yield Probe(
        "image.tag",
        "Image: tag",
        image.registry,
        wrap_blocking(
            lambda: check_image_tag(image, own=bool(own.repository), secrets=own.all_pull_secrets)
        ),
        SECONDS,
        "installation.image.repository",
    )


def check_chart_version(repository: ChartRepository, version: str) -> ProbeResult:
    """Return whether the Helm repository or registry has the version, without a login."""
    if repository.is_oci:
        return _check_chart_tag(repository, version)
    try:
        found = fetch_chart_versions(repository.url, CHART_NAME)
    except WebError as error:
        if error.status in {401, 403}:
            return _require_login(repository)
        if error.status == 404 and not repository.is_official:
            return unknown_result(str(error), _CORRECT_REPOSITORY)
        return unknown_result(str(error), _UNREACHABLE_HINT)
    if not found:
        return unknown_result("the index has no entry for airflow in Helm's format")
    if version in found:
        return pass_result(f"airflow {version} is listed")
    return fail_result(
        f"airflow {version} is not listed; the newest there is {found[0]}",
        Fix("set installation.chart to a listed version", "installation.chart"),
    )


def _check_chart_tag(repository: ChartRepository, version: str) -> ProbeResult:
    host, _, name = repository.image.partition("/")
    try:
        answer = fetch_manifest(Image(host, name, version))
    except WebError as error:
        return unknown_result(str(error), _UNREACHABLE_HINT)
    if answer.status == 200:
        digest = answer.headers.get("docker-content-digest", "")[:19]
        return pass_result(f"{name} {version}{' is ' + digest if digest else ' exists'}")
    if answer.status in {401, 403}:
        return _require_login(repository)
    if answer.status != 404:
        return unknown_result(f"the registry responded with HTTP {answer.status}")
    return fail_result(f"{name} {version} is not in this registry", _CORRECT_REPOSITORY)


def _require_login(repository: ChartRepository) -> ProbeResult:
    return unknown_result(
        "requires a login, and this probe has none",
        f"where helm runs: {repository.login_command}; for Argo CD, its admin runs: "
        f"{repository.argocd_command}",
    )


def check_image_tag(image: Image, *, own: bool, secrets: Sequence[str]) -> ProbeResult:
    """Check anonymously, without the pull Secrets, whether the tag exists.

    `own` marks a custom image, which may not be built yet. `secrets` names the pull Secrets of
    registries that require a login.
    """
    name, secret = f"{image.name}:{image.tag}", " and ".join(secrets)
    try:
        answer = fetch_manifest(image)
    except WebError as error:
        return unknown_result(str(error), _UNREACHABLE_HINT)
    if answer.status == 200:
        digest = answer.headers.get("docker-content-digest", "")[:19]
        return pass_result(f"{name}{' is ' + digest if digest else ''}")
    if answer.status in {401, 403}:
        with_secret = f", and {secret} was not tried" if secret else ""
        return unknown_result(
            f"{name} requires a login{with_secret}",
            NO_FIX
            if secret
            else Fix(
                "add a registry Secret to installation.image.pull_secrets",
                "installation.image.pull_secrets",
            ),
        )
    if answer.status != 404:
        return unknown_result(
            f"{name}: the registry responded with HTTP {answer.status}", _UNREACHABLE_HINT
        )
    if not own:
        return fail_result(
            f"{name} does not exist",
            Fix("set installation.airflow to a released version", "installation.airflow"),
        )
    if secret:
        return unknown_result(f"{name} is not found without a login, and {secret} was not tried")
    return warn_result(
        f"{name} does not exist yet", "build and push it as described in image/ and the runbook"
    )
