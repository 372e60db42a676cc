"""Rules over the answers for Helmsman, for what types cannot express."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from wizard.errors import Problem
from wizard.formats.nested import format_path, get_value, walk

_ARGOCD = "argocd.argoproj.io/"


def check_argocd_values(answers: BaseModel) -> Iterator[Problem]:
    """Report Argo CD's annotations (waves, hooks, sync options) in `values:`."""
    for path, _ in walk(get_value(answers, ("values",))):
        if path and str(path[-1]).startswith(_ARGOCD):
            yield Problem(
                f"values.{format_path(path)}",
                "remove it: Helmsman installs with Helm, which knows no waves, hooks or options of "
                "Argo CD; or set delivery.kind to argocd",
            )
