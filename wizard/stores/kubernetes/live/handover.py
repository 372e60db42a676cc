"""What the platform's owner is told about the Secrets in the cluster; it holds no value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.shell import quote
from wizard.manifests.runbook import shell_block
from wizard.stores.kubernetes.runbook import render_values_note
from wizard.stores.live import StoreHandover

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.render import Rendering
    from wizard.stores.live import HandoverSources


def render_store_handover(
    answers: Answers, rendering: Rendering, sources: HandoverSources
) -> StoreHandover:
    """Return the Secrets with what they hold, and the role of whoever makes them."""
    del answers, sources
    release = rendering.release
    role, space = quote(release.names.object_name("secrets")), quote(release.namespace)
    text = "\n\n".join(
        [
            f"# Secrets of Airflow installation {release.installation}",
            f"`airflow-wizard secrets --installation {release.installation}` and `apply` need this "
            f"role in namespace `{release.namespace}`,\nwhich must exist. ACCOUNT is the user who "
            "runs them:",
            shell_block(
                f"kubectl -n {space} create role {role} \\",
                "  --verb=get,list,watch,create,update,patch --resource=secrets",
                f"kubectl -n {space} create rolebinding {role} --role={role} --user=ACCOUNT",
            ),
            render_values_note(release, rendering.total),
        ]
    )
    return StoreHandover(platform={"secrets.md": f"{text}\n"})
