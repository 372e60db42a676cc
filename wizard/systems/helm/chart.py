"""The chart that Helm installs: fetched once for each run, verified and identified by digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from wizard.chart.repository import CHART_NAME
from wizard.errors import Fix, RefusedError, WizardError
from wizard.formats.terminal import escape_unprintable

if TYPE_CHECKING:
    from wizard.chart.repository import ChartRepository
    from wizard.clients.helm import Helm
    from wizard.systems.target import Target

PULL_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart on this machine, and the sha256 of its archive or of the files in its folder."""

    path: Path
    digest: str


class ChartFetcher:
    """Gets the pinned chart at the first call, from `--chart` or the chart repository."""

    def __init__(self, target: Target, helm: Helm) -> None:
        self._target = target
        self._helm = helm
        self._found: Chart | None = None

    async def get(self) -> Chart:
        """Return the chart in the version of the answers; WizardError when it cannot be fetched."""
        if self._found is None:
            local = self._target.chart
            path = local.absolute() if local is not None else await self._pull()
            await self._verify(path)
            self._found = Chart(path, _digest(path))
        return self._found

    async def _pull(self) -> Path:
        version, source = self._target.release.chart, self._target.release.chart_repository
        folder = Path(mkdtemp(prefix="airflow-wizard-chart-"))
        self._target.cleanups.append(lambda: rmtree(folder, ignore_errors=True))
        try:
            await self._helm.act(
                "pull", *source.pull_arguments(version),
                "--destination", str(folder), seconds=PULL_SECONDS, context=False,
            )  # fmt: skip
        except WizardError as error:
            message = f"chart {version} cannot be fetched from {source.url}: {error.message}"
            raise WizardError(message, error.fix or _explain_reach(source)) from None
        return folder / f"{CHART_NAME}-{version}.tgz"

    async def _verify(self, path: Path) -> None:
        about = await self._helm.show_chart(path)
        name, version = (escape_unprintable(str(about.get(one))) for one in ("name", "version"))
        wanted = self._target.release.chart
        if (name, version) != (CHART_NAME, wanted):
            raise RefusedError(
                f"{path} is chart {name} {version}; the answers need {CHART_NAME} {wanted}",
                Fix(
                    "give a chart of that version, or change installation.chart",
                    "installation.chart",
                ),
            )


def _explain_reach(source: ChartRepository) -> Fix:
    fetch = "fetch the chart elsewhere and give --chart PATH"
    if source.is_official:
        return Fix(f"make it reachable from this machine, or {fetch}")
    login = f"log in (`{source.login_command}`)" if source.is_oci else "make it reachable"
    return Fix(
        f"{login}, correct installation.chart_repository, or {fetch}",
        "installation.chart_repository",
    )


def _digest(path: Path) -> str:
    if path.is_file():
        return _file_digest(path)
    whole = hashlib.sha256()
    for file in sorted(one for one in path.rglob("*") if one.is_file()):
        whole.update(f"{_file_digest(file)}  {file.relative_to(path).as_posix()}\n".encode())
    return whole.hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
