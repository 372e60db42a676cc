"""What owners of other systems are handed: scripts without a secret, of what is committed."""
