"""Presets: one YAML file each, read by wizard.answers.presets."""
