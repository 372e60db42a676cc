"""The step of the delivery kind: id, title and owner."""

from __future__ import annotations

from wizard.manifests.contribution import StepSpec

INSTALL = StepSpec(
    "kind.install",
    "Create the cluster and install Airflow (runbook)",
    "me",
    ("values", "secrets/"),
)
