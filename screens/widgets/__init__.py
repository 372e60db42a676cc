"""Widgets shared by the pages: fields, dialogs, preview, finder."""
