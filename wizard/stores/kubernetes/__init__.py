"""Secrets that the runbook's commands make by hand, on a laptop."""
