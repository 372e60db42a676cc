"""SQL for the database's owner: role and database for psql, without the password.

PostgreSQL 15 and later let only the owner create objects in schema public. The administrator of a
managed server is not a superuser and must be a member of a role to make that role the owner of a
database (documents 001 and 002).
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

-- A role or database of this name that exists already may be of others. It is used only with
-- --set existing=yes, unless the role owns the database: then nothing is left to do.
SELECT (EXISTS (SELECT FROM pg_roles WHERE rolname = {role_text})
        OR EXISTS (SELECT FROM pg_database WHERE datname = {name_text}))
       AND NOT EXISTS (SELECT FROM pg_database JOIN pg_roles ON pg_roles.oid = datdba
                       WHERE datname = {name_text} AND rolname = {role_text}) AS others \\gset
\\if :others
  \\if :{{?existing}}
  \\else
    DO $$ BEGIN RAISE EXCEPTION USING
      MESSAGE = 'the role or the database exists already; nothing was changed',
      HINT = 'If it is meant for Airflow, repeat this with: psql --set existing=yes'; END $$;
  \\endif
\\endif

SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {role_text}) AS missing \\gset
\\if :missing
  CREATE ROLE {role} LOGIN;
  SET password_encryption = 'scram-sha-256';
  -- Prompts twice for the password and sends its hash; run this line alone to set it again.
  \\password {role}
\\endif

SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = {name_text}) AS missing \\gset
\\if :missing
  GRANT {role} TO CURRENT_USER;
  CREATE DATABASE {name} OWNER {role} ENCODING 'UTF8' TEMPLATE template0;
\\endif

-- If the database existed already, the role must own it or be granted schema public.
SELECT datname AS database, pg_get_userbyid(datdba) AS owner,
       pg_encoding_to_char(encoding) AS encoding
  FROM pg_database WHERE datname = {name_text};
"""


def render_files(answers: Answers, release: Release) -> Files:
    """Return one file for each external database; none for the bundled one."""
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
        "It contains no secret and can be run again.",
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
    """Return a string constant, with the E prefix when the text contains a backslash."""
    escaped = text.replace("'", "''")
    return "E'" + escaped.replace("\\", "\\\\") + "'" if "\\" in text else f"'{escaped}'"
