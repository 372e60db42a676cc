"""The Textual screens; rules and checks live in `wizard`."""
