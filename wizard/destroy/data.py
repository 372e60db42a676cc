"""Databases outside the cluster: the wizard never drops them; their owner gets the statements."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, get_args

from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.postgres import quote_identifier
from wizard.questions.cases import SEPARATE_RESULT_BACKEND
from wizard.systems.target import DataKind

if TYPE_CHECKING:
    from wizard.systems.target import Target

DATA_KINDS: tuple[DataKind, ...] = get_args(DataKind)


def build_database_removal(target: Target, pieces: Collection[DataKind]) -> tuple[Step, ...]:
    """Return the steps that show the owner how to drop the databases; nothing is dropped."""
    own = target.answers.database
    if own.kind != "external":
        return ()
    found = [("destroy.database", "database", own.host, own.port, own.name, own.user)]
    if SEPARATE_RESULT_BACKEND.holds(target.answers):
        back = own.result_backend
        found.append(
            ("destroy.result-backend", "result backend", back.host, back.port, back.name, back.user)
        )
    return tuple(_build_database_step(*one, pieces) for one in found)


def _build_database_step(
    id: str,  # noqa: A002
    what: str,
    host: str,
    port: int,
    name: str,
    user: str,
    pieces: Collection[DataKind],
) -> Step:
    where = f"{escape_unprintable(name)} at {escape_unprintable(host)}:{port}"
    sql = escape_unprintable(
        f"DROP DATABASE {quote_identifier(name)}; DROP ROLE {quote_identifier(user)};"
    )

    async def check() -> StepStatus:
        if "database" in pieces:
            return StepStatus(
                "kept",
                "not dropped: the wizard never drops a database",
                Fix(f"its owner runs: {sql}"),
            )
        return StepStatus(
            "kept", f"{what} {where} stays", Fix(f"to drop it, its owner runs: {sql}")
        )

    return Step(id, f"Leave {what} {where} to its owner", "dba", f"{host}:{port}", check)
