"""The store azure: Azure Key Vault, a secret for each value, read by External Secrets."""
