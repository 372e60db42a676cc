"""References to secrets, generation of new values, and the leak gate."""
