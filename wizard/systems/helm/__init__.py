"""The Helm release: probes, steps, diagnosis and removal."""
