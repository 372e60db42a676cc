"""The only room that runs git: read, commit, roll back, push."""
