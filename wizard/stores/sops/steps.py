"""The step that decrypts the Secrets into the cluster: id, title and owner."""

from __future__ import annotations

from wizard.manifests.contribution import StepSpec

SECRETS = StepSpec(
    "sops.secrets", "Create the Secrets from their encrypted files", "me", ("sops/", "secret#")
)
