"""The step that makes the Secrets: id, title and owner."""

from __future__ import annotations

from wizard.manifests.contribution import StepGroup, StepSpec
from wizard.manifests.steps import SECRETS as SECRETS_COMMAND

# A Secret that is composed otherwise, and one that is new, need the step again.
_TITLE = "Create the Secrets from their values"
SECRETS = StepSpec(
    "kubernetes.secrets",
    _TITLE,
    "me",
    ("secret#", "fact#"),
    StepGroup("kubernetes.secrets", _TITLE, "me", "values", SECRETS_COMMAND),
)
