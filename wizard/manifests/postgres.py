"""PostgreSQL connections and PgBouncer's files, composed from password facts.

Tested with External Secrets 2.9, PgBouncer 1.18 and PostgreSQL 15, and with a password of quotes,
braces, spaces and non-ASCII characters (facts on External Secrets).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wizard.formats.shell import quote
from wizard.secrets.facts import Encoding, Fact, FactUse, SecretSpec, Template, url_quote

if TYPE_CHECKING:
    from wizard.manifests.release import Release

CA_PATH = "/etc/airflow-database-ca/ca.crt"
# The ports of the chart's pooler and of its bundled PostgreSQL.
POOLER_PORT = 6543
POSTGRES_PORT = 5432

# Airflow that takes the URL of its asynchronous sessions as an option, and else derives it.
# Source: `[database] sql_alchemy_conn_async`, `airflow.settings` of 3.0.6, 3.1.8 and 3.3.2.
ASYNC_SINCE = (3, 1, 0)
# The key of the metadata Secret with the URL of Airflow's asynchronous sessions.
ASYNC_KEY = "connection-async"

# Source: facts on running Airflow, 2. PgBouncer 1.21 or newer.
PREPARED_STATEMENTS = 200

# A separate console user: `stats_users` is a plain comma-separated list, which cannot name a role
# with a comma or a space.
STATS_USER = "airflow_stats"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One PostgreSQL database and its login; with an empty `sslmode`, no TLS parameters are set."""

    host: str
    port: int
    name: str
    user: str
    password: Fact
    sslmode: str
    has_ca: bool

    def with_pooler(self, host: str, port: int, alias: str) -> Endpoint:
        """Return the same database behind a pooler, without TLS parameters."""
        return replace(self, host=host, port=port, name=alias, sslmode="", has_ca=False)

    def with_tls(self, sslmode: str, has_ca: bool) -> Endpoint:
        """Return the same endpoint with these TLS parameters."""
        return replace(self, sslmode=sslmode, has_ca=has_ca)

    @property
    def has_plain_name(self) -> bool:
        """Return whether the path of a URL can be the name of the database.

        Otherwise it is a parameter: SQLAlchemy before 2.1 does not decode the path (seen with
        Airflow 2.11.0 and 3.2.2, SQLAlchemy 1.4.54 and 2.0.50).
        """
        return url_quote(self.name) == self.name

    def url(self, scheme: str = "postgresql") -> Template:
        """Return the SQLAlchemy URL; the operator's template encodes the password."""
        parameters = [] if self.has_plain_name else [f"dbname={url_quote(self.name)}"]
        if self.sslmode:
            parameters.append(f"sslmode={self.sslmode}")
        if self.has_ca and self.verifies:
            parameters.append(f"sslrootcert={CA_PATH}")
        return self._url(scheme, parameters)

    def async_url(self) -> Template:
        """Return the URL for Airflow's asynchronous sessions, which takes the driver's own names.

        Airflow derives it from the other URL, but asyncpg refuses `sslmode` and `sslrootcert`.
        Every image has asyncpg; psycopg 3 is a dependency of the PostgreSQL provider from 7.0 on,
        which is newer than the images of Airflow 3.1 and 3.2.
        """
        parameters = [] if self.has_plain_name else [f"database={url_quote(self.name)}"]
        if self.sslmode:
            parameters.append(f"ssl={self.sslmode}")
        return self._url("postgresql+asyncpg", parameters)

    @property
    def verifies(self) -> bool:
        """Return whether the client compares the server's certificate with a CA."""
        return self.sslmode.startswith("verify")

    def _url(self, scheme: str, parameters: list[str]) -> Template:
        query = f"?{'&'.join(parameters)}" if parameters else ""
        name = self.name if self.has_plain_name else ""
        place = f"@{url_host(self.host)}:{self.port}/{name}{query}"
        return (f"{scheme}://{url_quote(self.user)}:", FactUse(self.password, Encoding.URL), place)


def url_host(host: str) -> str:
    """Return a host for a URL, with IPv6 addresses in brackets."""
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host


def _quote_ini(value: str) -> str:
    """Put a value of PgBouncer's connection string in single quotes; its own quotes are doubled."""
    return "'" + value.replace("'", "''") + "'"


