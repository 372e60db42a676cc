"""Private files on this machine that the wizard keeps between runs: hints, never trusted."""
