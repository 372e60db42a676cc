"""A client for one Kubernetes API server."""
