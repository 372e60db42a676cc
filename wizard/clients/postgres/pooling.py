"""Try whether a pooler keeps prepared statements apart from the server connections behind it.

With transaction pooling, the next transaction of a session may run on another server connection,
which does not have the statements that the session prepared. PgBouncer 1.21 and newer prepares them
there again if `max_prepared_statements` is set. Source: PgBouncer's documentation; facts on
running Airflow, 2.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from wizard.clients.postgres.client import convert_error, open_read_only

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.clients.postgres.client import PostgresTarget

_APPLICATION = "airflow-wizard check"
# A pooler with one server connection has the last statement wait for it.
_WAIT_SECONDS = 4.0
_HOLDERS = 3
_BACKEND = "SELECT pg_backend_pid()"


def try_prepared_statements(target: PostgresTarget, password: SecretStr) -> bool | None:
    """Return whether a statement works on a server connection that did not prepare it.

    Another session holds the server connection on which it was prepared, so the pooler must take
    another one. None if it does not, as with session pooling or a single server connection. Raises
    PostgresError.
    """
    import psycopg

    # A name of its own: other clients of the pooler get the same server connections.
    name = f"airflow_wizard_{secrets.token_hex(8)}"
    try:
        with ExitStack() as stack:
            session = stack.enter_context(open_read_only(target, password, _APPLICATION))
            first = _read_backend(session)
            _require_success(session.pgconn.prepare(name.encode(), _BACKEND.encode()))
            session.rollback()
            holder = _hold(stack, target, password, first)
            if holder is None:
                return None
            try:
                return _run_elsewhere(session, holder, name, first)
            finally:
                # The holder may wait for the server connection that the session has now.
                session.rollback()
                _forget(holder, name)
    except psycopg.Error as error:
        raise convert_error(error) from None


def _hold(stack: ExitStack, target: PostgresTarget, password: SecretStr, wanted: int) -> Any:
    """Return a session with a transaction on this server connection; None if none gets it."""
    for _ in range(_HOLDERS):
        other = stack.enter_context(open_read_only(target, password, _APPLICATION))
        if _read_backend(other) == wanted:
            return other
    return None


def _run_elsewhere(session: Any, holder: Any, name: str, first: int) -> bool | None:
    import psycopg

    # If there is only one server connection, giving it back ends the wait; a cancel request would
    # wait for a server connection, too.
    waiting = threading.Timer(_WAIT_SECONDS, holder.rollback)
    waiting.start()
    try:
        if _read_backend(session) == first:
            return None
        _require_success(session.pgconn.exec_prepared(name.encode(), []))
    except psycopg.errors.InvalidSqlStatementName:
        return False
    except psycopg.OperationalError:
        return None
    finally:
        waiting.cancel()
    return True


def _forget(holder: Any, name: str) -> None:
    """Remove the statement from the server connection, where the pooler left it under its name."""
    import psycopg

    with suppress(psycopg.Error):
        holder.execute(f"DEALLOCATE {name}")


def _read_backend(session: Any) -> int:
    return int(session.execute(_BACKEND, prepare=False).fetchone()[0])


def _require_success(result: Any) -> None:
    from psycopg import errors, pq

    if result.status not in {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK}:
        raise errors.error_from_result(result)
