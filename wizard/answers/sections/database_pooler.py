"""The questions about a pool of connections in front of PostgreSQL."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wizard.formats.address_types import HostName, Port
from wizard.formats.types import PostgresName
from wizard.questions.cases import EXTERNAL_PGBOUNCER, PGBOUNCER, RESULT_POOL, SERVED_DATABASE
from wizard.questions.effects import Effect
from wizard.questions.section import Model, QuestionInfo

_POOLER = Effect(
    "another-pooler",
    "interrupt",
    "Running pods keep their old database address until they restart, and lose their connections "
    "when the old PgBouncer is removed: running tasks may fail.",
)


class PgBouncer(Model):
    """Connection pooling between Airflow and PostgreSQL."""

    mode: Annotated[
        Literal["off", "chart", "external"],
        QuestionInfo(
            when=SERVED_DATABASE,
            labels={"off": "none", "chart": "chart-managed", "external": "one you run"},
            effects=(_POOLER,),
            source="production guide, PgBouncer",
        ),
    ] = Field(
        default="off",
        title="PgBouncer",
        description=(
            "Pools Airflow's database connections. Chart-managed: the wizard also writes its "
            "config, users and stats Secrets."
        ),
    )
    max_client_conn: Annotated[int, Field(ge=1, le=100000), QuestionInfo(when=PGBOUNCER)] = Field(
        default=100,
        title="Clients",
        description="Maximum number of connections from Airflow to PgBouncer.",
    )
    metadata_pool: Annotated[int, Field(ge=1, le=10000), QuestionInfo(when=PGBOUNCER)] = Field(
        default=10,
        title="Pool",
        description="Server connections to the metadata database, per PgBouncer replica.",
    )
    result_pool: Annotated[int, Field(ge=1, le=10000), QuestionInfo(when=RESULT_POOL)] = Field(
        default=5,
        title="Result pool",
        description="Server connections to the result backend, per PgBouncer replica.",
    )
    replicas: Annotated[int, Field(ge=1, le=20), QuestionInfo(when=PGBOUNCER)] = Field(
        default=1, title="Replicas", description="Number of PgBouncer pods. Each has its own pools."
    )
    host: Annotated[
        HostName,
        QuestionInfo(
            when=EXTERNAL_PGBOUNCER,
            required=True,
            find="The pooler's address, from whoever runs PostgreSQL.",
        ),
    ] = Field(default="", title="Pool host", description="Address of your PgBouncer that pods use.")
    port: Annotated[Port, QuestionInfo(when=EXTERNAL_PGBOUNCER)] = Field(
        default=6432, title="Pool port", description="Port of your PgBouncer."
    )
    database: Annotated[PostgresName, QuestionInfo(when=EXTERNAL_PGBOUNCER)] = Field(
        default="",
        title="Alias",
        description="Database name in your PgBouncer. Empty: the name of the database.",
    )
