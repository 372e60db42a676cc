"""The step of the delivery minikube: id, title and owner."""

from __future__ import annotations

from wizard.manifests.contribution import StepSpec

INSTALL = StepSpec(
    "minikube.install",
    "Create the cluster and install Airflow (runbook)",
    "me",
    ("values", "secrets/"),
)
