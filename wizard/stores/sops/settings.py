"""The encrypted files of an installation: their paths, and what identifies their content."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from wizard.manifests.contribution import EncryptedFile
from wizard.manifests.objects import COMPOSITION_ANNOTATION, object_metadata
from wizard.secrets.facts import FactUse
from wizard.secrets.payload import PayloadPlace
from wizard.stores.sops.questions import NAME, SopsStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release
    from wizard.secrets.facts import SecretSpec
    from wizard.stores.answers import SecretsAnswers

# The logical ids of the encrypted files begin with this.
LOGICAL = "sops/"
VALUES = f"{LOGICAL}values"
SUFFIX = ".sops.yaml"


def sops_answers(secrets: SecretsAnswers) -> SopsStore:
    """Return the answers to the questions about SOPS."""
    return secrets.answers_of(NAME, SopsStore)


def values_path(release: Release) -> str:
    """Return the path of the file with the values, from which the Secrets are composed."""
    return f"{release.paths.own}/values{SUFFIX}"


def secrets_folder(release: Release) -> str:
    """Return the folder of the encrypted Secrets, which no kustomization lists."""
    return f"{release.paths.apps}/sops"


def secret_path(release: Release, secret: SecretSpec) -> str:
    """Return the path of the file with one Secret."""
    return f"{secrets_folder(release)}/{secret.name}{SUFFIX}"


def list_encrypted_files(
    secrets: SecretsAnswers, release: Release, total: Contribution
) -> tuple[EncryptedFile, ...]:
    """Return the file with the values, and one for each Secret."""
    recipients = tuple(sorted(one.key for one in sops_answers(secrets).recipients))
    return (
        EncryptedFile(VALUES, values_path(release), recipients),
        *(
            EncryptedFile(
                f"{LOGICAL}{one.name}",
                secret_path(release, one),
                recipients,
                one.name,
                tuple(one.keys),
                find_composition(release, one),
            )
            for one in total.secrets
        ),
    )


def find_composition(release: Release, secret: SecretSpec) -> str:
    """Return what identifies everything about a Secret but its values; it holds no value."""
    templates = {
        key: [
            [part.fact.key, part.encoding] if isinstance(part, FactUse) else part for part in parts
        ]
        for key, parts in secret.keys.items()
    }
    whole = [_describe(release, secret), secret.type, templates]
    text = json.dumps(whole, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _describe(release: Release, secret: SecretSpec) -> dict[str, Any]:
    about = object_metadata(release, secret.name)
    about["labels"] |= secret.labels
    return about


def secret_manifest(
    release: Release, secret: SecretSpec, texts: Mapping[str, str]
) -> dict[str, Any]:
    """Return the Secret, unencrypted: use it only as input for encryption."""
    about = _describe(release, secret)
    composition = {COMPOSITION_ANNOTATION: find_composition(release, secret)}
    about["annotations"] = about.get("annotations", {}) | composition
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": about,
        "type": secret.type,
        "stringData": dict(texts),
    }


def payload_place(secrets: SecretsAnswers, release: Release) -> PayloadPlace:
    """Return the file with the values."""
    del secrets
    return PayloadPlace(mount="Git", path=values_path(release))


def describe_place(secrets: SecretsAnswers, installation: str) -> tuple[str, str]:
    """Return the place of the values in words, for messages."""
    del secrets
    return f".airflow-wizard/{installation}/values{SUFFIX}", "this repository, encrypted by SOPS"
