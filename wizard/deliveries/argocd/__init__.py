"""Argo CD: a controller in the cluster follows the config repository."""
