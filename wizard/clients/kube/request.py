"""One request to a Kubernetes API server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

APPLY_MEDIA_TYPE = "application/apply-patch+yaml"
MERGE_MEDIA_TYPE = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `what` names it in errors; `again` says that sending it twice is safe.

    `secret`: the response may quote a Secret, so errors do not repeat the response.
    """

    method: str
    path: str
    what: str
    query: Sequence[tuple[str, str]] = ()
    body: Mapping[str, Any] | None = None
    media: str = "application/json"
    accept: str = "application/json"
    secret: bool = False
    again: bool = True

    @property
    def line(self) -> str:
        """Return the request line for a log."""
        options = "&".join(f"{name}={value}" for name, value in self.query)
        return f"{self.method} {self.path}{'?' + options if options else ''}"
