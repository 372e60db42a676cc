"""The answers under edit: kept raw, never dropped, validated as a whole after every change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from screens.steps import DEPLOY_KEY, HOST_KEYS, PREFLIGHT, REVIEW
from wizard.answers.explain import describe_problem
from wizard.answers.files import (
    ValidationResult,
    dump_value,
    merge_layers,
    parse_value,
    validate_answers,
)
from wizard.answers.host_keys import HOST_KEY_QUESTIONS
from wizard.answers.model import Answers
from wizard.answers.questions import FieldSpec, field_spec, field_specs
from wizard.answers.rules import holds_secret, is_empty
from wizard.errors import AnswersError, ConflictError, Problem
from wizard.formats.addresses import parse_git_url
from wizard.formats.nested import get_value, put_value
from wizard.hostkeys.keys import HostKey, known_hosts_name
from wizard.hostkeys.scan import Scan
from wizard.hostkeys.verdict import HostKeyVerdict, KnownHost, parse_host_key
from wizard.plan.render import Rendering, render
from wizard.questions.section import Section
from wizard.workspace.deploy_keys import list_dag_keys
from wizard.workspace.git_hosts import GitHost, list_git_hosts
from wizard.workspace.host_keys import (
    VerifiedAnswers,
    judge_answers,
    verify_host_keys,
    without_host_keys,
)

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Operator:
    """Who accepts host keys, on which date, and the entries on the target branch."""

    by: str = ""
    date: str = ""
    committed: tuple[KnownHost, ...] = ()


@dataclass(frozen=True, slots=True)
class PageEntry:
    """Name and title of one page of the wizard."""

    name: str
    title: str


@dataclass(frozen=True)
class Draft:
    """Raw answers and the operator's edits; immutable, each change returns a new draft.

    `base` holds the initial answers, `edits` the answers given since, by question. Nothing is
    dropped: the answer of a question that no longer applies is kept, but does not count.
    `typed_fingerprints` were typed on the host-keys page, `option_fingerprints` on the command
    line. `scans` holds the keys that hosts presented: candidates, never evidence.
    """

    base: Mapping[str, Any]
    edits: Mapping[tuple[str, ...], object] = field(default_factory=dict)
    typed_fingerprints: tuple[str, ...] = ()
    option_fingerprints: tuple[str, ...] = ()
    operator: Operator = Operator()
    scans: tuple[Scan, ...] = ()

    def with_answer(self, item: FieldSpec, value: object) -> Draft:
        """Return the draft with one more answer."""
        return replace(self, edits={**self.edits, item.path: value})

    def with_fingerprint(self, fingerprint: str) -> Draft:
        """Return the draft with one more typed fingerprint."""
        return replace(
            self, typed_fingerprints=tuple(dict.fromkeys([*self.typed_fingerprints, fingerprint]))
        )

    def with_scan(self, scan: Scan) -> Draft:
        """Return the draft with a scan, which replaces an earlier scan of the same host."""
        others = tuple(one for one in self.scans if one.name != scan.name)
        return replace(self, scans=(*others, scan))

    def as_committed(self) -> Draft:
        """Return the same answers as committed: quitting loses none of them."""
        return replace(self, base=self.data, edits={}, typed_fingerprints=())

    def with_base(self, *layers: Mapping[str, Any]) -> Draft:
        """Return the same edits over different base answers, such as another preset."""
        return replace(self, base=merge_layers(*layers))

    @cached_property
    def data(self) -> dict[str, Any]:
        """All given answers, as in an answers file."""
        data = dict(self.base)
        for path, value in self.edits.items():
            data = put_value(data, path, value)
        return data

    @property
    def has_changes(self) -> bool:
        """Whether quitting would lose answers."""
        return any(
            get_value(self.base, path, _default(path)) != value
            for path, value in self.edits.items()
        ) or bool(self.typed_fingerprints)

    def with_suggestion(self, item: FieldSpec, value: object) -> Draft:
        """Return the draft with a value of this machine where nothing was given or answered."""
        if item.path in self.edits or not is_empty(self.initial_value(item)):
            return self
        return replace(self, base=put_value(self.base, item.path, value))

    def without_answer(self, item: FieldSpec) -> Draft:
        """Return the draft with the initial answer of a question."""
        kept = {path: value for path, value in self.edits.items() if path != item.path}
        return replace(self, edits=kept)

    @cached_property
    def changed_items(self) -> tuple[FieldSpec, ...]:
        """The questions whose answers differ from the initial ones and apply, in order."""
        return tuple(
            item for item in field_specs() if self.is_changed(item) and item.applies(self.answers)
        )

    def is_changed(self, item: FieldSpec) -> bool:
        """Return whether the answer differs from the initial one."""
        return item.path in self.edits and self.value(item) != self.initial_value(item)

    def initial_value(self, item: FieldSpec) -> object:
        """Return the initial answer, or the default, as plain data."""
        found = get_value(self.base, item.path, _MISSING)
        return dump_value(item.default) if found is _MISSING else found

    def value(self, item: FieldSpec) -> object:
        """Return the current answer, or the default, as plain data."""
        found = get_value(self.data, item.path, _MISSING)
        return dump_value(item.default) if found is _MISSING else found

    @property
    def answers(self) -> Answers:
        """The answers without unreadable ones; they decide which questions apply."""
        return self._read[0]

    @property
    def legible_data(self) -> dict[str, Any]:
        """The same as plain data, safe to save: an unreadable answer may be a misplaced secret."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[Answers, dict[str, Any]]:
        data = self.data
        while True:
            found = validate_answers(data)
            if found.answers is not None:
                return found.answers, data
            before = data
            for problem in found.problems:
                data = _remove_path(data, _question_path(problem.key))
            if data == before:
                return Answers(), {}

    @cached_property
    def applicable_data(self) -> dict[str, Any]:
        """The given answers without those of questions that do not apply.

        Keys of hosts other than their repository's are left out too.
        """
        data = self.data
        for item in field_specs():
            if (
                not item.applies(self.answers)
                and get_value(data, item.path, _MISSING) is not _MISSING
            ):
                data = _remove_path(data, item.path)
        for question, repository in HOST_KEY_QUESTIONS.items():
            path = tuple(question.split("."))
            url = get_value(self.answers, tuple(repository.split(".")))
            keys = get_value(data, path)
            if url and isinstance(keys, list):
                host = parse_git_url(url).host
                data = put_value(data, path, [k for k in keys if _is_key_of_host(k, host)])
        return data

    @cached_property
    def validation(self) -> ValidationResult:
        """The validation result of the applicable answers."""
        return validate_answers(self.applicable_data)

    @cached_property
    def problems(self) -> dict[str, str]:
        """The first problem of each question, by key; other problems keep their own key."""
        found: dict[str, str] = {}
        for problem in self.validation.problems:
            key = ".".join(_question_path(problem.key))
            found.setdefault(key, _describe_problem(problem, key, self.data))
        return found

    @cached_property
    def _answers(self) -> Answers:
        return self.validation.answers or self.answers

    @cached_property
    def git_hosts(self) -> tuple[GitHost, ...]:
        """The Git hosts over SSH, whose keys are verified; see `wizard.workspace.git_hosts`."""
        return list_git_hosts(self._answers)

    @cached_property
    def unproven_questions(self) -> Mapping[str, str]:
        """What is missing for the host keys of each question, if a commit needs it."""
        found = {}
        for host in self.git_hosts:
            verdict = self.verification.verdict_on(host.name)
            unproven = [one for one in verdict.refused if host.needs(one.entry)] if verdict else []
            if unproven:
                what = "key has" if len(unproven) == 1 else f"{len(unproven)} keys have"
                found[host.question] = f"{host.name}: {what} no proof; type its fingerprint"
            elif host.required and not (verdict and verdict.accepted):
                found[host.question] = f"{host.name}: no key is known; paste keys or press f5"
        return found

    def find_scan(self, name: str) -> Scan | None:
        """Return the scan of the host with this name in known_hosts; None without one."""
        return next((one for one in self.scans if one.name == name), None)

    @cached_property
    def verification(self) -> VerifiedAnswers:
        """The answers with host keys judged now; see `wizard.workspace.host_keys`.

        A changed key raises nothing here: the page shows it, and the plan refuses it.
        """
        operator = self.operator
        try:
            return verify_host_keys(
                self._answers,
                typed=self.effective_fingerprints,
                committed=operator.committed,
                by=operator.by,
                date=operator.date,
                scans=self.scans,
            )
        except ConflictError as error:
            answers = without_host_keys(self._answers)
            return VerifiedAnswers(
                answers, self._verdicts(self.effective_fingerprints), (error.message,)
            )

    @cached_property
    def effective_fingerprints(self) -> tuple[str, ...]:
        """The fingerprints that count now.

        The fingerprint of a removed key stays typed, and counts again if the key returns.
        """
        unused = {value for one in self._verdicts(self.typed_fingerprints) for value in one.unused}
        typed = [value for value in self.typed_fingerprints if value not in unused]
        return tuple(dict.fromkeys([*self.option_fingerprints, *typed]))

    def has_fingerprint(self, fingerprint: str, name: str) -> bool:
        """Return whether a current key of the host `name` has this fingerprint."""
        verdict = next((one for one in self._verdicts((fingerprint,)) if one.name == name), None)
        entries = verdict.entries if verdict else ()
        keys = [key for key in map(parse_host_key, entries) if isinstance(key, HostKey)]
        return fingerprint in {key.fingerprint for key in keys}

    def _verdicts(self, typed: Sequence[str]) -> tuple[HostKeyVerdict, ...]:
        operator = self.operator
        return judge_answers(
            self._answers,
            typed=typed,
            committed=operator.committed,
            by=operator.by,
            date=operator.date,
            scans=self.scans,
        )

    @cached_property
    def rendering(self) -> Rendering | None:
        """The rendered files of these answers; None while they cannot be rendered or shown."""
        if self.validation.answers is None or holds_secret(self.validation.answers):
            return None
        try:
            return render(self.verification.answers)
        except Exception:  # incomplete answers may fail anywhere; the review reports why
            return None

    @cached_property
    def pages(self) -> tuple[PageEntry, ...]:
        """The pages that apply, in order."""
        found = []
        for name in Answers.model_fields:
            section = getattr(self.answers, name)
            if not isinstance(section, Section) or not section.asked:
                continue
            if section.when.holds(self.answers):
                found.append(PageEntry(name, type(section).title))
            if name == "dags" and self.git_hosts:
                found.append(PageEntry(HOST_KEYS, str(field_spec(HOST_KEYS).title)))
            if name == "dags" and list_dag_keys(self.answers):
                found.append(PageEntry(DEPLOY_KEY, str(field_spec("dags.key").title)))
        return (*found, PageEntry(PREFLIGHT, "Pre-flight"), PageEntry(REVIEW, "Review"))

    def problem_keys(self, step: str) -> list[str]:
        """Return the keys with a problem on one page, in the order of the questions."""
        if step == HOST_KEYS:
            is_wrong = HOST_KEY_QUESTIONS.keys() & self.problems or self.verification.missing
            return [HOST_KEYS] if is_wrong else []
        if step in {PREFLIGHT, REVIEW}:
            return []
        return self._problems_by_section.get(step, [])

    @cached_property
    def _problems_by_section(self) -> dict[str, list[str]]:
        order = [item.key for item in field_specs() if item.key in self.problems]
        order += [key for key in self.problems if key not in order]
        found: dict[str, list[str]] = {}
        for key in order:
            if key not in HOST_KEY_QUESTIONS:
                found.setdefault(key.split(".")[0], []).append(key)
        return found


