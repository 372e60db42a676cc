"""The answers under edit, and what was learned about them from outside."""
