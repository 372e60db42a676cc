"""The delivery kind: the user installs in a local kind cluster with the runbook's commands."""
