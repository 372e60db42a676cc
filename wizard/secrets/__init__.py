"""References to secrets, generation of new secret values, and the leak gate."""
