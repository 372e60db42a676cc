"""Airflow's asynchronous sessions: the composed URL logs in with the driver that Airflow uses."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg  # type: ignore[import-untyped]
import pytest

from tests.support.canary import HOSTILE_TAIL
from tests.support.certificates import Authority
from tests.support.rendered import rendering, secret_template, values
from tests.testbed import programs
from tests.testbed.databases import Postgres, own_folder
from tests.testbed.eso import EsoTemplate
from tests.testbed.fixtures import found
from wizard.manifests.postgres import CA_PATH
from wizard.plan.render import Rendering

pytestmark = pytest.mark.integration

USER, DATABASE = "air'flow", "d b"
HBA = "hostnossl all all 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 scram-sha-256\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[Postgres]:
    """A server that takes TLS only, with a certificate of the authority."""
    running = Postgres(found(programs.postgres_bin), own_folder("wizard-async-"))
    try:
        running.start()
        running.create_role(USER, HOSTILE_TAIL)
        running.create_database(DATABASE, USER)
        running.secure(*authority.issue("localhost", "127.0.0.1"), HBA)
        yield running
    finally:
        running.stop()


def composed(server: Postgres, sslmode: str, ca: str = "") -> Rendering:
    changes: dict[str, object] = {
        "database.host": "pg.example.internal", "database.port": server.port,
        "database.user": USER, "database.name": DATABASE, "database.sslmode": sslmode,
        "database.pgbouncer.mode": "off",
    }  # fmt: skip
    if ca:
        changes["database.ca.file"] = ca
    return rendering("production", changes)


def connect_arguments(url: str) -> dict[str, str | int]:
    """Return what SQLAlchemy's dialect hands to asyncpg: every parameter by its own name.

    Before 2.1, it does not decode the path.
    """
    parts = urlsplit(url)
    assert parts.scheme == "postgresql+asyncpg"
    return {
        "host": "127.0.0.1", "port": parts.port or 0, "database": parts.path[1:],
        "user": unquote(parts.username or ""), "password": unquote(parts.password or ""),
        **dict(parse_qsl(parts.query)),
    }  # fmt: skip


async def user_of(arguments: dict[str, str | int]) -> str:
    connection = await asyncpg.connect(**arguments)
    try:
        return str(await connection.fetchval("SELECT current_user"))
    finally:
        await connection.close()


async def test_the_asynchronous_url_logs_in(server: Postgres, eso_template: EsoTemplate) -> None:
    template = secret_template(composed(server, "require"), "airflow-metadata")
    made = eso_template(template, {"databasePassword": HOSTILE_TAIL})
    assert await user_of(connect_arguments(made["connection-async"])) == USER
    # What Airflow would derive from the other URL: the reason for a URL of its own.
    derived = made["connection"].replace("postgresql://", "postgresql+asyncpg://")
    with pytest.raises(TypeError, match=r"sslmode|dbname"):
        await user_of(connect_arguments(derived))


async def test_the_asynchronous_url_verifies_the_server(
    server: Postgres,
    eso_template: EsoTemplate,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    made = composed(server, "verify-full", "db-ca.pem")
    template = secret_template(made, "airflow-metadata")
    url = eso_template(template, {"databasePassword": HOSTILE_TAIL})["connection-async"]
    assert values(made)["apiServer"]["env"] == [{"name": "PGSSLROOTCERT", "value": CA_PATH}]
    monkeypatch.setenv("PGSSLROOTCERT", str(authority.path))
    assert await user_of(connect_arguments(url)) == USER
    other = Authority.make(tmp_path_factory.mktemp("other")).path
    monkeypatch.setenv("PGSSLROOTCERT", str(other))
    with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
        await user_of(connect_arguments(url))
