"""Runs git: read, commit, roll back, push. No other package runs git."""
