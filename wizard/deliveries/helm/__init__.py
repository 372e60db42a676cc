"""The delivery helm: `apply` installs the committed files with Helm."""
