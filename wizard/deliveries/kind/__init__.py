"""A kind cluster on a laptop: the runbook holds the few commands."""
