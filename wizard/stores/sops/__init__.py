"""The store sops: the wizard encrypts the values, and Git has them as files of SOPS."""
