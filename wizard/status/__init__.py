"""The next steps of an installation, and what is known of the state of each."""
