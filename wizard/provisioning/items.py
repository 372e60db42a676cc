"""What happens to each fact of a path in the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wizard.secrets.facts import Fact

ItemState = Literal["kept", "generate", "restore", "adopt", "given", "others"]
# The states of values that a run writes.
WRITTEN_STATES: tuple[ItemState, ...] = ("generate", "restore", "adopt", "given")


@dataclass(frozen=True, slots=True)
class StoreItem:
    """One fact, and the origin of its value if the store does not have it yet.

    `kept`: already in the store; `generate`: generated here; `restore`: taken from `version`, an
    older version of the store; `adopt`: copied from `place`, of another layout or earlier answers;
    `given`: read from its reference; `others`: somebody else writes it.
    """

    fact: Fact
    state: ItemState
    version: int = 0
    place: str = ""

    @property
    def source(self) -> str:
        """The state in words."""
        if self.state == "given":
            return f"from {self.fact.reference}"
        if self.state == "restore":
            return f"restored from version {self.version}, since the newest lacks it"
        if self.state == "adopt":
            return f"copied from {self.place}"
        return {"kept": "in the store", "generate": "generated", "others": "left to others"}[
            self.state
        ]
