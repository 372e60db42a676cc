"""Turns answers into rendered files and planned changes: derive, render, compare, digest, diff."""
