"""References to secrets, never their values."""
