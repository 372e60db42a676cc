"""The readers of declared releases, each on what its tool accepts."""
