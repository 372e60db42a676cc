"""Azure Key Vault and the logins to it, on the azure SDK: the extra `azure`."""
