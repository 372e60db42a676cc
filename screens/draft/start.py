"""The initial answers of the screens, and the draft built from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import AnswersError, Problem

if TYPE_CHECKING:
    from screens.draft.draft import Draft
    from wizard.imports.candidates import Candidate
    from wizard.workspace.proposal import Acceptance
    from wizard.workspace.suggestions import Contexts, Suggestion


@dataclass(frozen=True, slots=True)
class InitialAnswers:
    """Raw answers at start, and the committed installation they belong to.

    `fingerprints` come from the command line. File names in the answers are relative to `folder`.
    `chart` is used for a full check of the values; `context` is the kubeconfig context, and
    `contexts` are those to choose from. `suggestions` are what this machine knows, by question;
    `saved` are name and unfinished answers of a file that an earlier session left. `candidates` are
    what the repository has to import.
    """

    data: Mapping[str, Any]
    fingerprints: Sequence[str] = ()
    existing: str = ""
    pick_preset: bool = False
    folder: Path | None = None
    chart: Path | None = None
    context: str = ""
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)
    saved: tuple[str, Mapping[str, Any]] | None = None
    contexts: Contexts | None = None
    candidates: Sequence[Candidate] = ()


def build_draft(initial: InitialAnswers, identity: Acceptance) -> Draft:
    """Return the draft of these answers; imports the models, so call it in a thread.

    Raises AnswersError for an invalid fingerprint.
    """
    from screens.draft.draft import Draft, Operator

    operator = Operator(identity.by, identity.date)
    return Draft(
        dict(initial.data),
        option_fingerprints=_parse_fingerprints(initial.fingerprints),
        operator=operator,
    )


def _parse_fingerprints(texts: Sequence[str]) -> tuple[str, ...]:
    from wizard.hostkeys.keys import parse_fingerprint

    try:
        return tuple(parse_fingerprint(text) for text in texts)
    except ValueError as error:
        problem = Problem("--host-key-fingerprint", str(error))
        raise AnswersError("invalid fingerprint", [problem]) from None
