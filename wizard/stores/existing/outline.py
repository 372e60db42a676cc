"""The Secrets that others make, for them: manifests without values, and a table of contents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.secret_contents import describe_content, render_contents_table
from wizard.stores.existing.contracts import METADATA_URL, derives_async_url

if TYPE_CHECKING:
    from wizard.manifests.contribution import Contribution, NeededKey
    from wizard.manifests.release import Release

_ASYNC = (
    "From the URL of the metadata database, Airflow derives one for asyncpg, which refuses\n"
    "`sslmode`: some API requests fail. Put the URL for asyncpg\n"
    "(`postgresql+asyncpg://...?ssl=require`) into a key of the same Secret, and name that key in\n"
    "`secrets.existing.metadata.async_key`."
)


def render_outline(release: Release, total: Contribution) -> str:
    """Return a manifest of each Secret with its keys; a comment says what each must hold."""
    return "---\n".join(
        _render_secret(release, name, [one for one in total.needed if one.secret == name])
        for name in dict.fromkeys(one.secret for one in total.needed)
    )


def _render_secret(release: Release, name: str, keys: list[NeededKey]) -> str:
    data: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": release.namespace},
        "type": "Opaque",
        "stringData": dict.fromkeys((one.key for one in keys), ""),
    }
    comments: dict[tuple[str | int, ...], str] = {
        ("stringData", one.key): f"{one.purpose}:\n{describe_content(one.content)}".rstrip("\n")
        for one in keys
    }
    return dump_yaml(data, comments)


def render_contents(release: Release, total: Contribution) -> str:
    """Return the runbook's section on what every key must hold."""
    return "\n\n".join(
        [
            "## Secrets of others",
            f"Somebody else makes these Secrets in namespace `{release.namespace}`, before the "
            "chart is\ninstalled, and changes them. The wizard never writes or deletes them, and "
            "Git holds only their\nnames. `airflow-wizard check --live` checks that they exist "
            "and fit.\nBelow, `{{ }}` stands for a secret value.",
            render_contents_table(
                (one.secret, one.key, one.content, one.purpose) for one in total.needed
            ),
            *([_ASYNC] if _is_async_url_refused(release, total) else []),
        ]
    )


def _is_async_url_refused(release: Release, total: Contribution) -> bool:
    """Return whether asyncpg refuses the URL that Airflow derives from that of the metadata."""
    if not derives_async_url(release, total.needed):
        return False
    texts = [describe_content(one.content) for one in total.needed if one.question == METADATA_URL]
    return any("sslmode=" in text for text in texts)
