"""The admin user with an auth manager that has no users of its own.

`airflow users create` is a command of the FAB auth manager only; with another one of Airflow's, the
Job that creates the admin would fail at every sync. Source: Airflow 3.2.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.chart.configuration import WEB, Configuration
from wizard.chart.contract import FAB_AUTH_MANAGER
from wizard.manifests.network_policy import installation_of

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release

_OPTION = "auth_manager"
# Airflow's own managers and those of its providers; nothing is known of others.
_KNOWN = "airflow."


def find_manager_without_users(release: Release, values: Mapping[str, Any]) -> str:
    """Return the class of the auth manager in effect if it has no users; else ""."""
    if _OPTION not in str(values).lower():
        return ""
    found = Configuration(installation_of(release, values)).find_at(WEB, "core", _OPTION)
    manager = found.value if found and found.value else FAB_AUTH_MANAGER
    if manager == FAB_AUTH_MANAGER or not manager.startswith(_KNOWN):
        return ""
    return manager.rpartition(".")[2]


def without_admin(answers: Answers) -> Answers:
    """Return the answers without an admin user, for what is rendered from them."""
    admin = answers.admin.model_copy(update={"create": False})
    return answers.model_copy(update={"admin": admin})


def describe_unused_admin(manager: str) -> str:
    """Return the warning about the admin user that the Job cannot create."""
    return (
        f"admin.create has no effect: {manager} has no users that `airflow users create` makes, "
        "so the Job and its Secret are left out"
    )
