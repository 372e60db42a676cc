"""Check the audience of the store's token: API server, Vault and role must agree on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.engine.probes import ProbeResult, fail_result, pass_result, unknown_result
from wizard.errors import Fix
from wizard.formats.jwt import parse_audiences
from wizard.stores.vault.settings import vault_settings
from wizard.systems.vault.account import account_name, explain_missing_account

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube
    from wizard.manifests.release import Release


def check_audience(kube: Kube, answers: Answers, release: Release) -> ProbeResult:
    """Check that the API server issues the store a token for the audience Vault expects."""
    store = vault_settings(answers.secrets, release)
    account = account_name(store)
    try:
        token = kube.token(store.service_account, store.account_namespace, store.audience)
    except KubeError as error:
        if error.kind == "missing":
            later = "run the check again after the first sync, which creates it"
            return unknown_result(*explain_missing_account(store, later))
        raise
    found = parse_audiences(token.get_secret_value())
    if not store.audience:
        return pass_result(
            f"the token of {account} has audience {', '.join(found) or 'none'}; the role binds none"
        )
    if store.audience not in found:
        return fail_result(
            f"the token of {account} has audience {', '.join(found) or 'none'}, "
            f"not {store.audience}",
            Fix("correct secrets.vault.audience", "secrets.vault.audience"),
        )
    return pass_result(f"the token of {account} has audience {store.audience}")
