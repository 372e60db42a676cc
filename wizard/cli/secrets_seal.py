"""`secrets --hand-off`: write values into a sealed file, for a store that only others may write.

The values are generated and read in the same way as by `secrets`. `wizard.cli.secrets_open` reads
the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.cli.options import Options
from wizard.cli.secrets_report import (
    SecretsRun,
    confirm_write,
    make_prompt,
    open_run_cluster,
    print_items,
    print_public_key,
    record_public_keys,
    report_recorded,
    require_known_use,
)
from wizard.clients import age
from wizard.errors import ConflictError, ExitCode, UsageError, WizardError
from wizard.manifests.ownership import Ownership
from wizard.provisioning.earlier_places import hide_places, list_earlier_places
from wizard.provisioning.sealed_file import (
    HandOff,
    HandOffRecord,
    checksum,
    load_hand_off_record,
    resolve_new_file,
    save_hand_off_record,
    store_location,
    write_new_file,
)
from wizard.provisioning.steps import list_read_consents
from wizard.provisioning.survey import Inputs, make_database_client, survey_store
from wizard.secrets.deploy_key import fingerprint
from wizard.secrets.payload import Payload
from wizard.systems.payload_store import Claim, HiddenPlace
from wizard.workspace.deploy_keys import list_git_keys, with_git_key
from wizard.workspace.store_paths import list_store_paths

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.clients.vault.protocol import StoredSecret
    from wizard.provisioning.items import ItemState
    from wizard.provisioning.survey import Survey
    from wizard.secrets.facts import Fact

_HAND_OFF_OPTIONS = ("recipient", "recipients_file", "new_hand_off")
_TAKE_OPTIONS = ("identity",)
_NOT_READ = "it may have the values in use, and --hand-off does not read the store"


def require_valid_options(options: Options) -> None:
    """Raise UsageError for options of --hand-off and --take that cannot be combined."""
    if not options.hand_off and (option := options.find_given(*_HAND_OFF_OPTIONS)):
        raise UsageError(f"{option} is for --hand-off", "leave it out")
    if not options.take and (option := options.find_given(*_TAKE_OPTIONS)):
        raise UsageError(f"{option} is for --take", "leave it out")
    mode = options.find_given("hand_off", "take")
    if not mode:
        return
    if options.hand_off and options.take:
        raise UsageError(
            "--hand-off cannot be used with --take", "run one command for each of them"
        )
    if option := options.find_given("register", "prove"):
        raise UsageError(
            f"{mode} cannot be used with {option}",
            f"once the store has the values, run airflow-wizard secrets {option}",
        )
    if options.take and not options.identity:
        raise UsageError(
            "--take needs a private key that opens the file",
            "add --identity KEYFILE, as for `age -d`",
        )


@dataclass(frozen=True, slots=True)
class _UnreadableStore:
    """A store that this run may not read; every value counts as missing."""

    name: str
    document: bool

    def show_version(self, version: int) -> str:
        del version
        return ""

    def read(self) -> StoredSecret | None:
        return None

    def read_version(self, version: int) -> StoredSecret | None:
        raise NotImplementedError("a store that is not read has no versions")

    def explain_refusal(self, error: WizardError) -> HiddenPlace | None:
        raise NotImplementedError("a store that is not read refuses nothing")

    def judge(self, version: int) -> Claim:
        del version
        return Claim(Ownership("ours", "is not read"))

    def write(self, data: Mapping[str, object], cas: int, agreed: str = "") -> int:
        raise NotImplementedError("a store that is not read cannot be written")


def hand_off(run: SecretsRun, agreed: Mapping[str, Any]) -> ExitCode:
    """Generate and read the installation's values, and seal them into a file for the recipients.

    The same command continues a run that was killed. Raises ConflictError if values were handed
    off before, RefusedError if the installation already ran.
    """
    options, repository = run.options, run.start.workspace.repository
    files = [Path(one) for one in options.recipients_file or ()]
    keys = age.read_recipients(options.recipient, files)
    name = run.proposal.answers.installation.name
    if _is_finished(run, load_hand_off_record(repository, name)):
        return ExitCode.DONE
    file = resolve_new_file(options.hand_off, repository)
    stores = [path.store for path in list_store_paths(run.proposal)]
    every = _require_new_values(
        run,
        [
            survey_store(
                run.proposal,
                _UnreadableStore(f"{path.store.mount}/{path.store.path}", path.store.document),
                path,
                hide_places(list_earlier_places(run.proposal, repository, path.store), _NOT_READ),
            )
            for path in list_store_paths(run.proposal)
        ],
    )
    missing = _facts(every, "generate", "given")
    if not missing:
        raise UsageError("there is nothing to hand off: others create every value", "")
    for found in every if not run.json else ():
        print_items(run, found, f"sealed into {file}")
    items = [item for found in every for item in found.items]
    run.require_consent(
        list_read_consents(run.proposal, items, f"the recipients of {file}", agreed)
    )
    inputs = Inputs(run.proposal.answers, run.start.folder, make_prompt(run))
    for found in every:
        if made := found.facts_in_state("generate"):
            signs = found.signs(inputs, open_run_cluster(run), make_database_client(run.proposal))
            signs.require_none(made, found.store.name)
            require_known_use(run, found, signs)
    confirm_write(run, len(missing), str(file))
    values = {fact.key: one for found in every for fact, one in found.values(inputs).items()}
    generated = tuple(fact.key for fact in _facts(every, "generate"))
    handed = HandOff(name, store_location(*stores), values, generated)
    sealed = age.encrypt_bytes(handed.dump_payload(), keys)
    date = run.start.workspace.identity.date
    note = HandOffRecord(date, str(file), checksum(sealed), generated, _public_keys(every, values))
    _write(run, file, sealed, note)
    _report(run, every, note, len(keys))
    return ExitCode.DONE


def _facts(every: Sequence[Survey], *states: ItemState) -> list[Fact]:
    return [fact for found in every for fact in found.facts_in_state(*states)]


def _require_new_values(run: SecretsRun, every: Sequence[Survey]) -> list[Survey]:
    """Return the surveys; raises ConflictError if a value was generated before.

    With --new-hand-off, values are generated again.
    """
    made = [fact.key for fact in _facts(every, "generate")]
    keys = [key for key in list_git_keys(run.proposal.answers) if key.fact in made]
    if keys:
        _require_place(run)
    if run.options.new_hand_off:
        answers = run.proposal.answers
        for key in keys:
            fresh = key.answer.model_copy(update={"public": ""})
            answers = with_git_key(answers, key, fresh)
        run.proposal = replace(run.proposal, answers=answers)
        return [replace(found, proposal=run.proposal) for found in every]
    repository, name = run.start.workspace.repository, run.proposal.answers.installation.name
    note = load_hand_off_record(repository, name)
    if note is not None and set(note.generated) & set(made):
        raise note.conflict("none is generated a second time")
    for key in keys:
        if key.public:
            raise ConflictError(
                f"{key.name}.public is {fingerprint(key.public) or 'no public key'}: this "
                "deploy key already exists, so its private half is in the store or in an earlier "
                "hand-off file",
                "ask somebody with access to the store to run airflow-wizard secrets; if the key "
                "is lost, create a new one with --new-hand-off and register it again",
            )
    return list(every)


def _require_place(run: SecretsRun) -> None:
    """Raise UsageError without an answers file to record the public key in.

    The public key is printed only once.
    """
    file = run.options.answers
    if not run.start.existing and (not file or file == "-"):
        raise UsageError(
            "there is no answers file to record the public deploy key in",
            "give --answers FILE, or commit first",
        )


def _public_keys(every: Sequence[Survey], values: Mapping[str, SecretStr]) -> dict[str, str]:
    """Return the public halves of the deploy keys among the values, by place in the answers."""
    plain = {key: value.get_secret_value() for key, value in values.items()}
    payload = Payload("the hand-off", False, plain)
    return {about.name: key.public for found in every for about, key in found.deploy_keys(payload)}


def _write(run: SecretsRun, file: Path, sealed: bytes, note: HandOffRecord) -> None:
    """Write the file, and its record before and after, so that a kill leaves no file unrecorded."""
    repository, name = run.start.workspace.repository, run.proposal.answers.installation.name
    if note.generated and not save_hand_off_record(repository, name, note):
        run.note("your state folder cannot be written, so this hand-off is not recorded")
    write_new_file(file, sealed)
    if note.generated:
        save_hand_off_record(repository, name, replace(note, is_complete=True))


def _is_finished(run: SecretsRun, note: HandOffRecord | None) -> bool:
    """Return whether an earlier run wrote this file; if so, print the report of that run."""
    if note is None or run.options.new_hand_off or not note.has_file:
        return False
    if Path(note.file) != Path(run.options.hand_off).absolute().resolve():
        return False
    run.note(f"already written on {note.date}; nothing is generated again")
    _report(run, (), note, 0)
    return True


def _report(run: SecretsRun, every: Sequence[Survey], note: HandOffRecord, recipients: int) -> None:
    """Print the file's keys, its checksum and the next steps; never a value."""
    recorded = record_public_keys(run, note.public)
    name = run.proposal.answers.installation.name
    left = [fact.key for fact in _facts(every, "others")]
    if run.json:
        document = {
            "schema": 1,
            "installation": name,
            "file": note.file,
            "checksum": note.checksum,
            "store": every[0].store.name if every else "",
            "facts": [{"key": i.fact.key, "state": i.state} for one in every for i in one.items],
            "generated": list(note.generated),
            "public": note.public.get("dags.key", ""),
            "publics": dict(note.public),
            "recorded_in": recorded,
            "notes": run.notes,
        }
        run.console.data(json.dumps(document, indent=2))
    if left:
        run.console.say(f"left to others: {', '.join(left)}")
    if every:
        count = len(_facts(every, "generate", "given"))
        who = "its recipient" if recipients == 1 else f"its {recipients} recipients"
        run.console.say(f"written: {note.file}, {count} values that only {who} can open")
    run.console.say(f"checksum, for the recipients to compare: {note.checksum}")
    run.console.say(
        "next: send it to somebody with write access to the store, who runs in this repository: "
        f"airflow-wizard secrets --installation {name} --take FILE --identity KEYFILE"
    )
    for key in list_git_keys(run.proposal.answers):
        if key.name in note.public:
            print_public_key(run, key, note.public[key.name])
    report_recorded(run, recorded)
