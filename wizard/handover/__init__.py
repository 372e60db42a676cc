"""Scripts without secrets for the owners of other systems, from the committed files."""
