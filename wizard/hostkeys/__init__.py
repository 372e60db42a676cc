"""SSH host keys: parsing, fingerprints, the list of published keys, the verdict."""
