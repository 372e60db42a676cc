"""Thin clients of outside systems, imported on first use; library exceptions never leave them."""
