"""All handover files of a committed installation, by owner; pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from wizard.deliveries.live import live_delivery
from wizard.formats.shell import Files, add_seal
from wizard.handover import ci, platform, prerequisites
from wizard.stores.live import HandoverSources, live_store
from wizard.systems.database import handover as dba

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.render import Rendering
    from wizard.stores.live import EarlierPaths

Owner = Literal["vault", "dba", "platform", "ci"]
HandoverFiles = Mapping[Owner, Mapping[str, str]]


def render_handover(
    answers: Answers,
    rendering: Rendering,
    committed: Mapping[str, str],
    earlier: EarlierPaths = MappingProxyType({}),
    known: Mapping[str, str] = MappingProxyType({}),
) -> HandoverFiles:
    """Return texts by file name for each owner with something to do.

    `committed`, `earlier` and `known` are as in `HandoverSources`. The texts contain no secrets,
    because the inputs contain none.
    """
    release = rendering.release
    sources = HandoverSources(committed, earlier, known)
    store = live_store(release.store).handover(answers, rendering, sources)
    found: dict[Owner, Files] = {
        "vault": store.files,
        "dba": dba.render_files(answers, release),
    }
    render = live_delivery(release.delivery).handover
    if render is not None:
        delivery = render(answers, rendering, committed)
        found["platform"] = {
            **platform.render_files(release, store, delivery, rendering.total),
            **prerequisites.render_files(answers, release),
        }
        found["ci"] = ci.render_files(answers, release, store, delivery)
    return {
        owner: {name: add_seal(name, release.installation, text) for name, text in texts.items()}
        for owner, texts in found.items()
        if texts
    }
