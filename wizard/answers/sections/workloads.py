"""Names of Airflow's components in answers that are lists of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

Component = Literal["all", "api-server", "scheduler", "dag-processor", "triggerer", "worker"]


def _list_one(value: object) -> object:
    return [value] if isinstance(value, str) else value


# One component may be given without a list.
Components = Annotated[
    list[Component], BeforeValidator(_list_one, json_schema_input_type=Component | list[Component])
]
