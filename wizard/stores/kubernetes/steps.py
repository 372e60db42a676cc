"""The step that makes the Secrets: id, title and owner."""

from __future__ import annotations

from wizard.manifests.contribution import StepSpec

# A Secret that is composed otherwise, and one that is new, need the step again.
SECRETS = StepSpec(
    "kubernetes.secrets", "Create the Secrets from their values", "me", ("secret#", "fact#")
)
