"""Thin clients of what is outside: each is imported on first use and never raises its library's."""
