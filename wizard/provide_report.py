"""What `secrets` asks, tells and records."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.commands import Console

if TYPE_CHECKING:
    from wizard.proposal import Proposal
    from wizard.provisioning import Survey
    from wizard.secrets.deploy_key import DeployKey
    from wizard.secrets.facts import Fact
    from wizard.secrets.filling import Filled
    from wizard.start import Start

_NO_PLACE = (
    "the public key could not be recorded yet: there is no answers file to write to; commit, then "
    "run `airflow-wizard secrets` again"
)


@dataclass
class Run:
    """One run of the command for one installation."""

    arguments: Namespace
    console: Console
    start: Start
    proposal: Proposal
    notes: list[str] = field(default_factory=list)

    @property
    def yes(self) -> bool:
        """Whether the write was agreed to beforehand."""
        return bool(getattr(self.arguments, "yes", False))

    @property
    def json(self) -> bool:
        """Whether the result is printed as data."""
        return bool(getattr(self.arguments, "json", False))

    @property
    def asks(self) -> bool:
        """Whether there is a person to ask."""
        return sys.stdin.isatty() and not self.json

    def agree(self, questions: dict[str, str]) -> None:
        """A yes to each question by key, from options or a person; RefusedError without one."""
        from wizard.ask import confirmed
        from wizard.consent import refusal

        allowed = set(getattr(self.arguments, "allow_reference", None) or ())
        left = {key: text for key, text in questions.items() if key not in allowed}
        if left and not self.asks:
            raise refusal(left)
        for key, text in left.items():
            if not confirmed(self.console, text):
                raise refusal([key])

    def note(self, text: str) -> None:
        """Something a person should know; told at once, and part of the JSON."""
        self.notes.append(text)
        self.console.say(text)


def show(run: Run, found: Survey, how: str) -> None:
    """Every fact and where it comes from; never a value."""
    from wizard.storing import listed

    lines = [f"{found.store.name}, {how}", *(f"  {line}" for line in listed(found.items))]
    run.console.data("\n".join(lines))


def tell_written(run: Run, found: Survey, filled: Filled) -> None:
    """What the write did."""
    if filled.theirs:
        names = ", ".join(fact.key for fact in filled.theirs)
        run.note(f"written by somebody else meanwhile, and kept: {names}")
    if filled.written:
        count = len(filled.written)
        what = "1 value" if count == 1 else f"{count} values"
        run.console.say(f"written: {what}, version {filled.version} of {found.store.name}")


def record(run: Run, public: str) -> str:
    """Write the public half where the answers came from; the file, empty where there is none."""
    from wizard.base import state_folder
    from wizard.recording import record_in_file, record_in_tree
    from wizard.secrets.deploy_key import same_key

    file = getattr(run.arguments, "answers", None)
    recorded = run.proposal.answers.dags.key.public
    if same_key(recorded, public):
        # Its comment may be the person's own.
        return ""
    if file and file != "-":
        changed = record_in_file(Path(file), public)
        return str(file) if changed else ""
    if run.start.existing:
        repository = run.start.workspace.repository
        changed = record_in_tree(repository, run.start.existing, public)
        return f"{state_folder(run.start.existing)}/answers.yaml" if changed else ""
    run.note(_NO_PLACE)
    return ""


def report(
    run: Run,
    found: Survey,
    filled: Filled | None,
    key: DeployKey | None,
    recorded: str,
    *,
    nothing: bool | None = None,
) -> None:
    """The result as data, and what to do next.

    `nothing` says whether the store has every value (default: whether none lacked).
    """
    from wizard.forges import key_page
    from wizard.secrets.deploy_key import fingerprint

    page = key_page(run.proposal.answers.dags.repo) if key else None
    if run.json:
        written: tuple[Fact, ...] = filled.written if filled else ()
        document = {
            "schema": 1,
            "installation": run.proposal.answers.installation.name,
            "store": found.store.name,
            "version": filled.version if filled else found.seen.version,
            "facts": [{"key": item.fact.key, "state": item.state} for item in found.items],
            "written": [fact.key for fact in written],
            "public": key.public if key else "",
            "fingerprint": fingerprint(key.public) if key else "",
            "register_at": page.url if page else "",
            "recorded_in": recorded,
            "notes": run.notes,
        }
        run.console.data(json.dumps(document, indent=2))
    if nothing if nothing is not None else not found.lacking:
        run.console.say("nothing to write: the store has every value that is made or given here")
    if key is not None:
        tell_key(run, key.public, recorded)


def tell_key(run: Run, public: str, recorded: str) -> None:
    """The public deploy key, and what to do with it."""
    from wizard.forges import key_page
    from wizard.secrets.deploy_key import fingerprint

    page = key_page(run.proposal.answers.dags.repo)
    if not run.json:
        run.console.data(f"\ndeploy key ({fingerprint(public)}):\n{public}")
    if recorded:
        run.console.say(f"recorded in {recorded} (dags.key.public)")
    if page is not None and page.per_user:
        run.console.say(f"next: add it to the account that reads the repository: {page.url}")
    else:
        where = page.url if page else "at the repository's deploy keys"
        run.console.say(f"next: register it, read-only: {where}")
    if recorded:
        again = f" --answers {recorded}" if getattr(run.arguments, "answers", None) else ""
        run.console.say(f"next: airflow-wizard commit{again}")
