"""Merges text files three ways, line by line."""

from __future__ import annotations

from dataclasses import dataclass

from wizard.formats.line_diff import Opcode, compare_lines
from wizard.plan.merge.sides import Decide, Disagreement, MergedFile, MergeError


def merge_lines(base: bytes, mine: bytes, new: bytes, decide: Decide) -> MergedFile:
    """Return the text `mine` with the lines that `new` changes in `base`.

    Lines that both changed, or added at one place, differently are a disagreement, named by their
    numbers in `mine`. The line ends of `mine` stay. Raises MergeError for a file that is not UTF-8
    text.
    """
    texts = []
    for data in (base, mine, new):
        try:
            texts.append(data.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise MergeError(f"byte {error.start}", "is not UTF-8", "save it as UTF-8") from None
    if "\0" in texts[1]:
        raise MergeError("", "is not text", "restore the text")
    windows = "\r\n" in texts[1] and "\n" not in texts[1].replace("\r\n", "")
    if windows:
        texts = [text.replace("\r\n", "\n") for text in texts]
    old, own, wanted = map(_split, texts)
    merger = _Merger(old, own, wanted, decide)
    merged = merger.merge()
    if merger.disagreements:
        return MergedFile(None, tuple(merger.disagreements))
    # A file without a line break at its end can only end in one of its own lines.
    text = "".join(
        line if line.endswith("\n") or number == len(merged) - 1 else f"{line}\n"
        for number, line in enumerate(merged)
    )
    return MergedFile((text.replace("\n", "\r\n") if windows else text).encode())


def _split(text: str) -> list[str]:
    lines = text.split("\n")
    last = lines.pop()
    return [f"{line}\n" for line in lines] + ([last] if last else [])


@dataclass(slots=True)
class _Region:
    """Lines of the base that at least one side changed, and the lines of each side there."""

    start: int
    stop: int
    mine: list[Opcode]
    new: list[Opcode]


class _Merger:
    def __init__(self, base: list[str], mine: list[str], new: list[str], decide: Decide) -> None:
        self.base = base
        self.mine = mine
        self.new = new
        self.decide = decide
        self.disagreements: list[Disagreement] = []

    def merge(self) -> list[str]:
        """Return the merged lines; the person's lines where nobody decided."""
        merged: list[str] = []
        at = 0
        for region in self.regions():
            merged += self.base[at : region.start]
            merged += self.settle(region)
            at = region.stop
        return merged + self.base[at:]

    def regions(self) -> list[_Region]:
        """Return the changed regions in order; changes of both sides that overlap are one."""
        changes = [(code, True) for code in compare_lines(self.base, self.mine)]
        changes += [(code, False) for code in compare_lines(self.base, self.new)]
        found: list[_Region] = []
        ordered = sorted(
            ((code, own) for code, own in changes if code[0] != "equal"),
            key=lambda one: (one[0][1], one[0][2], one[1]),
        )
        for code, own in ordered:
            last = found[-1] if found else None
            inserted = code[1] == code[2]
            both = last is not None and inserted and last.start == last.stop == code[1]
            if last is None or not (code[1] < last.stop or both):
                last = _Region(code[1], code[2], [], [])
                found.append(last)
            last.stop = max(last.stop, code[2])
            (last.mine if own else last.new).append(code)
        return found

    def settle(self, region: _Region) -> list[str]:
        """Return the lines of a region: of the side that changed it, or that was decided for."""
        mine = self.side(region, region.mine, self.mine)
        new = self.side(region, region.new, self.new)
        if not region.new or mine == new:
            return mine
        if not region.mine:
            return new
        first = region.mine[0][3] - (region.mine[0][1] - region.start)
        key = _name_lines(first, len(mine))
        choice = self.decide(key)
        if choice is None:
            old = "".join(self.base[region.start : region.stop])
            self.disagreements.append(Disagreement(key, old, "".join(mine), "".join(new)))
        return new if choice == "new" else mine

    def side(self, region: _Region, codes: list[Opcode], lines: list[str]) -> list[str]:
        """Return the lines of one side in a region."""
        found: list[str] = []
        at = region.start
        for _, start, stop, first, last in codes:
            found += self.base[at:start]
            found += lines[first:last]
            at = stop
        found += self.base[at : region.stop]
        return found


def _name_lines(first: int, count: int) -> str:
    """Return the name of a range of lines; counted from 1, as editors do."""
    if count <= 1:
        return f"line {first + 1}"
    return f"lines {first + 1}-{first + count}"
