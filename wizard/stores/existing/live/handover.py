"""The list of Secrets for whoever makes them; it holds no value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.stores.existing.outline import render_contents, render_outline
from wizard.stores.live import StoreHandover

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.render import Rendering
    from wizard.stores.live import HandoverSources


def render_store_handover(
    answers: Answers, rendering: Rendering, sources: HandoverSources
) -> StoreHandover:
    """Return the manifests without values and what each key must hold, for the platform."""
    del answers, sources
    release, total = rendering.release, rendering.total
    title = f"# Secrets for Airflow installation {release.installation}\n\n"
    return StoreHandover(
        platform={
            "secrets.md": f"{title}{render_contents(release, total)}\n",
            "secrets.yaml": render_outline(release, total),
        }
    )
