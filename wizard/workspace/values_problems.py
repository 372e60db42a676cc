"""All problems of `values:` in one round: what questions own, and what the checks find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import AnswersError, Problem
from wizard.formats.nested import format_path, walk

if TYPE_CHECKING:
    from wizard.plan.render import Rendering


def add_value_findings(
    error: AnswersError, rendering: Rendering, values: Mapping[str, Any], chart: Path | None
) -> AnswersError:
    """Return the error with the checks' findings about what `values:` sets.

    These would otherwise be told only after the first problems are corrected.
    """
    known = [one.key for one in error.problems]
    found = [one for one in _find_problems(rendering, values, chart) if one.key not in known]
    return AnswersError(error.message, [*error.problems, *found], error.fix)


def _find_problems(
    rendering: Rendering, values: Mapping[str, Any], chart: Path | None
) -> Iterator[Problem]:
    from wizard.checks.run import inspect_rendering

    path = rendering.release.paths.values
    files = {one: file.data for one, file in rendering.tree.items()}
    places = {format_path(at) for at, _ in walk(values) if at}
    for finding in inspect_rendering(rendering, files, chart):
        if finding.path == path and finding.where in places:
            grade = "" if finding.is_error else f"only a {finding.severity}: "
            text = f"{grade}{finding.message}; {finding.fix.text}"
            yield Problem(f"values.{finding.where}", text)
