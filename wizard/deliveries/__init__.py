"""Deliveries, a folder per kind: what installs the chart in the cluster."""
