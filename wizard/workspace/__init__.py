"""The config repository for every front end: propose, verify, commit."""
