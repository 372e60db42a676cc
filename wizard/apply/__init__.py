"""The `apply` command: the changes outside Git, in order."""
