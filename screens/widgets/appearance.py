"""How the screens look and sound: themes that people can read, and a bell on request."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from textual.app import App
from textual.theme import BUILTIN_THEMES

ResultT = TypeVar("ResultT")

# Themes whose text is readable: tests/screens/test_contrast.py measures every pair of colours.
THEMES = {
    "textual-dark": "dark",
    "textual-light": "light",
    "flexoki": "dark, warm",
    "rose-pine": "dark, soft",
    "rose-pine-dawn": "light, soft",
    "dracula": "dark, vivid",
    "ansi-dark": "the colours of a dark terminal",
    "ansi-light": "the colours of a light terminal",
}
# Their own green and yellow are too light for the background: 3.3:1 to 4.4:1.
_DARKER = {
    "textual-light": {"text-success": "#1a5c31", "text-warning": "#6b4200"},
    "rose-pine-dawn": {"text-warning": "#7d5116"},
}
BELL = "AIRFLOW_WIZARD_BELL"
# The last part of COLORFGBG is the terminal's background: white, or bright white.
_LIGHT = ("7", "15")


class AppearanceApp(App[ResultT], inherit_bindings=False):
    """An app whose bell is silent, unless AIRFLOW_WIZARD_BELL is set to 1."""

    has_bell = False

    def on_load(self) -> None:
        """Fit the app to its terminal, before anything is drawn."""
        for name, darker in _DARKER.items():
            theme = BUILTIN_THEMES[name]
            self.register_theme(replace(theme, variables={**theme.variables, **darker}))
        self.adapt(os.environ)

    def adapt(self, environment: Mapping[str, str]) -> None:
        """Choose bell and theme for a terminal.

        A terminal with 16 colours shows its own: of others, it shows the nearest, which may be the
        same for a text and what is behind it. TEXTUAL_THEME names a theme for every terminal.
        """
        self.has_bell = environment.get(BELL, "") == "1"
        if "TEXTUAL_THEME" not in environment and self.console.color_system == "standard":
            background = environment.get("COLORFGBG", "").rpartition(";")[2]
            self.theme = "ansi-light" if background in _LIGHT else "ansi-dark"

    def bell(self) -> None:
        """Ring the bell, if people asked for it: a refused key says why on the screen."""
        if self.has_bell:
            super().bell()
