"""Deliveries: who installs the chart into the cluster; a folder per kind."""
