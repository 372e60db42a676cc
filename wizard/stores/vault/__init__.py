"""The store vault: HashiCorp Vault or OpenBao, KV version 2, read by External Secrets."""
