"""Consistency and safety rules over a tree of files, also one the wizard did not write."""
