"""The config repository behind every front end: propose, verify, commit."""
