"""Fills the store once: survey, steps, sealed hand-off file."""
