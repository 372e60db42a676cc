"""The screens: Textual, and no rule of their own."""
