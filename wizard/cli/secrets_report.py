"""The questions, the output and the records of `secrets`."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.cli.console import Console, ask_confirmation
from wizard.cli.options import Options
from wizard.clients.forge_pages import find_key_page
from wizard.errors import RefusedError, UsageError
from wizard.plan.merge_base import state_folder
from wizard.provisioning.steps import format_items, open_cluster, require_own_clone
from wizard.provisioning.survey import join_fact_keys
from wizard.secrets.deploy_key import KeyPair, fingerprint, is_same_key
from wizard.state.apply_journal import with_remembered_cluster
from wizard.workspace.consent import consent_error
from wizard.workspace.deploy_keys import GitKey, git_key, list_git_keys, repository_label
from wizard.workspace.public_keys import record_in_file, record_in_tree

if TYPE_CHECKING:
    from wizard.provisioning.steps import StoreSession
    from wizard.provisioning.survey import Survey
    from wizard.secrets.payload import Payload
    from wizard.stores.live import Composition
    from wizard.systems.payload_store import FillResult
    from wizard.systems.prior_use import PriorUse, SecretLookup
    from wizard.workspace.installation import CommandInput
    from wizard.workspace.proposal import Proposal

UNCHECKED_USE, RESTORE = "unchecked-use", "restore"
_NOT_RECORDED_NOTE = (
    "the public key is not recorded yet, because there is no answers file: commit, then run "
    "`airflow-wizard secrets` again"
)


@dataclass
class SecretsRun:
    """One run for one installation; `wrote_files`: encrypted ones, which are not committed yet."""

    options: Options
    console: Console
    start: CommandInput
    proposal: Proposal
    notes: list[str] = field(default_factory=list)
    wrote_files: bool = False

    @property
    def yes(self) -> bool:
        """Whether --yes confirms the write."""
        return self.options.yes

    @property
    def json(self) -> bool:
        """Whether the result is printed as JSON."""
        return self.options.json

    @property
    def is_interactive(self) -> bool:
        """Whether there is a person to ask."""
        return sys.stdin.isatty() and not self.json

    def require_consent(self, questions: dict[str, str]) -> None:
        """Return if --allow-reference or a person agrees to each question; else RefusedError."""
        allowed = self.options.allow_reference
        left = {key: text for key, text in questions.items() if key not in allowed}
        if left and not self.is_interactive:
            raise consent_error(left)
        for key, text in left.items():
            if not ask_confirmation(self.console, text):
                raise consent_error([key])

    def require_acceptance(self, name: str, question: str) -> None:
        """Return if `--accept NAME` or a person says yes; else RefusedError."""
        if name in self.options.accept or (
            self.is_interactive and ask_confirmation(self.console, question)
        ):
            return
        raise RefusedError(
            f"{question.removesuffix('?')}: not confirmed; nothing was written",
            f"check it, then add --accept {name}",
        )

    def require_own_clone(self, every: Sequence[StoreSession]) -> None:
        """Raise ConflictError for a fork that would change what the original may have made."""
        from wizard.apply.prepare import parse_take_overs

        agreed = parse_take_overs(self.options.take_over) if self.options.take_over else {}
        if note := require_own_clone(every, agreed):
            self.note(note)

    def agree_to_claim(self, found: Survey) -> str:
        """Return the seal of a payload of unknown owner that a yes was given for; usually empty.

        The yes is `--take-over` or a person's. Raises RefusedError without it, and for a payload
        of others.
        """
        question, seal = found.claim_question, found.claim.seal
        if question:
            self.require_take_over(question, seal)
        return seal if question else ""

    def require_take_over(self, question: str, seal: str) -> None:
        """Return if `--take-over SEAL` or a person says yes; else RefusedError."""
        if seal in self.options.take_over:
            return
        if self.is_interactive and ask_confirmation(self.console, question):
            return
        raise RefusedError(
            f"{question.removesuffix('?')}: not confirmed; nothing was written",
            f"if it is this installation's, run this again with --take-over {seal}",
        )

    def note(self, text: str) -> None:
        """Print a note at once, and add it to the JSON."""
        self.notes.append(text)
        self.console.say(text)


@dataclass(frozen=True, slots=True)
class SecretsPlan:
    """What this run does to the Secrets of one path, after it was shown and agreed to."""

    run: SecretsRun
    session: StoreSession
    shown: Composition

    @classmethod
    def of(cls, run: SecretsRun, session: StoreSession) -> SecretsPlan:
        """Show what is to be done; raise RefusedError for Secrets of others without a yes."""
        shown = session.look_at_secrets()
        if shown.lines and not run.json:
            run.console.data("\n".join(f"  {line}" for line in shown.lines))
        for note in shown.notes:
            run.note(note)
        if shown.question:
            run.require_take_over(shown.question, shown.seal)
        return cls(run, session, shown)

    def carry_out(self, filled: FillResult | None) -> None:
        """Make the Secrets; without a written value, this needs a confirmation of its own."""
        if not self.shown.lines:
            return
        if filled is None:
            count = len(self.shown.lines)
            what = "this Secret" if count == 1 else f"these {count} Secrets"
            confirm(self.run, f"Write {what} as {self.session.store.identity}?")
        for line in self.session.compose(filled, self.shown.seal):
            self.run.note(line)
        self.run.wrote_files = bool(self.run.proposal.rendering.total.encrypted)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result at one store path: what was found and written, and the current deploy key."""

    found: Survey
    filled: FillResult | None = None
    key: KeyPair | None = None

    @property
    def keys(self) -> list[tuple[GitKey, KeyPair]]:
        """Return every deploy key that the store has now, with what the answers say of it."""
        return self.found.deploy_keys(self.payload)

    @property
    def payload(self) -> Payload:
        """Return the values that the store has now."""
        return self.filled.payload if self.filled else self.found.seen.payload

    def as_data(self) -> dict[str, object]:
        """Return the outcome for `--json`, without any value."""
        about = self.found.git_key
        page = find_key_page(about.url) if about and self.key else None
        seen = self.found.seen
        return {
            "store": self.found.store.name,
            "version": self.filled.version if self.filled else seen.version,
            "facts": [{"key": item.fact.key, "state": item.state} for item in self.found.items],
            "written": [fact.key for fact in self.filled.written] if self.filled else [],
            "public": self.key.public if self.key else "",
            "fingerprint": fingerprint(self.key.public) if self.key else "",
            "register_at": page.url if page else "",
            **({"bundle_keys": bundles} if (bundles := self._bundle_keys()) else {}),
        }

    def _bundle_keys(self) -> list[dict[str, str]]:
        return [
            {
                "key": about.name,
                "public": key.public,
                "fingerprint": fingerprint(key.public),
                "register_at": page.url if (page := find_key_page(about.url)) else "",
            }
            for about, key in self.keys
            if about.label
        ]


