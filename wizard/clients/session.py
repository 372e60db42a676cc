"""What the sessions of the clients have in common."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K", bound=str)


class SessionError(Exception, Generic[K]):
    """A session could not be had: `kind` of the cause, and a message that holds no secret."""

    def __init__(self, kind: K, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
