"""Rules over the answers about Secrets that others make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from wizard.chart.names import Names
from wizard.errors import Problem
from wizard.formats.nested import get_value
from wizard.questions.section import QuestionInfo
from wizard.stores.existing.contracts import CONTRACTS, Contract, find_bundle
from wizard.stores.existing.questions import (
    EXISTING,
    MORE_LOGINS,
    NAME,
    BundleSecret,
    ExistingSecrets,
)


def check_distinct_keys(answers: BaseModel) -> Iterator[Problem]:
    """Report two values that would come from one key of one Secret."""
    if not EXISTING.holds(answers):
        return
    own = get_value(answers, ("secrets", NAME))
    names = Names(
        get_value(answers, ("installation", "release")),
        get_value(answers, ("installation", "namespace")),
    )
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for contract, asked in _list_asked(answers, own):
        secret = asked.name or own.secret or names.object_name(contract.suffix)
        for ours, question in contract.keys.items():
            where, fix = _locate(contract, asked, question, own)
            found = (contract.question, where)
            other, place = seen.setdefault((secret, getattr(asked, question, ours)), found)
            if other != contract.question:
                yield Problem(where, f"{fix}: {place} names the same key of {secret}")


def _locate(contract: Contract, asked: Any, question: str, own: Any) -> tuple[str, str]:
    """Return the key of the answers that names a key of a Secret, and how to name another."""
    key = f"secrets.{NAME}.{contract.question}"
    if isinstance(asked, BundleSecret):
        key = f"secrets.{NAME}.bundle_connections"
        if asked not in own.bundle_connections:
            return key, f"add an entry with bundle: {asked.bundle} and a key of its own"
        key += f".{own.bundle_connections.index(asked)}"
    return f"{key}.{question or 'name'}", f"use another {'key' if question else 'Secret'}"


def check_bundle_connections(answers: BaseModel) -> Iterator[Problem]:
    """Report a Secret for a bundle that has none, and a login that would come from elsewhere."""
    if not EXISTING.holds(answers) or get_value(answers, ("dags", "source")) != "bundle":
        return
    own: Any = get_value(answers, ("secrets", NAME))
    logins = dict(_list_logins(answers))
    for number, login in enumerate(logins.values()):
        if login is not None and login.kind != "store":
            yield Problem(
                f"dags.bundles.{number}.login",
                f"use login: {{store: true}}: with secrets.store {NAME}, others make the Secret "
                f"of its connection (secrets.{NAME}.bundle_connections names it)",
            )
    seen: set[str] = set()
    for number, one in enumerate(own.bundle_connections):
        if logins.get(one.bundle) is None or one.bundle in seen:
            known = " or ".join(sorted(name for name, login in logins.items() if login))
            fix = f"use {known}" if known else "remove it"
            yield Problem(
                f"secrets.{NAME}.bundle_connections.{number}.bundle",
                f"no bundle with a login has this name, or it is listed twice; {fix}",
            )
        seen.add(one.bundle)


def _list_logins(answers: BaseModel) -> Iterator[tuple[str, Any]]:
    for one in get_value(answers, ("dags", "bundles")):
        yield one.name, one.login


def _list_asked(answers: BaseModel, own: Any) -> Iterator[tuple[Contract, Any]]:
    """Yield each Secret that the answers need, and the answers that name it."""
    for contract in CONTRACTS:
        if _applies(contract.question, answers):
            yield contract, getattr(own, contract.question)
    if MORE_LOGINS.holds(answers):
        for name, login in _list_logins(answers):
            if login is not None:
                yield find_bundle(own, name)


def _applies(question: str, answers: BaseModel) -> bool:
    info = ExistingSecrets.model_fields[question]
    asked = next(one for one in info.metadata if isinstance(one, QuestionInfo))
    return asked.when.holds(answers)
