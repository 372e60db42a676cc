"""Thin clients for external systems, imported on first use; they raise no library exceptions."""
