"""A client for Vault."""
