"""The users of Airflow: which values let the chart create one, and where they are kept."""

from __future__ import annotations

from collections.abc import Mapping

from wizard.chart.contract import get_chart_value


def creates_user(values: Mapping[str, object]) -> bool:
    """Return whether the chart's Job creates a user.

    Charts before 1.19 have only the key below `webserver`, which wins in the later ones, too.
    """
    web = values.get("webserver")
    user = web.get("defaultUser") if isinstance(web, Mapping) else None
    if user and isinstance(user, Mapping):
        return bool(user.get("enabled"))
    return bool(get_chart_value(values, "createUserJob.enabled"))


def has_users(manager: str) -> bool | None:
    """Return whether an auth manager has the users that `airflow users create` makes.

    None for managers that are not Airflow's own nor its providers': nothing is known of them.
    Source: only the FAB provider has the command (Airflow 3.2.2), which 2.8 had at another path.
    """
    if not manager.startswith("airflow."):
        return None
    return manager.endswith(".FabAuthManager")
