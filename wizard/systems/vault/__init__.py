"""Vault: mount, policy, auth, role, payload; probes, steps, removal and handover."""
