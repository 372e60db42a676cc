"""The runbook's part of the store sops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.runbook import StoreRunbook, shell_block
from wizard.manifests.secret_contents import render_contents_table
from wizard.stores.sops.settings import (
    SUFFIX,
    secret_path,
    secrets_folder,
    sops_answers,
    values_path,
)

if TYPE_CHECKING:
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers


def decrypt_command(release: Release) -> str:
    """Return the commands that create the Secrets without the wizard, as in a CI job."""
    return shell_block("set -o pipefail", *_decrypt_lines(release))


def _decrypt_lines(release: Release) -> tuple[str, str]:
    return (
        f'for file in {secrets_folder(release)}/*{SUFFIX}; do sops decrypt "$file" |',
        "  kubectl apply --server-side -f - || exit 1; done",
    )


def render_files_note(secrets: SecretsAnswers, release: Release, total: Contribution) -> str:
    """Return the section on the encrypted files, and on who can decrypt them."""
    rows = [
        f"| `{one.key}` | {_cell(one.holder)} | {_cell(one.verified)} |"
        for one in sops_answers(secrets).recipients
    ]
    files = f"`{secrets_folder(release)}/*{SUFFIX}`"
    return "\n\n".join(
        [
            "## Secrets in Git, encrypted",
            f"`airflow-wizard secrets` encrypts the values once into `{values_path(release)}`,\n"
            f"composes the Secrets from them, and encrypts each one into a file: {files}.\n"
            "The next commit includes these files. Below, `{{ }}` stands for a secret value.",
            render_contents_table(
                (secret.name, key, content, secret.purpose)
                for secret in total.secrets
                for key, content in secret.keys.items()
            ),
            "These recipients can decrypt every value, now and in Git's history:",
            "\n".join(["| public key | private key held by | verified |", "|---|---|---|", *rows]),
            "Keep each private key out of Git, and a copy of one in a safe: without any of them, "
            "the values are lost.\nAirflow then cannot decrypt its connections.",
            "`airflow-wizard apply` decrypts the Secrets into the cluster, with a private key in "
            "`SOPS_AGE_KEY_FILE`.\nA CI job that has the key can do the same:",
            decrypt_command(release),
        ]
    )


def _cell(text: str) -> str:
    """Return a person's words as a cell of a table, as plain text."""
    return "".join(f"\\{one}" if one in "\\`*_{}[]<>()#+-!|&" else one for one in text)


def sops_runbook(release: Release, total: Contribution) -> StoreRunbook:
    """Return the commands and texts on creating, checking and rotating the Secrets."""
    name = f"--installation {release.installation}"
    secrets, commit = f"airflow-wizard secrets {name}", f"airflow-wizard commit {name}"
    rotate = "\n\n".join(
        [
            "Edit a value in the encrypted file, compose the Secrets again, and commit. Files "
            "whose values stay the same keep their bytes:",
            shell_block(f"sops edit {values_path(release)}", secrets, commit),
            "To replace a recipient, change the answer `secrets.sops.recipients`: `secrets` then "
            "encrypts everything again, with new data keys. The old private key still opens what "
            "Git's history has: rotate the values too if its holder must not know them.",
        ]
    )
    example = secret_path(release, total.secrets[0]) if total.secrets else values_path(release)
    return StoreRunbook(
        # A delivery that takes this command creates the chart without `apply`.
        create="\n".join([f"{secrets} --yes", *_decrypt_lines(release)]),
        first=(
            "It needs `sops` on PATH. The first run needs public keys only; later ones need a "
            "private key (`SOPS_AGE_KEY_FILE`)."
        ),
        validate=(f"sops decrypt {example} >/dev/null && echo decrypted",),
        rotate=rotate,
        problems=(
            ("pod has CreateContainerConfigError", f"Secrets: run `airflow-wizard apply {name}`"),
            ("sops: MAC mismatch", "a hand edit of an encrypted file: restore it, use `sops edit`"),
            (
                "sops: no identity matched",
                "the private key is not one of the recipients' in the table above",
            ),
        ),
        keeps_payload=True,
    )
