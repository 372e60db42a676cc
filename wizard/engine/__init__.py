"""Runs steps (look, change, look again) and probes (read-only, timed)."""
