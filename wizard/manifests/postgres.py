"""PostgreSQL connections and PgBouncer's files, composed from one password fact.

Composition was proven with External Secrets 2.9, PgBouncer 1.18 and PostgreSQL 15 on a password
of quotes, braces, spaces and non-ASCII characters (facts on External Secrets).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wizard.secrets.facts import Encoding, Fact, FactUse, SecretSpec, Template, url_quote

if TYPE_CHECKING:
    from wizard.manifests.release import Release

CA_PATH = "/etc/airflow-database-ca/ca.crt"

# A console user of its own: `stats_users` is a bare comma-separated list that could not name a
# role with a comma or a space in it.
STATS_USER = "airflow_stats"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One PostgreSQL database and who logs in; `sslmode` empty leaves TLS parameters out."""

    host: str
    port: int
    name: str
    user: str
    password: Fact
    sslmode: str
    has_ca: bool

    def with_pooler(self, host: str, port: int, alias: str) -> Endpoint:
        """The same database behind a pooler, without TLS parameters."""
        return replace(self, host=host, port=port, name=alias, sslmode="", has_ca=False)

    def with_tls(self, sslmode: str, has_ca: bool) -> Endpoint:
        """With TLS parameters again."""
        return replace(self, sslmode=sslmode, has_ca=has_ca)

    def url(self, scheme: str = "postgresql") -> Template:
        """The SQLAlchemy URL: user and database encoded here, the password by the template."""
        parameters = [f"sslmode={self.sslmode}"] if self.sslmode else []
        if self.sslmode and self.has_ca and self.sslmode.startswith("verify"):
            parameters.append(f"sslrootcert={CA_PATH}")
        query = f"?{'&'.join(parameters)}" if parameters else ""
        place = f"@{url_host(self.host)}:{self.port}/{url_quote(self.name)}{query}"
        return (f"{scheme}://{url_quote(self.user)}:", FactUse(self.password, Encoding.URL), place)


def url_host(host: str) -> str:
    """A host as it stands in a URL: IPv6 in brackets."""
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host


def _quote_ini(value: str) -> str:
    """A value of PgBouncer's connection string: single quotes, doubled inside."""
    return "'" + value.replace("'", "''") + "'"


def _quote_userlist(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def pgbouncer_ini(
    databases: dict[str, tuple[Endpoint, int]], *, max_client_conn: int, sslmode: str, has_ca: bool
) -> str:
    """pgbouncer.ini for the chart's PgBouncer: no secret in it, so it is plain template text.

    `databases` maps an alias to its endpoint and pool size. Source: production guide, PgBouncer;
    what an own ini needs under chart 1.22.0.
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
        "listen_port = 6543",
        "auth_type = scram-sha-256",
        "auth_file = /etc/pgbouncer/users.txt",
        f"stats_users = {STATS_USER}",
        "ignore_startup_parameters = extra_float_digits",
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
    """Config and stats Secrets: with a metadata Secret of our own the chart would write wrong ones.

    Raises ValueError when metadata and results need one user with two passwords.
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
        "@127.0.0.1:6543/pgbouncer?sslmode=disable",
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
    """Settings that run migrations past the pooler.

    Migrations hold a session's advisory lock, which a killed Job would leave on a pooled
    connection. A second variable name is used because repeating the built-in one is a duplicate
    list key, which server-side apply refuses (facts on the chart, sections 4 and 8).
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
    """The runbook's part for a database administrator: (host, database, role) each.

    PostgreSQL 15 closed schema public to all but the owner; a managed server's admin is no
    superuser and must be a member of the role it gives a database to (documents 001 and 002).
    """
    parts = ["## Database\n\nOnce, as an administrator of the server; psql asks for the password."]
    for host, name, user in owners:
        role, database = quote_identifier(user), quote_identifier(name)
        parts.append(
            f"On `{host}`:\n\n```sql\nCREATE ROLE {role} LOGIN;\n\\password {role}\n"
            f"GRANT {role} TO CURRENT_USER;\n"
            f"CREATE DATABASE {database} OWNER {role} ENCODING 'UTF8' TEMPLATE template0;\n```"
        )
    parts.append(
        "Where the database exists already, the role must own it, or be granted schema `public`."
    )
    return "\n\n".join(parts)


def quote_identifier(name: str) -> str:
    """A name as SQL and psql take it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'
