"""Host keys as a run of the wizard verifies them."""

from __future__ import annotations

from typing import Any

from wizard.answers.model import Answers
from wizard.workspace.host_keys import VerifiedAnswers, verify_host_keys


def verify(answers: Answers, *typed: str, **more: Any) -> VerifiedAnswers:
    """The answers after a run in which these fingerprints were typed."""
    more = {"committed": (), "by": "Ada Example", "date": "2026-11-21", **more}
    return verify_host_keys(answers, typed=typed, **more)
