"""The same questions, one plain line at a time: for screen readers, dumb terminals and logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wizard.answers.files import deploy_key_fields, dump_value, parse_value, validate_answers
from wizard.answers.questions import FieldSpec, field_specs
from wizard.cli.console import Console, read_line
from wizard.errors import AnswersError
from wizard.formats.nested import get_value, put_value
from wizard.hostkeys.keys import parse_fingerprint, parse_host_keys
from wizard.hostkeys.verdict import parse_host_key
from wizard.secrets.references import KINDS
from wizard.workspace.host_keys import judge_answers

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.hostkeys.verdict import HostKeyVerdict, KnownHost

_SKIP = "skip"
_KEYS = "Enter keeps the value in brackets, ? explains, < goes back, Ctrl-C stops."


@dataclass
class PromptSession:
    """Asks what applies and keeps raw answers that always fit their types.

    `typed` are the fingerprints typed so far, `committed` the host keys that stand committed.
    """

    console: Console
    data: dict[str, Any]
    typed: list[str] = field(default_factory=list)
    committed: Sequence[KnownHost] = ()

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
        """The next question; once all were asked, the first whose answer a rule objects to."""
        found = validate_answers(self.data)
        if found.answers is None:
            # What was given from outside cannot be read: the plan says all that is wrong.
            return None
        seen = {item.key for item in asked}
        applying = [
            item for item in field_specs() if item.model.asked and item.applies(found.answers)
        ]
        for item in applying:
            if item.key not in seen:
                return item
        objections = {problem.key: problem.message for problem in found.problems}
        for item in applying:
            if item.key in objections:
                self.console.say(f"\n{item.key}: {objections[item.key]}")
                asked.remove(item)
                return item
        return None

    def _ask(self, item: FieldSpec) -> bool:
        """One question until its answer is good; False when the person goes back."""
        label = f"{item.group}: {item.title}" if item.group else item.title
        if item.kind == "list":
            return HostKeyPrompt(self, label, item.help).ask()
        while True:
            current = get_value(self.data, item.path, dump_value(item.default))
            if item.kind == "choice":
                self._choices(item, str(current))
            text = read_line(self.console, f"{label} [{format_answer(item, current)}]: ")
            if text == "<":
                return False
            if text == "?":
                self.console.say(item.help)
                continue
            problem = self._set_answer(item, text) if text else self._objection(item, self.data)
            if not problem:
                return True
            self.console.say(f"  ! {problem}")

    def _choices(self, item: FieldSpec, current: str) -> None:
        for number, choice in enumerate(item.choices, 1):
            mark = "*" if choice == current else " "
            self.console.say(f"  {mark} {number}. {choice}: {item.label(choice)}")

    def _set_answer(self, item: FieldSpec, text: str) -> str:
        """Put the answer in, or say why it is none."""
        if item.kind == "choice" and text.isdecimal() and 1 <= int(text) <= len(item.choices):
            text = item.choices[int(text) - 1]
        if item.kind == "bool":
            text = {"y": "true", "yes": "true", "n": "false", "no": "false"}.get(
                text.casefold(), text
            )
        try:
            # An empty answer is typed as "": a bare Enter keeps the value in brackets.
            value = "" if text == '""' else parse_value(item, text)
        except AnswersError as error:
            return error.problems[0].message if error.problems else error.message
        if item.kind == "secret" and isinstance(value, dict):
            value = {**deploy_key_fields(get_value(self.data, item.path)), **value}
        data = put_value(self.data, item.path, value)
        problem = self._objection(item, data)
        if not problem:
            self.data = data
        return problem

    def _objection(self, item: FieldSpec, data: dict[str, Any]) -> str:
        """Why an answer cannot stand; empty when it can.

        What a rule across sections says is told and waits: the other answer may still come.
        """
        found = validate_answers(data)
        own = [p for p in found.problems if p.key == item.key or p.key.startswith(f"{item.key}.")]
        if found.answers is None:
            return (own or list(found.problems))[0].message
        if not own:
            return ""
        if item.ask.required and get_value(data, item.path, item.default) in ("", None):
            return own[0].message
        self.console.say(f"  (to settle later: {own[0].message})")
        return ""


@dataclass
class HostKeyPrompt:
    """The question about host keys: paste them, then type fingerprints; published need neither.

    It stays until every key has evidence or it is skipped by that word: what comes after it would
    be answered for nothing.
    """

    session: PromptSession
    label: str
    help: str

    def ask(self) -> bool:
        """Ask until it is settled or skipped; False when the person goes back."""
        location = self._answers().dags.location
        if location is None:
            return True
        self._list()
        self._say(f"{self.label}: paste keys of {location.host} (ssh-keyscan prints them), then")
        self._say("an empty line; `skip` leaves them out; an empty line alone keeps what is there")
        while True:
            lines = list(self._lines())
            if lines == ["<"]:
                return False
            if lines == ["?"]:
                self._say(self.help)
                continue
            if lines == [_SKIP]:
                return self._skip()
            if lines:
                problem = self._paste(lines, location.host, location.port)
            else:
                problem = self._missing_key(location.host)
            if not problem:
                return self._fingerprints()
            self._say(f"  ! {problem}")

    def _missing_key(self, host: str) -> str:
        verdict = self._verdict()
        if verdict is None or verdict.accepted or verdict.refused:
            return ""
        return f"no key of {host} is known; paste one, or type {_SKIP}"

    def _skip(self) -> bool:
        self._say("  left out: until every key has evidence, the plan ends with a refusal (4) and")
        self._say("  nothing is committed. Your answers can be saved then; go on with ask, or with")
        self._say("  dags.host_keys in the file and --host-key-fingerprint SHA256:...")
        return True

    def _paste(self, lines: list[str], host: str, port: int) -> str:
        try:
            keys = parse_host_keys("\n".join(lines), host=host, port=port)
        except ValueError as error:
            return str(error)
        entries = [{"host": host, "type": key.type, "key": key.key} for key in keys]
        self.session.data = put_value(self.session.data, ("dags", "host_keys"), entries)
        self._list()
        return ""

    def _fingerprints(self) -> bool:
        """Ask while a key lacks evidence; once skipped, the plan will say what is missing."""
        while (verdict := self._verdict()) and verdict.refused:
            self._say("Compare with what the host's owner publishes, then type it.")
            text = read_line(self.session.console, f"Fingerprint (SHA256:..., or {_SKIP}): ")
            if text == "<":
                return False
            if text == _SKIP:
                return self._skip()
            try:
                value = parse_fingerprint(text)
            except ValueError as error:
                self._say(f"  ! {error}")
                continue
            after = self._verdict(value)
            if after is None or value in after.unused:
                self._say("  ! this fingerprint belongs to none of the keys")
                continue
            self.session.typed.append(value)
            self._list()
        return True

    def _list(self) -> None:
        """Each key under its verdict."""
        verdict = self._verdict()
        if verdict is None:
            return
        for change in verdict.changed:
            self._say(f"  ! {change.type} was {change.old} and is now {change.new}")
        for entry in verdict.accepted:
            kind = entry.evidence.kind if entry.evidence else ""
            self._say(f"  {entry.type} {_fingerprint(entry)}: accepted ({kind})")
        for refusal in verdict.refused:
            entry = refusal.entry
            self._say(f"  {entry.type} {_fingerprint(entry)}: {refusal.reason}")

    def _verdict(self, *more: str) -> HostKeyVerdict | None:
        typed = [*self.session.typed, *more]
        return judge_answers(
            self._answers(), typed=typed, committed=self.session.committed, by="", date=""
        )

    def _answers(self) -> Answers:
        found = validate_answers(self.session.data).answers
        if found is None:
            raise AnswersError("the answers cannot be read")
        return found

    def _lines(self) -> Iterator[str]:
        while line := read_line(self.session.console, ""):
            yield line
            if line in {"<", "?", _SKIP}:
                return

    def _say(self, text: str) -> None:
        self.session.console.say(text)


def _fingerprint(entry: KnownHost) -> str:
    key = parse_host_key(entry)
    return "(no key)" if isinstance(key, str) else key.fingerprint


def format_answer(item: FieldSpec, value: object) -> str:
    """A value the way its question takes it back."""
    if item.kind == "bool":
        return "y" if value else "n"
    if item.kind == "secret" and isinstance(value, dict):
        kind = next((key for key in KINDS if key in value), "")
        return kind if value.get(kind) is True else f"{kind}:{value.get(kind)}"
    if item.kind == "mapping" and isinstance(value, dict):
        return ", ".join(f"{key}={text}" for key, text in value.items())
    return str(value)
