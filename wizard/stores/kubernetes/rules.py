"""The rules about the store kubernetes across sections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.chart.names import Names
from wizard.errors import Problem
from wizard.formats.nested import get_value
from wizard.stores.kubernetes.settings import VALUES_SUFFIX

if TYPE_CHECKING:
    from pydantic import BaseModel


def check_values_secret(answers: BaseModel) -> Iterator[Problem]:
    """Report one more Secret that has the name of the one with the values."""
    about = get_value(answers, ("installation",))
    name = Names(about.release, about.namespace).object_name(VALUES_SUFFIX)
    for number, one in enumerate(get_value(answers, ("secrets", "extra"))):
        if one.name == name:
            yield Problem(
                f"secrets.extra.{number}.name", "use another name: this Secret holds the values"
            )
