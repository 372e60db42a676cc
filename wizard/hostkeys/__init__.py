"""SSH host keys: parsing, fingerprints, the published list, the verdict."""
