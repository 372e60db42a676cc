"""The same questions, one plain line at a time: for screen readers, dumb terminals and logs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from wizard.answers import dumped, examine, parsed
from wizard.commands import Console
from wizard.errors import AnswersError
from wizard.fields import FieldSpec, get, put, specs

_KEYS = "Enter keeps the value in brackets, ? explains, < goes back, Ctrl-C stops."


@dataclass
class Conversation:
    """Asks what applies and keeps raw answers that always fit their types."""

    console: Console
    data: dict[str, Any]
    typed: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Ask every question that applies; EOFError or KeyboardInterrupt end it."""
        self.console.say(_KEYS)
        asked: list[FieldSpec] = []
        section = ""
        while (item := self._next(asked)) is not None:
            if item.section != section:
                section = item.section
                self.console.say(f"\n{item.model.title}: {item.model.intro}")
            if self._ask(item):
                asked.append(item)
            elif asked:
                asked.pop()
                section = asked[-1].section if asked else ""

    def _next(self, asked: list[FieldSpec]) -> FieldSpec | None:
        answers = examine(self.data).answers
        seen = {item.key for item in asked}
        for item in specs():
            if item.model.asked and item.key not in seen and answers and item.applies(answers):
                return item
        return None

    def _ask(self, item: FieldSpec) -> bool:
        """One question until its answer is good; False when the person goes back."""
        while True:
            current = get(self.data, item.path, dumped(item.default))
            label = f"{item.group}: {item.title}" if item.group else item.title
            if item.kind == "list":
                return self._host_keys(label, current)
            if item.kind == "choice":
                self._choices(item, str(current))
            text = read_line(self.console, f"{label} [{shown(item, current)}]: ")
            if text == "<":
                return False
            if text == "?":
                self.console.say(item.help)
                continue
            problem = self._take(item, text) if text else self._missing(item)
            if not problem:
                return True
            self.console.say(f"  ! {problem}")

    def _choices(self, item: FieldSpec, current: str) -> None:
        for number, choice in enumerate(item.choices, 1):
            mark = "*" if choice == current else " "
            self.console.say(f"  {mark} {number}. {choice}: {item.label(choice)}")

    def _take(self, item: FieldSpec, text: str) -> str:
        """Put the answer in, or say why it is none."""
        if item.kind == "choice" and text.isdecimal() and 1 <= int(text) <= len(item.choices):
            text = item.choices[int(text) - 1]
        if item.kind == "bool":
            text = {"y": "true", "yes": "true", "n": "false", "no": "false"}.get(
                text.casefold(), text
            )
        try:
            # An empty answer is typed as "": a bare Enter keeps the value in brackets.
            value = "" if text == '""' else parsed(item, text)
        except AnswersError as error:
            return error.problems[0].message if error.problems else error.message
        if item.kind == "secret" and isinstance(value, dict):
            kept = get(self.data, (*item.path, "public"))
            value = {**value, "public": kept} if kept else value
        data = put(self.data, item.path, value)
        found = examine(data)
        for problem in found.problems:
            if problem.key == item.key or problem.key.startswith(f"{item.key}."):
                return problem.message
        if found.answers is None:
            return found.problems[0].message
        self.data = data
        return ""

    def _missing(self, item: FieldSpec) -> str:
        """What is wrong with keeping the present value."""
        return next((one.message for one in examine(self.data).problems if one.key == item.key), "")

    def _host_keys(self, label: str, current: object) -> bool:
        """Paste keys, then type fingerprints; published hosts need neither."""
        from wizard.evidence import settle
        from wizard.hostkeys import parse_host_keys
        from wizard.trust import published_entries

        answers = examine(self.data).answers
        location = answers.dags.location if answers else None
        if location is None:
            return True
        published = published_entries(location.host, location.port)
        if published:
            self.console.say(f"{label}: {location.host} publishes its keys; they are used:")
            for entry in published:
                self.console.say(f"  {entry.type} {_fingerprint(entry.type, entry.key)}")
        self.console.say(
            f"{label}: paste keys of {location.host} (ssh-keyscan), then an empty line"
        )
        lines = list(self._lines())
        if lines:
            try:
                keys = parse_host_keys("\n".join(lines), host=location.host, port=location.port)
            except ValueError as error:
                self.console.say(f"  ! {error}")
                return self._host_keys(label, current)
            entries = [{"host": location.host, "type": k.type, "key": k.key} for k in keys]
            self.data = put(self.data, ("dags", "host_keys"), entries)
        elif not published and not current:
            self.console.say("  without keys nothing can be committed; you may add them later")
            return True
        if lines or not published:
            self.console.say("Compare with what the host's owner publishes, then type each")
            while text := read_line(self.console, "Fingerprint (SHA256:..., empty to go on): "):
                if text == "<":
                    return False
                try:
                    settle(answers, typed=[text], committed=(), by="", date="")  # type: ignore[arg-type]
                except ValueError as error:
                    self.console.say(f"  ! {error}")
                    continue
                self.typed.append(text)
        return True

    def _lines(self) -> Iterator[str]:
        while line := read_line(self.console, ""):
            yield line


def _fingerprint(kind: str, key: str) -> str:
    from wizard.hostkeys import HostKey

    return HostKey(kind, key).fingerprint


def shown(item: FieldSpec, value: object) -> str:
    """A value the way its question takes it back."""
    if item.kind == "bool":
        return "y" if value else "n"
    if item.kind == "secret" and isinstance(value, dict):
        kind = next((key for key in value if key != "public"), "")
        return kind if value.get(kind) is True else f"{kind}:{value.get(kind)}"
    if item.kind == "mapping" and isinstance(value, dict):
        return ", ".join(f"{key}={text}" for key, text in value.items())
    return str(value)


def read_line(console: Console, prompt: str) -> str:
    """One line from standard input, without its line end; EOFError when there is no more."""
    console.err.write(prompt)
    console.err.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n").strip()


def confirmed(console: Console, question: str) -> bool:
    """A yes that was typed; anything else is a no."""
    return read_line(console, f"{question} [y/N]: ").casefold() in {"y", "yes"}
