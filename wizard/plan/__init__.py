"""From answers to rendered files to changes: derive, render, compare, digest, diff."""
