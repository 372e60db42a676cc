"""The base error of the client sessions."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K", bound=str)


class SessionError(Exception, Generic[K]):
    """A session failed: `kind` is the cause; the message contains no secret."""

    def __init__(self, kind: K, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
