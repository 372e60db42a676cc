"""What a release leaves in its namespace, and how it is removed."""