def print_items(run: SecretsRun, found: Survey, how: str, handed: Container[str] = ()) -> None:
    """Print every fact and its source, never a value.

    `handed` are the keys of a hand-off file (see `wizard.provisioning.steps.format_items`).
    """
    lines = [
        f"{found.store.name}, {how}",
        *(f"  {line}" for line in format_items(found.items, handed)),
    ]
    run.console.data("\n".join(lines))


def report_written(run: SecretsRun, found: Survey, filled: FillResult) -> None:
    """Print the number of written values, and the keys that somebody else wrote meanwhile."""
    if filled.theirs:
        names = ", ".join(fact.key for fact in filled.theirs)
        run.note(f"written by somebody else meanwhile, and kept: {names}")
    if filled.written:
        count = len(filled.written)
        what = "1 value" if count == 1 else f"{count} values"
        version = found.store.show_version(filled.version)
        where = f"{version} of {found.store.name}" if version else f"to {found.store.name}"
        run.console.say(f"written: {what}, {where}")


def describe_unwritten(every: Sequence[Survey], outcomes: Sequence[Outcome]) -> str:
    """Return what a run with several paths wrote and did not write before it failed.

    `outcomes` are those of the first paths; the next path is the one that failed, whose own error
    says what became of it. Empty for a single path.
    """
    written = [one.found.store.name for one in outcomes if one.filled and one.filled.written]
    later = every[len(outcomes) + 1 :]
    left = [f"{one.store.name} ({join_fact_keys(one.missing_facts)})" for one in later]
    left = [text for text, one in zip(left, later, strict=True) if one.missing_facts]
    texts = [f"written before: {', '.join(written)}"] if written else []
    texts += [f"not written: {', '.join(left)}"] if left else []
    return "".join(f"; {text}" for text in texts)


