"""A small installation that every check finds right, and ways to break it."""
