"""The sections, one module each: questions, and what their answers contribute."""
