"""The answers: model, sections, rules across sections, presets, loading and saving."""
