"""Clients for SSH servers and Git over SSH."""
