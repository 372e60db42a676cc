"""Reads and writes Kubernetes quantities, such as 500m and 1Gi."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

_FACTORS: Mapping[str, Decimal] = {
    "": Decimal(1),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("num", -3)},
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}
_QUANTITY = re.compile(r"((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)([a-zA-Z]*)")


def parse_quantity(text: str) -> Decimal:
    """Return a Kubernetes quantity as a number; raise ValueError if it is not a quantity."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in _FACTORS:
        raise ValueError("not a quantity")
    return Decimal(match[1]) * _FACTORS[match[2]]


def format_quantity(value: Decimal) -> str:
    """Return a number as a quantity, in Mi, Gi or Ti if that gives a whole number."""
    for unit in ("Ti", "Gi", "Mi"):
        if value >= _FACTORS[unit] and value % (2**20) == 0:
            return f"{(value / _FACTORS[unit]).normalize():f}{unit}"
    return f"{value.normalize():f}"
