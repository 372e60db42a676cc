"""Presets: one YAML file each, read by wizard.presets."""
