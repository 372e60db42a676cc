"""From answers to a tree to changes: derive, render, compare, digest, diff; pure."""
