"""For the database's owner: role and database as SQL for psql, without the password.

PostgreSQL 15 closed schema public to all but the owner, and a managed server's admin is no
superuser and must be a member of the role it gives a database to (documents 001 and 002).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.shell import Files, comment
from wizard.manifests.postgres import quote_identifier

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release

_SQL = """\
\\set ON_ERROR_STOP on

SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {role_text}) AS lacks \\gset
\\if :lacks
  CREATE ROLE {role} LOGIN;
  SET password_encryption = 'scram-sha-256';
  -- Asks for it twice and sends its hash; run this line alone to set it again.
  \\password {role}
\\endif

GRANT {role} TO CURRENT_USER;
SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = {name_text}) AS lacks \\gset
\\if :lacks
  CREATE DATABASE {name} OWNER {role} ENCODING 'UTF8' TEMPLATE template0;
\\endif

-- Where the database was there already, the role must own it, or be granted schema public.
SELECT datname AS database, pg_get_userbyid(datdba) AS owner,
       pg_encoding_to_char(encoding) AS encoding
  FROM pg_database WHERE datname = {name_text};
"""


def render_files(answers: Answers, release: Release) -> Files:
    """One file a server; none for the bundled database."""
    database = answers.database
    if database.kind != "external":
        return {}
    found = {
        "database.sql": _render_sql(database.host, database.port, database.name, database.user)
    }
    results = database.result_backend
    if release.celery and results.kind == "separate":
        found["results.sql"] = _render_sql(results.host, results.port, results.name, results.user)
    return found


def _render_sql(host: str, port: int, name: str, user: str) -> str:
    about = comment(
        f"Run with psql as an administrator of {host}, port {port}: psql --file THIS postgres",
        "It holds no secret and may be run again.",
        mark="--",
    )
    text = _SQL.format(
        role=quote_identifier(user),
        role_text=_quote_literal(user),
        name=quote_identifier(name),
        name_text=_quote_literal(name),
    )
    return f"{about}\n{text}"


def _quote_literal(text: str) -> str:
    """A string constant; written with E where a backslash could be read as an escape."""
    escaped = text.replace("'", "''")
    return "E'" + escaped.replace("\\", "\\\\") + "'" if "\\" in text else f"'{escaped}'"
