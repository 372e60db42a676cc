"""The delivery helmsman: a desired state file, which Helmsman or `apply` installs with Helm."""
