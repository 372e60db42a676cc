"""The store kubernetes: the user creates the Secrets with the runbook's commands."""
