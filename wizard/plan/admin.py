"""The admin user with an auth manager that has no users of its own.

`airflow users create` is a command of the FAB auth manager only; with another one of Airflow's, the
Job that creates the admin would fail at every sync. Source: Airflow 3.2.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.chart.configuration import WEB, Configuration
from wizard.chart.users import has_users
from wizard.manifests.network_policy import installation_of

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release


def find_manager_without_users(release: Release, values: Mapping[str, Any]) -> str:
    """Return the class of the auth manager in effect if it has no users; else ""."""
    found = Configuration(installation_of(release, values)).find_at(WEB, "core", "auth_manager")
    manager = (found.value if found else None) or ""
    return manager.rpartition(".")[2] if has_users(manager) is False else ""


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
