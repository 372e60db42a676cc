"""Secrets stores, a folder per kind: where values live, and how they become Kubernetes Secrets."""
