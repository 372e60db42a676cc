"""What `apply` changes outside Git, and the command that does it."""
