"""The Kubernetes cluster: objects, identity, health, rights."""
