"""What the screens begin with, and the draft that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import AnswersError, Problem

if TYPE_CHECKING:
    from screens.draft.draft import Draft
    from wizard.workspace.proposal import Acceptance


@dataclass(frozen=True, slots=True)
class InitialAnswers:
    """What the screens begin with: raw answers, and the committed installation they belong to.

    `fingerprints` are those of the command line; `folder` is what file names are relative to;
    `chart` is a chart for a full check of the values, `context` the cluster's in the kubeconfig.
    """

    data: Mapping[str, Any]
    fingerprints: Sequence[str] = ()
    existing: str = ""
    pick_preset: bool = False
    folder: Path | None = None
    chart: Path | None = None
    context: str = ""


def build_draft(initial: InitialAnswers, identity: Acceptance) -> Draft:
    """The draft of these answers; imports the models, so call it in a thread.

    Raises AnswersError for a typed fingerprint that is none.
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
        raise AnswersError("a fingerprint cannot be read", [problem]) from None
