"""Derives answers from what exists: value files, Applications, other declarations, releases."""
