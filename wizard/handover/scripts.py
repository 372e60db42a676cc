"""All that is handed over of one committed installation, by owner; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from wizard.formats.shell import add_seal
from wizard.handover import ci, platform
from wizard.stores.vault.settings import vault_settings
from wizard.systems.database import handover as dba
from wizard.systems.vault import handover as vault
from wizard.workspace.store_paths import build_store_paths

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.render import Rendering

Owner = Literal["vault", "dba", "platform", "ci"]
HandoverFiles = Mapping[Owner, Mapping[str, str]]


def render_handover(
    answers: Answers, rendering: Rendering, committed: Mapping[str, str]
) -> HandoverFiles:
    """Texts by file name, for each owner that has something to do.

    `committed` holds the files as they stand in the repository, by logical id. No text has a
    secret in it: nothing here knows one.
    """
    release, total = rendering.release, rendering.total
    store = vault_settings(answers.secrets, release) if release.store == "vault" else None
    others = build_store_paths(answers, rendering)[1:] if store else ()
    found: dict[Owner, Mapping[str, str]] = {
        "vault": vault.render_files(answers, store, total, committed, others) if store else {},
        "dba": dba.render_files(answers, release),
        "platform": platform.render_files(answers, release, store, total.flows, committed),
        "ci": ci.render_files(answers, release),
    }
    return {
        owner: {name: add_seal(name, release.installation, text) for name, text in texts.items()}
        for owner, texts in found.items()
        if texts
    }