def _quote_userlist(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def pgbouncer_ini(
    databases: dict[str, tuple[Endpoint, int]], *, max_client_conn: int, sslmode: str, has_ca: bool
) -> str:
    """Return pgbouncer.ini for the chart's PgBouncer; it holds no secret.

    `databases` maps an alias to its endpoint and pool size. Source: production guide, PgBouncer,
    and the requirements of chart 1.22.0 for an own ini.
    """
    lines = ["[databases]"]
    for alias, (endpoint, pool) in databases.items():
        place = f"host={_quote_ini(endpoint.host)} port={endpoint.port}"
        lines.append(f"{alias} = {place} dbname={_quote_ini(endpoint.name)} pool_size={pool}")
    lines += [
        "",
        "[pgbouncer]",
        "pool_mode = transaction",
        "listen_addr = *",
        f"listen_port = {POOLER_PORT}",
        "auth_type = scram-sha-256",
        "auth_file = /etc/pgbouncer/users.txt",
        f"stats_users = {STATS_USER}",
        "ignore_startup_parameters = extra_float_digits",
        # Both drivers prepare statements by name, which the next server connection does not have.
        f"max_prepared_statements = {PREPARED_STATEMENTS}",
        f"max_client_conn = {max_client_conn}",
        "verbose = 0",
        "log_disconnections = 0",
        "log_connections = 0",
        f"server_tls_sslmode = {sslmode}",
    ]
    if has_ca and sslmode.startswith("verify"):
        lines.append(f"server_tls_ca_file = {CA_PATH}")
    return "\n".join(lines) + "\n"


def pgbouncer_secrets(
    release: Release,
    metadata: Endpoint,
    results: Endpoint | None,
    *,
    pools: tuple[int, int],
    max_client_conn: int,
) -> list[SecretSpec]:
    """Return the config and stats Secrets.

    They replace the chart's, which would be wrong with our metadata Secret.
    """
    databases = {release.names.metadata_alias: (metadata, pools[0])}
    users: dict[str, Fact] = {metadata.user: metadata.password}
    if results is not None:
        databases[release.names.result_alias] = (results, pools[1])
        users.setdefault(results.user, results.password)
    text = pgbouncer_ini(
        databases,
        max_client_conn=max_client_conn,
        sslmode=metadata.sslmode,
        has_ca=metadata.has_ca,
    )
    userlist: list[str | FactUse] = []
    for user, fact in [*users.items(), (STATS_USER, metadata.password)]:
        userlist += [f'{_quote_userlist(user)} "', FactUse(fact, Encoding.USERLIST), '"\n']
    stats: Template = (
        f"postgresql://{STATS_USER}:",
        FactUse(metadata.password, Encoding.URL),
        f"@127.0.0.1:{POOLER_PORT}/pgbouncer?sslmode=disable",
    )
    return [
        SecretSpec(
            release.secret("pgbouncer-config"),
            {"pgbouncer.ini": (text,), "users.txt": tuple(userlist)},
            ("pgbouncer.configSecretName",),
            "PgBouncer's configuration and users",
        ),
        SecretSpec(
            release.secret("pgbouncer-stats"),
            {"connection": stats},
            ("pgbouncer.metricsExporterSidecar.statsSecretName",),
            "PgBouncer's console, for metrics",
        ),
    ]


def direct_migration_settings(secret: str) -> dict[str, object]:
    """Return settings that run migrations without the pooler.

    Migrations hold an advisory lock of their session; a killed Job would leave it on a pooled
    connection. A second variable name is used because server-side apply refuses to set the
    built-in one twice (facts on the chart, sections 4 and 8).
    """
    script = (
        'export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="${DIRECT_SQL_ALCHEMY_CONN}"\n'
        "exec airflow db migrate\n"
    )
    reference = {"secretKeyRef": {"name": secret, "key": "connection"}}
    return {
        "migrateDatabaseJob.env": [{"name": "DIRECT_SQL_ALCHEMY_CONN", "valueFrom": reference}],
        "migrateDatabaseJob.args": ["bash", "-ec", script],
    }


def database_note(owners: tuple[tuple[str, str, str], ...]) -> str:
    """Return the runbook's section for a database administrator; `owners`: host, database, role.

    From PostgreSQL 15, only the database's owner can create objects in schema public. The admin of
    a managed server is not a superuser and must be a member of the role that will own the database
    (documents 001 and 002).
    """
    parts = ["## Database\n\nRun once as an administrator; psql prompts for the password."]
    for host, name, user in owners:
        role, database = quote_identifier(user), quote_identifier(name)
        parts.append(
            f"On `{host}`:\n\n```sql\nCREATE ROLE {role} LOGIN;\n\\password {role}\n"
            f"GRANT {role} TO CURRENT_USER;\n"
            f"CREATE DATABASE {database} OWNER {role} ENCODING 'UTF8' TEMPLATE template0;\n```"
        )
    parts.append(
        "If the database already exists, the role must own it or have access to schema `public`."
    )
    return "\n\n".join(parts)


def backup_note(endpoint: Endpoint, ca: str) -> str:
    """Return the runbook's section on the backup before an upgrade; `ca`: path of the CA file.

    An older Airflow cannot use a database that a newer one migrated (document 001).
    """
    parts = {
        "host": endpoint.host,
        "port": str(endpoint.port),
        "user": endpoint.user,
        "dbname": endpoint.name,
        "sslmode": endpoint.sslmode,
        "sslrootcert": ca,
    }
    login = quote(" ".join(f"{key}={_quote_parameter(one)}" for key, one in parts.items() if one))
    return (
        "## Before an upgrade\n\nA newer Airflow migrates the database, and the older one cannot "
        "use it afterwards. Back it up first; both commands prompt for the password.\n\n"
        f"```bash\npg_dump --format custom --file airflow.dump --dbname {login}\n"
        "# To restore it, with all Airflow pods stopped:\n"
        f"pg_restore --clean --if-exists --no-owner airflow.dump --dbname {login}\n```"
    )


def _quote_parameter(value: str) -> str:
    """Quote a value of a connection string of libpq, if it is not a plain word."""
    if re.fullmatch(r"[A-Za-z0-9_./:-]+", value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_identifier(name: str) -> str:
    """Quote any name for SQL and psql."""
    return '"' + name.replace('"', '""') + '"'
