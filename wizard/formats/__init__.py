"""Text formats: YAML, addresses, durations, certificates, shell, terminal."""
