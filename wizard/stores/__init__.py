"""Secrets stores: where values live, and how they become Kubernetes Secrets; a folder per kind."""
