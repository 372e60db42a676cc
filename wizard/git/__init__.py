"""The only package that runs git: read, commit, roll back, push."""
