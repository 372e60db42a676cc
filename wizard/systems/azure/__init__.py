"""Azure Key Vault: the payload there, its probes and its removal."""
