"""Probes of what an installation needs from outside, and the command that runs them."""
