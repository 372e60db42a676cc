"""Deletion from stores that keep one secret for each value, and say by a tag whose it is.

Such a store has no deletion of one version only: each secret is looked at once more just before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError, Fix
from wizard.formats.terminal import escape_unprintable, format_first
from wizard.manifests.ownership import Ownership
from wizard.systems.cluster.ownership import UnknownOwnerStatus, settle_unknown


class TaggedSecret(Protocol):
    """A secret without its value; `updated` says when it was changed."""

    @property
    def name(self) -> str:
        """The name in the store."""

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags, one of which may name the source."""

    @property
    def updated(self) -> str:
        """The time of the last change."""


@dataclass
class TaggedRemoval:
    """Deletes the secrets of this installation's keys, if their tags say that they are its own.

    `find` returns those that exist, `read` one of them (None: it does not exist any more), and
    `judge` whose tags are. `refuse` returns why nothing can be looked at, without a login.
    `command` returns the command that deletes a secret; `pattern` describes all names.
    """

    find: Callable[[], Sequence[TaggedSecret]]
    read: Callable[[str], TaggedSecret | None]
    delete: Callable[[str], None]
    judge: Callable[[Mapping[str, str]], Ownership]
    refuse: Callable[[], StepStatus | None]
    command: Callable[[str], str]
    pattern: str
    _found: tuple[TaggedSecret, ...] = field(default=(), init=False)

    @property
    def names(self) -> list[str]:
        """The names of the secrets that the last look found."""
        return [one.name for one in self._found]

    def look(self) -> StepStatus:
        """Check whether the secrets are deleted; those of others, or of nobody, block it."""
        if refusal := self.refuse():
            return refusal
        self._found = tuple(self.find())
        if not self._found:
            return StepStatus("holds", f"no secret {self.pattern} of this installation exists")
        owners = {one.name: self.judge(one.tags) for one in self._found}
        foreign = [name for name, owner in owners.items() if owner.is_proven_foreign]
        if foreign:
            reason = escape_unprintable(owners[foreign[0]].reason)
            detail = f"{format_first(foreign)} {reason}; nothing was deleted"
            return StepStatus("blocked", detail, Fix("run it in that repository"))
        unknown = [name for name, owner in owners.items() if not owner.is_ours]
        if not unknown:
            return StepStatus(
                "wanted", f"{len(self._found)} secrets exist: {', '.join(self.names)}"
            )
        lines = [f"{one.name} {escape_unprintable(one.updated)}" for one in self._found]
        return UnknownOwnerStatus(
            "blocked",
            f"{format_first(unknown)}: no tag of a repository; not deleted",
            Fix(f"to delete it, run: {self.command(unknown[0])}"),
            "\n".join(lines),
        )

    def change(self) -> int:
        """Delete them as they were looked at, and return how many there were.

        Raises ConflictError for one that was written since.
        """
        done: list[str] = []
        for one in self._found:
            if (self.read(one.name) or one) != one:
                raise ConflictError(
                    f"{one.name} was changed by somebody else in the meantime; not deleted; "
                    f"deleted: {format_first(done) or 'none'}",
                    "run this again, which looks at it again",
                )
            self.delete(one.name)
            done.append(one.name)
        return len(self._found)


def build_tagged_removal(
    name: str, where: str, endpoint: str, work: TaggedRemoval, agreed: str, *, verb: str, done: str
) -> Step:
    """Return the step that deletes the secrets `where` at `endpoint`.

    `agreed` is the seal of a yes to secrets of nobody. `verb` says what a dry run would do, and
    `done` what was done, with `{count}`.
    """
    return Step(
        name,
        f"Delete the secrets {where}",
        "vault",
        endpoint,
        wrap_blocking(lambda: settle_unknown([work.look()], name, agreed)[0]),
        wrap_blocking(lambda: done.format(count=work.change())),
        wrap_blocking(lambda: f"would {verb} {format_first(work.names)}"),
        independent=True,
    )


def build_kept_step(name: str, where: str, endpoint: str, command: str) -> Step:
    """Return the step that says that the secrets stay; `command` deletes one."""

    async def check() -> StepStatus:
        return StepStatus("kept", f"{where} are kept", Fix(f"to delete one, run: {command}"))

    return Step(name, f"Keep the secrets {where}", "vault", endpoint, check)
