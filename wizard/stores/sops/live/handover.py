"""What the platform's owner and CI are told about the encrypted files; it holds no value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.shell import quote
from wizard.manifests.runbook import shell_block
from wizard.stores.live import StoreHandover
from wizard.stores.sops.runbook import render_files_note

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.render import Rendering
    from wizard.stores.live import HandoverSources


def render_store_handover(
    answers: Answers, rendering: Rendering, sources: HandoverSources
) -> StoreHandover:
    """Return the files with what they hold, and the role of whoever creates the Secrets."""
    del sources
    release = rendering.release
    role, space = quote(release.names.object_name("secrets")), quote(release.namespace)
    text = "\n\n".join(
        [
            f"# Secrets of Airflow installation {release.installation}",
            f"`airflow-wizard apply --installation {release.installation}`, or the CI job below, "
            f"needs this role in namespace `{release.namespace}`,\nwhich must exist. ACCOUNT is "
            "the user who runs it:",
            shell_block(
                f"kubectl -n {space} create role {role} \\",
                "  --verb=get,list,watch,create,update,patch --resource=secrets",
                f"kubectl -n {space} create rolebinding {role} --role={role} --user=ACCOUNT",
            ),
            render_files_note(answers.secrets, release, rendering.total),
        ]
    )
    return StoreHandover(
        platform={"secrets.md": f"{text}\n"},
        ci_variables=(
            "SOPS_AGE_KEY     private key of a recipient (secret); needs sops 3.10 or newer",
        ),
    )