def _default(path: tuple[str, ...]) -> object:
    return dump_value(field_spec(".".join(path)).default)


def _question_path(key: str) -> tuple[str, ...]:
    """Return the path of the question that a key belongs to, else the key's own path."""
    parts = tuple(key.split("."))
    paths = {item.path for item in field_specs()}
    return next(
        (parts[:length] for length in range(len(parts), 0, -1) if parts[:length] in paths), parts
    )


def _describe_problem(problem: Problem, key: str, data: Mapping[str, Any]) -> str:
    """Return the message of a problem; for text of the wrong kind, the expected kind."""
    item = next((item for item in field_specs() if item.key == key), None)
    if item is not None and isinstance(get_value(data, item.path), str):
        if item.kind == "int":
            return "enter a whole number"
        if item.kind in {"list", "mapping"}:
            problem = _find_syntax_problem(item, str(get_value(data, item.path))) or problem
    return problem.message if item is None else describe_problem(problem, item)


def _find_syntax_problem(item: FieldSpec, text: str) -> Problem | None:
    """Return why a text is no list at all; None if it is YAML of another kind."""
    try:
        parse_value(item, text)
    except AnswersError as error:
        return next(iter(error.problems), None)
    return None


def _remove_path(data: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    head, *rest = path
    copy = dict(data)
    if not rest:
        copy.pop(head, None)
    elif isinstance(copy.get(head), Mapping):
        copy[head] = _remove_path(copy[head], tuple(rest))
    else:
        copy.pop(head, None)
    return copy


def _is_key_of_host(key: object, host: str) -> bool:
    key_host = key.get("host") if isinstance(key, Mapping) else None
    if not isinstance(key_host, str):
        return True
    try:
        return known_hosts_name(key_host, 22) == known_hosts_name(host, 22)
    except ValueError:
        return True
