"""The `secrets` command's flow: survey, steps and the sealed hand-off file."""
