"""The store existing: somebody else makes the Secrets, and the answers name them."""
