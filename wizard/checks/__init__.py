"""Consistency and safety rules for a tree of files, whether the wizard wrote it or not."""
