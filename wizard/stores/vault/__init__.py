"""HashiCorp Vault or OpenBao, KV version 2, read through External Secrets."""
