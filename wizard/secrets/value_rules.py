"""What given values must be beyond their form, by what Airflow does with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class UrlScheme:
    """A URL with one of these schemes; `reason` is the end of a message."""

    schemes: tuple[str, ...]
    reason: str

    def find_problem(self, value: str) -> str:
        """Return why the URL cannot work; empty if it can."""
        if value.partition("://")[0].casefold() in self.schemes:
            return ""
        *first, last = (f"{one}://" for one in self.schemes)
        return f"does not start with {', '.join(first)} or {last}: {self.reason}"


@dataclass(frozen=True, slots=True)
class ConnectionExtra:
    """An Airflow connection whose extra has this value; `reason` is the end of a message."""

    name: str
    value: str
    reason: str

    def find_problem(self, value: str) -> str:
        """Return why the connection cannot work; empty if it can."""
        extra = read_extra(value)
        if extra is None:
            return "is not an Airflow connection: give a URI or JSON"
        if extra.get(self.name) == self.value:
            return ""
        return f"has no extra {self.name}={self.value}: {self.reason}"


def read_extra(connection: str) -> Mapping[str, Any] | None:
    """Return the extra of a connection as Airflow reads it; None if it is no connection.

    Source: `Connection.from_json` and `_parse_from_uri` of Airflow 2.11 and 3.3.
    """
    text = connection.strip()
    if not text.startswith("{"):
        try:
            parts = urlsplit(text)
        except ValueError:
            return None
        query: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
        return _read_object(query.get("__extra__", query)) if parts.scheme else None
    whole = _read_object(text)
    return None if whole is None else _read_object(whole.get("extra") or {})


def _read_object(found: Any) -> Mapping[str, Any] | None:
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            return None
    return found if isinstance(found, dict) else None
