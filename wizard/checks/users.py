"""Rules on roles of users that the login at an identity provider gives, or does not give.

Source: `AUTH_ROLES_MAPPING` and its neighbours of Flask-AppBuilder 4 and 5.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from wizard.checks.reporter import Reporter, read_configuration
from wizard.checks.subject import Subject
from wizard.findings import Finding

_ADMIN = "Admin"
_MAPPING, _ROLE = "AUTH_ROLES_MAPPING", "AUTH_USER_REGISTRATION_ROLE"


def check_users(subject: Subject) -> Iterator[Finding]:
    """Run the rule on roles without an Admin."""
    configuration = read_configuration(subject)
    if configuration is None:
        return
    rules = _Rules(subject, configuration)
    yield from rules.check_roles()


class _Rules(Reporter):
    def check_roles(self) -> Iterator[Finding]:
        """Report roles by group of which none is Admin, if they are set at each login."""
        where = "apiServer.apiServerConfig" if self.one.airflow_3 else "webserver.webserverConfig"
        code = self.one.get(where)
        named = _read_constants(code) if isinstance(code, str) else {}
        roles, given = named.get(_MAPPING), named.get(_ROLE)
        if not isinstance(roles, dict) or named.get("AUTH_ROLES_SYNC_AT_LOGIN") is not True:
            return
        if given == _ADMIN or any(_ADMIN in _as_roles(one) for one in roles.values()):
            return
        message = (
            "no group gives the role Admin: nobody can give roles to others, and a role that is "
            "given in Airflow lasts until the next login"
        )
        fix, question = "give the role Admin to a group", "access.oauth.roles"
        yield self.warning("configuration.roles", where, message, fix, question)


def _as_roles(found: Any) -> tuple[Any, ...]:
    return tuple(found) if isinstance(found, list | tuple) else (found,)


def _read_constants(code: str) -> dict[str, Any]:
    """Return what Python code assigns to names at its top, where that is a literal."""
    try:
        # Nothing is run.
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found: dict[str, Any] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        try:
            value = ast.literal_eval(node.value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
        found |= {target.id: value for target in node.targets if isinstance(target, ast.Name)}
    return found
