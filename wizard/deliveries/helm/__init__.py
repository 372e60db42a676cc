"""Helm: `apply` installs what is committed, from a machine that reaches the cluster."""
