"""The values that stand for secrets in the whole suite, and the search for them.

Every fake secret carries one marker, so that one search finds any of them anywhere: in a rendered
tree, an answers file, a plan as JSON, a journal, a frame, the output of a command or an argv.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

MARKER = "cAnArY7f3a9c"
HOSTILE_TAIL = "p@ss:w/o'rd#%\"\\ {{x}} $y é +"


class Canary:
    """Makes recognisable secrets and finds what became of them."""

    marker = MARKER

    def secret(self, name: str = "secret") -> str:
        """A value that needs no quoting anywhere, recognisable by its name."""
        return f"{MARKER}-{name}"

    def hostile(self, name: str = "secret") -> str:
        """A value with every character that some format or shell treats as special."""
        return f"{MARKER}-{name}-{HOSTILE_TAIL}"

    def traces(self, *places: str | bytes | Path) -> list[str]:
        """Where the marker is found, plainly or encoded; a folder is searched with `.git` and all.

        Each entry names the place and the encoding, never the value.
        """
        return [
            f"{place}: {how}"
            for place, data in _contents(places)
            for how, needle in _needles()
            if needle in data.lower()
        ]

    def assert_absent(self, *places: str | bytes | Path) -> None:
        """Fail when a secret of this suite stands in any of the texts, files or folders."""
        found = self.traces(*places)
        assert not found, f"a secret leaked: {', '.join(found)}"


def _contents(places: tuple[str | bytes | Path, ...]) -> Iterator[tuple[str, bytes]]:
    for number, place in enumerate(places, 1):
        if isinstance(place, Path):
            files = sorted(place.rglob("*")) if place.is_dir() else [place]
            for path in files:
                if path.is_symlink() or not path.is_file():
                    continue
                yield str(path), path.read_bytes()
                yield f"the name of {path.parent}/...", path.name.encode()
        else:
            data = place.encode("utf-8", "surrogateescape") if isinstance(place, str) else place
            yield f"text {number}", data


def _needles() -> Iterator[tuple[str, bytes]]:
    """The marker as it may be met; lower case, because the search ignores case."""
    raw = MARKER.encode()
    yield "as it is", raw.lower()
    yield "backwards", raw[::-1].lower()
    yield "in hexadecimal", raw.hex().encode()
    yield "in UTF-16", MARKER.lower().encode("utf-16-le")
    yield "percent-encoded", "".join(f"%{byte:02x}" for byte in raw).encode()
    for shift in range(3):
        # Base64 of a longer value holds these characters at one of three alignments.
        encoded = base64.b64encode(b"\0" * shift + raw)
        start = 0 if shift == 0 else 4
        whole = encoded[start : len(encoded) // 4 * 4 - 4]
        yield "in base64", whole.lower()
