"""The host keys of one Git host, line by line: pasted keys, and typed fingerprints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from wizard.cli.console import Console, read_line
from wizard.errors import AnswersError
from wizard.formats.nested import put_value
from wizard.hostkeys.keys import HostKey, parse_fingerprint, parse_host_keys
from wizard.hostkeys.verdict import parse_host_key
from wizard.workspace.git_hosts import GitHost, key_answers, list_git_hosts
from wizard.workspace.host_keys import judge_answers

if TYPE_CHECKING:
    from wizard.answers.files import ValidationResult
    from wizard.answers.model import Answers
    from wizard.hostkeys.verdict import HostKeyVerdict, KnownHost

_SKIP, _LEAVE = "skip", "leave"
# At every prompt: no more questions.
TO_REVIEW = ">"


class ToReview(Exception):  # noqa: N818 - a wish, not an error
    """The person wants to go to the review now."""


class KeySession(Protocol):
    """The raw answers so far, the fingerprints typed so far, and the committed host keys."""

    console: Console
    data: dict[str, Any]
    typed: list[str]
    committed: Sequence[KnownHost]

    def validate(self, data: dict[str, Any]) -> ValidationResult:
        """Validate raw answers."""


@dataclass
class HostKeyPrompt:
    """The question about host keys: the person pastes keys and types fingerprints.

    `name` is that of the host in known_hosts. Published keys need neither. The question repeats
    until every key has evidence or the person types `skip`, because nothing can be committed
    without evidence; only a host whose keys are optional needs no key.
    """

    session: KeySession
    name: str
    label: str
    help: str

    def ask(self) -> bool:
        """Ask until every key has evidence or is skipped; False if the person goes back."""
        self._list()
        host = self._host()
        if not host.required and self._is_settled():
            return True
        if not host.required:
            self._say("Optional: `apply` gives these keys to Argo CD.")
            self._say("Without any, its admin has to add them.")
        self._say(f"{self.label}: paste keys of {host.name} (ssh-keyscan prints them), then")
        self._say("an empty line; `skip` omits them; an empty line alone keeps the known keys")
        while True:
            lines = list(self._lines())
            if lines == ["<"]:
                return False
            if lines == [TO_REVIEW]:
                raise ToReview
            if lines == ["?"]:
                self._say(self.help)
                continue
            if lines == [_SKIP]:
                return self._skip()
            problem = self._paste(lines) if lines else self._missing_key()
            if not problem:
                return self._fingerprints()
            self._say(f"  ! {problem}")

    def _is_settled(self) -> bool:
        """Return whether there are keys and all of them have evidence."""
        verdict = self._verdict()
        return verdict is not None and bool(verdict.accepted) and not verdict.refused

    def _is_refused(self) -> bool:
        """Return whether the plan is refused for this host's keys."""
        verdict, host = self._verdict(), self._host()
        if verdict is None:
            return False
        needed = any(host.needs(one.entry) for one in verdict.refused)
        return needed or (host.required and not verdict.accepted)

    def _missing_key(self) -> str:
        verdict, host = self._verdict(), self._host()
        if verdict is None or verdict.accepted or verdict.refused or not host.required:
            return ""
        return f"no key of {host.name} is known; paste one or type {_SKIP}"

    def _skip(self) -> bool:
        if not self._is_refused():
            return True
        self._say("  skipped: the plan is refused (exit code 4) and nothing is committed until")
        self._say("  every key has evidence. You can save your answers then; continue with ask, or")
        self._say("  with host_keys in the file and --host-key-fingerprint SHA256:...")
        return True

    def _paste(self, lines: list[str]) -> str:
        host = self._host()
        try:
            keys = parse_host_keys("\n".join(lines), host=host.host, port=host.port)
        except ValueError as error:
            return str(error)
        self._keep(keys)
        return ""

    def _keep(self, keys: Sequence[HostKey | str]) -> None:
        """Make these the keys of the host, and list them."""
        host, data = self._host(), self.session.data
        read = [key for key in keys if isinstance(key, HostKey)]
        for question, value in key_answers(data, self._answers(), host, read).items():
            data = put_value(data, tuple(question.split(".")), value)
        self.session.data = data
        self._list()

    def _fingerprints(self) -> bool:
        """Ask for fingerprints while a key has no evidence; False if the person goes back."""
        while (verdict := self._verdict()) and verdict.refused:
            self._say("Compare the fingerprint with the one its owner publishes, then type it.")
            words = f"{_SKIP}, or {_LEAVE} to leave it out" if verdict.accepted else _SKIP
            text = read_line(self.session.console, f"Fingerprint (SHA256:..., or {words}): ")
            if text == "<":
                return False
            if text == TO_REVIEW:
                raise ToReview
            if text == _SKIP:
                return self._skip()
            if text == _LEAVE and verdict.accepted:
                self._keep([*map(parse_host_key, verdict.accepted)])
                continue
            try:
                value = parse_fingerprint(text)
            except ValueError as error:
                self._say(f"  ! {error}")
                continue
            if value not in map(_fingerprint, verdict.entries):
                self._say("  ! this fingerprint does not match any key")
                continue
            self.session.typed.append(value)
            self._list()
        return True

    def _list(self) -> None:
        """Print each key with its verdict."""
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

    def _verdict(self) -> HostKeyVerdict | None:
        session = self.session
        verdicts = judge_answers(
            self._answers(), typed=session.typed, committed=session.committed, by="", date=""
        )
        return next((one for one in verdicts if one.name == self.name), None)

    def _host(self) -> GitHost:
        return next(one for one in list_git_hosts(self._answers()) if one.name == self.name)

    def _answers(self) -> Answers:
        found = self.session.validate(self.session.data).answers
        if found is None:
            raise AnswersError("the answers are not valid")
        return found

    def _lines(self) -> Iterator[str]:
        while line := read_line(self.session.console, ""):
            yield line
            if line in {"<", "?", TO_REVIEW, _SKIP}:
                return

    def _say(self, text: str) -> None:
        self.session.console.say(text)


def _fingerprint(entry: KnownHost) -> str:
    key = parse_host_key(entry)
    return "(no key)" if isinstance(key, str) else key.fingerprint
