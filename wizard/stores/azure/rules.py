"""Rules over the answers about Azure Key Vault, for what types cannot express."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import BaseModel

from wizard.errors import AnswersError, Problem
from wizard.formats.azure import MAX_SECRET_NAME
from wizard.formats.nested import get_value
from wizard.stores.azure.questions import AZURE, PREFIX_KEY, AzureStore
from wizard.stores.azure.settings import CLIENT_ANNOTATION, AzureSettings
from wizard.stores.conditions import AZURE_BACKEND

if TYPE_CHECKING:
    from wizard.secrets.facts import Fact

_ACCOUNTS = "components.service_account"


def check_apart(answers: BaseModel) -> Iterator[Problem]:
    """Report DAGs that could read Airflow's own keys: a role counts for a whole Key Vault.

    Either the backend is the same Key Vault, or Airflow's pods log in as the store's identity.
    """
    if not AZURE.holds(answers):
        return
    own: AzureStore = get_value(answers, ("secrets", "azure"))
    backend = get_value(answers, ("secrets", "backend", "vault_url")) or ""
    if AZURE_BACKEND.holds(answers) and _host(backend) == _host(own.vault_url) != "":
        yield Problem(
            "secrets.backend.vault_url",
            "use another Key Vault: a role counts for a whole one, so DAGs could read Airflow's "
            "own keys in this one",
        )
    accounts = get_value(answers, tuple(_ACCOUNTS.split(".")))
    for key in ("annotations", "by_component") if own.client_id else ():
        found = getattr(accounts, key)
        named = [found] if key == "annotations" else [one.annotations for one in found]
        if own.client_id not in {str(one.get(CLIENT_ANNOTATION) or "").lower() for one in named}:
            continue
        yield Problem(
            f"{_ACCOUNTS}.{key}",
            f"use another identity than secrets.azure.client_id in {CLIENT_ANNOTATION}: DAGs could "
            "read Airflow's own keys with it",
        )


def _host(url: str) -> str:
    return url.lower().rstrip("/").removeprefix("https://").removesuffix(":443")


def require_secret_names(store: AzureSettings, facts: tuple[Fact, ...]) -> None:
    """Raise AnswersError for values whose secrets would have one name, or a name too long."""
    names: dict[str, str] = {}
    problems = []
    for fact in facts:
        name = store.secret_name(fact.key)
        # The keys of `secrets.extra` become names of secrets; all others have short, fixed keys.
        key = "secrets.extra" if fact.key.startswith("extra") else PREFIX_KEY
        if len(name) > MAX_SECRET_NAME:
            text = f"use shorter names: {name} has more than {MAX_SECRET_NAME} characters"
            problems.append(Problem(key, text))
        elif name in names:
            text = f"rename a key: {names[name]} and {fact.key} would both be {name} in Key Vault"
            problems.append(Problem(key, text))
        names[name] = fact.key
    if problems:
        raise AnswersError("a Key Vault cannot hold these values", problems)