def collect_public_keys(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Return the public halves of the deploy keys, by their places in the answers."""
    return {about.name: key.public for one in outcomes for about, key in one.keys}


def record_public_keys(run: SecretsRun, found: Mapping[str, str]) -> str:
    """Write public halves, by place in the answers, into the answers file; return its path.

    Returns an empty text if nothing was written, because the file already has the public halves or
    there is no file.
    """
    file, answers = run.options.answers, run.proposal.answers
    # Compare without the comment, which a person may have changed.
    known = {key.name: key.public for key in list_git_keys(answers)}
    new = {
        name: public
        for name, public in found.items()
        if not is_same_key(known.get(name, ""), public)
    }
    if not new:
        return ""
    if file and file != "-":
        changed = record_in_file(Path(file), new)
        return str(file) if changed else ""
    if run.start.existing:
        repository = run.start.workspace.repository
        changed = record_in_tree(repository, run.start.existing, new)
        return f"{state_folder(run.start.existing)}/answers.yaml" if changed else ""
    run.note(_NOT_RECORDED_NOTE)
    return ""


def report_outcomes(
    run: SecretsRun, outcomes: Sequence[Outcome], recorded: str, *, nothing: bool | None = None
) -> None:
    """Print the result and the next steps; the first outcome is the installation's own path.

    `nothing` is true if the store has every value (by default: if no value was missing).
    """
    if run.json:
        first, *others = outcomes
        document = {
            "schema": 1,
            "installation": run.proposal.answers.installation.name,
            **first.as_data(),
            **{one.found.path.store.reader: one.as_data() for one in others},
            "recorded_in": recorded,
            "notes": run.notes,
        }
        run.console.data(json.dumps(document, indent=2))
    if nothing is None:
        nothing = not any(one.found.missing_facts for one in outcomes)
    if nothing:
        run.console.say("nothing to write: the store has every generated or given value")
    for one in outcomes:
        for about, key in one.keys:
            print_public_key(run, git_key(run.proposal.answers, about.fact), key.public)
    report_recorded(run, recorded)


def print_public_key(run: SecretsRun, about: GitKey, public: str) -> None:
    """Print the public half of a deploy key, and where to register it."""
    page = find_key_page(about.url)
    if not run.json:
        run.console.data(f"\n{about.title} ({fingerprint(public)}):\n{public}")
    if page is not None and page.per_user:
        run.console.say(f"next: add it to the account that reads the repository: {page.url}")
    else:
        where = page.url if page else f"as a deploy key of {repository_label(about.url)}"
        run.console.say(f"next: register it, read-only: {where}")


def report_recorded(run: SecretsRun, recorded: str) -> None:
    """Print the file with the recorded public halves, and the command that commits all files."""
    if recorded:
        run.console.say(f"recorded in {recorded} (public keys)")
    if recorded or run.wrote_files:
        words = ["airflow-wizard", "commit", *_list_answer_options(run)]
        run.console.say(f"next: {shlex.join(words)}")


def _list_answer_options(run: SecretsRun) -> Iterator[str]:
    """Yield the options with which a commit starts from the same answers."""
    options = run.options
    values_by_option = {
        "--repo": [options.repo] if options.repo != "." else [],
        "--installation": [options.installation],
        "--preset": [options.preset],
        "--answers": [options.answers],
        "--set": options.set,
        "--host-key-fingerprint": options.host_key_fingerprint,
    }
    for name, values in values_by_option.items():
        for value in filter(None, values):
            yield from (name, value)


def open_run_cluster(run: SecretsRun) -> SecretLookup | None:
    """Return a lookup of Secrets in the kubeconfig's cluster; None without a kubeconfig.

    A context given by --context must exist.
    """
    answers, repository = run.proposal.answers, run.start.workspace.repository
    known = with_remembered_cluster(answers, repository, run.start.existing)
    cluster, identity = open_cluster(known, run.options.context)
    if cluster is not None:
        run.console.say(f"asking the cluster: {identity}")
    return cluster


def make_prompt(run: SecretsRun) -> Any:
    """Return a prompt for values, without echo; None without a terminal."""
    if not run.is_interactive:
        return None
    return lambda key: getpass(f"{key} (not shown): ", stream=run.console.err)


def require_known_use(run: SecretsRun, found: Survey, signs: PriorUse) -> None:
    """Print the places that could not be searched for an earlier use of the installation.

    Where a place refused the look, new values need a yes of their own (`--accept unchecked-use`),
    and so do those that are copied from another place: they may be older than the ones in use.
    """
    for place in signs.unknown:
        run.note(
            f"not checked: {place}. If this installation already ran, stop and put its values "
            "into the store"
        )
    if signs.doubts:
        copied = join_fact_keys(found.facts_in_state("adopt"))
        steps = ["generate new values"] if found.facts_in_state("generate") or not copied else []
        steps += [f"copy values that may not be the ones in use ({copied})"] if copied else []
        run.require_acceptance(
            UNCHECKED_USE, f"not checked: {'; '.join(signs.doubts)}: {', and '.join(steps)}?"
        )


def confirm_write(run: SecretsRun, count: int, place: str) -> None:
    """Return if a person or --yes confirms the write of `count` values; else UsageError."""
    what = "this value" if count == 1 else f"these {count} values"
    confirm(run, f"Write {what} to {place}?")


def confirm(run: SecretsRun, question: str) -> None:
    """Return if a person or --yes confirms a write; else UsageError."""
    if run.yes:
        return
    if not run.is_interactive:
        raise UsageError(
            "there is no terminal to ask on, and no --yes",
            "check the list above, then add --yes; nothing was written",
        )
    if not ask_confirmation(run.console, question):
        raise UsageError("not confirmed; nothing was written")
