"""The host-keys page: scan, compare, accept."""
