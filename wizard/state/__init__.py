"""What this machine remembers between runs; a hint, never trusted."""
