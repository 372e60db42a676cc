"""The apply page: plan, consent, progress."""
