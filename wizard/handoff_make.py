"""`secrets --hand-off`: values for a store that only others may write to, into a sealed file.

They are made and read exactly as `secrets` does it; `wizard.handoff_take` is the other side.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import ConflictError, ExitCode, UsageError
from wizard.handoff import Handed, Note, checksum, new_file, place_of, remembered, write_new
from wizard.provide_report import Run, record, show, tell_key
from wizard.provisioning import Inputs
from wizard.secrets.facts import Form

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.backends.vault import Stored
    from wizard.provisioning import Survey
    from wizard.storing import Way

_HAND_OFF, _TAKE = ("recipient", "new_hand_off"), ("identity",)


def require_sound(arguments: Namespace) -> None:
    """Raise UsageError for options of the two that do not go together."""
    handing = bool(getattr(arguments, "hand_off", None))
    taking = bool(getattr(arguments, "take", None))
    for needs, there, names in (("--hand-off", handing, _HAND_OFF), ("--take", taking, _TAKE)):
        for name in names:
            if getattr(arguments, name, None) and not there:
                raise UsageError(f"--{name.replace('_', '-')} is for {needs}", "leave it out")
    if not (handing or taking):
        return
    mode = "--hand-off" if handing else "--take"
    if handing and taking:
        raise UsageError("--hand-off makes a file and --take takes one", "do one of them")
    for name in ("register", "prove"):
        if getattr(arguments, name, None):
            raise UsageError(
                f"{mode} takes no --{name}",
                f"once the store is filled: airflow-wizard secrets --{name}",
            )
    if taking and not getattr(arguments, "identity", None):
        raise UsageError(
            "--take needs a private key that opens the file", "--identity KEYFILE, as for `age -d`"
        )


@dataclass(frozen=True, slots=True)
class _Unread:
    """A store that nobody here may look into: everything counts as lacking."""

    name: str
    document: bool

    def read(self) -> Stored | None:
        return None

    def write(self, data: Mapping[str, object], cas: int) -> int:
        raise NotImplementedError("nothing is written to a store that is not read")


def hand_off(run: Run, way: Way, agreed: Mapping[str, Any]) -> ExitCode:
    """Make and read what the installation needs, and seal it into a file for its recipients.

    A run that was killed is continued by the same command. Raises ConflictError where values were
    handed off before, RefusedError where the installation has lived before.
    """
    from wizard.backends import age
    from wizard.provide import asked_cluster, confirm, prompting, tell_unknown
    from wizard.provisioning import database_client, survey
    from wizard.storing import new_reads

    arguments, repository = run.arguments, run.start.workspace.repository
    keys = age.recipients(getattr(arguments, "recipient", None) or ())
    name = run.proposal.answers.installation.name
    if _finished(run, remembered(repository, name)):
        return ExitCode.DONE
    file = new_file(arguments.hand_off, repository)
    place = f"{way.settings.mount}/{way.settings.path}"
    found = survey(run.proposal, _Unread(place, way.settings.document))
    found = _fresh(run, found)
    if not found.lacking:
        raise UsageError("there is nothing to hand off: every value is left to others", "")
    if not run.json:
        show(run, found, f"sealed into {file}")
    run.agree(new_reads(run.proposal, found.items, f"the recipients of {file}", agreed))
    inputs = Inputs(run.proposal.answers, run.start.folder, prompting(run))
    if found.of("generate"):
        signs = found.signs(inputs, asked_cluster(run), database_client(run.proposal))
        signs.require_none(found.of("generate"), place)
        tell_unknown(run, signs)
    confirm(run, len(found.lacking), str(file))
    values = {fact.key: value for fact, value in found.values(inputs).items()}
    made = tuple(fact.key for fact in found.of("generate"))
    sealed = age.sealed(Handed(name, place_of(way.settings), values, made).sealable(), keys)
    public = _public(found, values)
    note = Note(run.start.workspace.identity.date, str(file), checksum(sealed), made, public)
    _write(run, file, sealed, note)
    _tell(run, found, note, len(keys))
    return ExitCode.DONE


def _fresh(run: Run, found: Survey) -> Survey:
    """The survey, once nothing in it was made before; with --new-hand-off, whatever was."""
    made = tuple(fact.key for fact in found.of("generate"))
    recorded = run.proposal.answers.dags.key.public
    key = next((fact.key for fact in found.of("generate") if fact.form is Form.SSH_KEY), "")
    if key:
        _require_place(run)
    if getattr(run.arguments, "new_hand_off", False):
        dags = run.proposal.answers.dags
        empty = dags.model_copy(update={"key": dags.key.model_copy(update={"public": ""})})
        answers = run.proposal.answers.model_copy(update={"dags": empty})
        run.proposal = replace(run.proposal, answers=answers) if key else run.proposal
        return replace(found, proposal=run.proposal)
    repository, name = run.start.workspace.repository, run.proposal.answers.installation.name
    note = remembered(repository, name)
    if note is not None and set(note.generated) & set(made):
        raise note.conflict("none is generated a second time")
    if key and recorded:
        from wizard.secrets.deploy_key import fingerprint

        raise ConflictError(
            f"dags.key.public is {fingerprint(recorded) or 'no public key'}: this deploy key was "
            "made before, so its private half is in the store, or in a file handed off elsewhere",
            "have somebody who reads the store look (airflow-wizard secrets); if it is lost, make "
            "a new one, to be registered again: --new-hand-off",
        )
    return found


def _require_place(run: Run) -> None:
    """The public key is told once; it has to be recorded then."""
    file = getattr(run.arguments, "answers", None)
    if not run.start.existing and (not file or file == "-"):
        raise UsageError(
            "there is no answers file to record the public deploy key in",
            "give --answers FILE, or commit first",
        )


def _public(found: Survey, values: Mapping[str, SecretStr]) -> str:
    from wizard.secrets.payload import Payload

    plain = {key: value.get_secret_value() for key, value in values.items()}
    key = found.deploy_key(Payload("the hand-off", False, plain))
    return key.public if key else ""


def _write(run: Run, file: Path, sealed: bytes, note: Note) -> None:
    """The file, and on both sides of it the memory: a kill leaves nothing handed, or all known."""
    from wizard.handoff import remember

    repository, name = run.start.workspace.repository, run.proposal.answers.installation.name
    if note.generated and not remember(repository, name, note):
        run.note("your state folder cannot be written: that values were handed off is not known")
    write_new(file, sealed)
    if note.generated:
        remember(repository, name, replace(note, whole=True))


def _finished(run: Run, note: Note | None) -> bool:
    """Whether this very file was made before; what lacked of that run is done then."""
    if note is None or getattr(run.arguments, "new_hand_off", False) or not note.there:
        return False
    if Path(note.file) != Path(run.arguments.hand_off).absolute().resolve():
        return False
    run.note(f"made on {note.date}, and still there; nothing is generated a second time")
    _tell(run, None, note, 0)
    return True


def _tell(run: Run, found: Survey | None, note: Note, recipients: int) -> None:
    """What the file holds and for whom; never a value."""
    recorded = record(run, note.public) if note.public else ""
    name = run.proposal.answers.installation.name
    left = [fact.key for fact in found.of("others")] if found else []
    if run.json:
        document = {
            "schema": 1,
            "installation": name,
            "file": note.file,
            "checksum": note.checksum,
            "store": found.store.name if found else "",
            "facts": [{"key": i.fact.key, "state": i.state} for i in found.items] if found else [],
            "generated": list(note.generated),
            "public": note.public,
            "recorded_in": recorded,
            "notes": run.notes,
        }
        run.console.data(json.dumps(document, indent=2))
    if left:
        run.console.say(f"left to others: {', '.join(left)}")
    if found:
        who = "its recipient" if recipients == 1 else f"its {recipients} recipients"
        run.console.say(f"written: {note.file}, {len(found.lacking)} values only {who} can open")
    run.console.say(f"its checksum, for them to compare: {note.checksum}")
    run.console.say(
        "next: give it to somebody who may write there; they run in this repository: "
        f"airflow-wizard secrets --installation {name} --take FILE --identity KEYFILE"
    )
    if note.public:
        tell_key(run, note.public, recorded)
