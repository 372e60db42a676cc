"""`secrets --take`: put the values of a hand-off file into the store, without replacing any."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.cli.secrets_report import (
    Outcome,
    SecretsPlan,
    SecretsRun,
    collect_public_keys,
    confirm_write,
    open_run_cluster,
    print_items,
    record_public_keys,
    report_outcomes,
    report_written,
    require_known_use,
)
from wizard.clients import age
from wizard.errors import ConflictError, ExitCode
from wizard.provisioning.sealed_file import HandOff, checksum, parse_hand_off, store_location
from wizard.provisioning.survey import Inputs
from wizard.secrets.payload import Payload
from wizard.secrets.resolve import SecretError
from wizard.systems.payload_store import FillResult, fill_store
from wizard.workspace.store_paths import list_store_paths

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.provisioning.steps import StoreSession, StoreTarget
    from wizard.provisioning.survey import Survey
    from wizard.secrets.facts import Fact


class _FileInputs(Inputs):
    """Values of the file only: a missing value is not read from any other source."""

    def value(self, fact: Fact) -> SecretStr:
        """Return the file's value; SecretError if it has none."""
        if fact.key not in self._known:
            raise SecretError(f"{fact.key} is not in the file", available=False)
        return self._known[fact.key]


def open_hand_off(run: SecretsRun, target: StoreTarget) -> HandOff:
    """Decrypt the file of --take, and check that it is for this installation and store."""
    path = Path(run.options.take)
    data = age.read_small(path, "--take")
    keys = age.read_identities([Path(one) for one in run.options.identity])
    handed = parse_hand_off(age.decrypt_text(data, keys, str(path)), str(path))
    stores = [path.store for path in list_store_paths(target.proposal)]
    handed.require_target(run.proposal.answers.installation.name, store_location(*stores))
    run.console.say(f"{path}: {checksum(data)}")
    return handed


def take_hand_off(run: SecretsRun, session: StoreSession, handed: HandOff) -> ExitCode:
    """Write the file's values that the store does not have, all at once and with check-and-set.

    Raises ConflictError if the store has different values; its message names only their keys.
    """
    every = session.open_all_paths()
    for one in every if not run.json else ():
        print_items(run, one.found, f"as {one.store.identity}", handed.values)
    values = [_select_values(one.found, handed) for one in every]
    _report_unknown_keys(run, every, handed)
    for one, own in zip(every, values, strict=True):
        _require_same(one.found.store.name, one.found.seen.payload.get, own)
        _require_same(f"an older version of {one.found.store.name}", one.found.earlier_value, own)
        _require_same("another place of the store", one.found.adopted_value, own)
    run.require_own_clone(every)
    seals = [run.agree_to_claim(one.found) for one in every]
    plans = [SecretsPlan.of(run, one) for one in every]
    outcomes = []
    for one, own, seal, plan in zip(every, values, seals, plans, strict=True):
        outcomes.append(_fill_path(run, one, own, handed, seal))
        plan.carry_out(outcomes[-1].filled)
    missing = [
        fact.key
        for one, own in zip(every, values, strict=True)
        for fact in one.found.missing_facts
        if fact not in own
    ]
    if missing:
        run.note(f"not in the file, and still missing: {', '.join(missing)}")
    recorded = record_public_keys(run, collect_public_keys(outcomes))
    written = any(one.filled for one in outcomes)
    report_outcomes(run, outcomes, recorded, nothing=not written and not missing)
    return ExitCode.DONE


def _fill_path(
    run: SecretsRun,
    session: StoreSession,
    values: Mapping[Fact, SecretStr],
    handed: HandOff,
    seal: str,
) -> Outcome:
    """Write the values that are missing at one store path."""
    found = session.found
    missing = {f: v for f, v in values.items() if found.seen.payload.get(f) is None}
    filled: FillResult | None = None
    if missing:
        if note := session.require_rights():
            run.note(note)
        inputs = _FileInputs(run.proposal.answers, _known=dict(handed.values))
        require_known_use(run, found, session.signs(inputs, open_run_cluster(run)))
        confirm_write(run, len(missing), found.store.name)
        filled = fill_store(found.store, found.seen, missing, seal)
        _require_same(found.store.name, filled.payload.get, values)
        report_written(run, found, filled)
    return Outcome(found, filled, session.key(filled))


def _report_unknown_keys(run: SecretsRun, every: Sequence[StoreSession], handed: HandOff) -> None:
    known = {item.fact.key for one in every for item in one.found.items}
    unknown = [key for key in handed.values if key not in known]
    if unknown:
        run.note(f"in the file, and not needed by these answers: {', '.join(unknown)}")


def _select_values(found: Survey, handed: HandOff) -> dict[Fact, SecretStr]:
    """Return the file's values for one store path, by fact; raises if one is not valid."""
    facts = {item.fact.key: item.fact for item in found.items}
    values = {facts[key]: value for key, value in handed.values.items() if key in facts}
    plain = Payload(
        "the file", False, {fact.key: value.get_secret_value() for fact, value in values.items()}
    )
    for fact in values:
        plain.get(fact)
    # Raises for a deploy key that is not the recorded one: the file is old or someone else's.
    found.deploy_key(plain)
    return values


def _require_same(store: str, held: Any, values: Mapping[Fact, SecretStr]) -> None:
    different = [
        fact.key
        for fact, value in values.items()
        if (existing := held(fact)) is not None
        and not hmac.compare_digest(existing.encode(), value.get_secret_value().encode())
    ]
    if different:
        raise ConflictError(
            f"{store} has different values than the file: {', '.join(different)}; they were not "
            "replaced",
            "the values in the store are in use: delete the file and run `airflow-wizard secrets`, "
            "or ask the owner of those values to remove them",
        )
