"""Rules on what containers request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.answers.questions import field_specs
from wizard.errors import Problem
from wizard.formats.nested import get_value
from wizard.formats.quantities import parse_quantity

if TYPE_CHECKING:
    from wizard.answers.model import Answers

_LIMIT = "_limit"


def check_limits(answers: Answers) -> Iterator[Problem]:
    """Report a request above its limit: Kubernetes refuses every such pod."""
    for item in field_specs(type(answers)):
        if not (item.key.endswith(_LIMIT) and item.applies(answers)):
            continue
        *parents, name = item.path
        asked = get_value(answers, (*parents, name.removesuffix(_LIMIT)))
        limit = get_value(answers, item.path)
        if asked and limit and parse_quantity(asked) > parse_quantity(limit):
            yield Problem(
                item.key.removesuffix(_LIMIT),
                f"use at most {limit}, or raise {item.key}: Kubernetes refuses pods that request "
                "more than their limit",
            )
