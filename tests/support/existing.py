"""Answers whose Secrets others make, under other names and keys than ours."""

from __future__ import annotations

from typing import Any

# One Secret with most values, and three of their own: none of them has a name of ours.
OTHERS: dict[str, Any] = {
    "secrets.store": "existing",
    "secrets.existing": {
        "secret": "platform-airflow",
        "metadata": {"key": "METADATA_URL"},
        "metadata_direct": {"key": "DIRECT_URL"},
        "result_backend": {"key": "RESULTS_URL"},
        "broker": {"key": "broker.url"},
        "redis": {"name": "platform-redis"},
        "fernet_key": {"key": "FERNET"},
        "api_secret_key": {"key": "API"},
        "jwt_secret": {"key": "JWT"},
        "webserver_secret_key": {"key": "WEB"},
        "pgbouncer_config": {"name": "platform-pool", "ini": "config", "users": "list"},
        "pgbouncer_stats": {"name": "platform-pool", "key": "stats"},
        "git_ssh_key": {"name": "platform-git"},
        "git_connection": {"name": "platform-git", "key": "airflow"},
        "git_credentials": {"name": "platform-git"},
        "admin": {"key": "ADMIN"},
    },
}
