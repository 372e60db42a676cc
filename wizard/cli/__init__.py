"""The command line: one module per command; the only room that prints or reads a terminal."""
