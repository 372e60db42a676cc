"""The probe of Secrets Manager, and the cluster check of the store that reads it.

Values are never read: the metadata of a secret has its tags and its deletion.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Ref
from wizard.engine.probes import (
    Probe,
    ProbeResult,
    fail_result,
    pass_result,
    skip_result,
    unknown_result,
    wrap_blocking,
)
from wizard.errors import Fix, WizardError
from wizard.formats.terminal import format_first
from wizard.manifests.external_secrets import API_VERSION
from wizard.stores.aws.live.client import find_endpoint, open_secrets_manager
from wizard.stores.aws.live.errors import AwsError
from wizard.stores.aws.live.login import LOGIN_HINT, find_login
from wizard.stores.aws.live.ownership import judge_tags
from wizard.stores.aws.live.payload_store import restore_command
from wizard.stores.aws.questions import ENDPOINT_KEY, PREFIX_KEY, REGION_KEY, ROLE_KEY
from wizard.stores.aws.settings import aws_settings
from wizard.systems.cluster.external_secrets import diagnose_store_ref
from wizard.systems.cluster.probes import ClusterCheck

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube
    from wizard.manifests.release import Release
    from wizard.stores.aws.live.login import AwsLogin
    from wizard.stores.aws.settings import AwsSettings
    from wizard.systems.situation import Situation

SECONDS = 45.0
_FILL = Fix("create them: airflow-wizard secrets")


def list_probes(situation: Situation) -> Iterator[Probe]:
    """Yield the probe of the secrets, with the login of this machine."""
    from wizard.plan.render import render
    from wizard.secrets.payload import collect_facts

    answers, release = situation.answers, situation.release
    store = aws_settings(answers.secrets, release)
    if not store.account or not store.region:
        return
    login, absent = find_login(), skip_result(f"no AWS login found ({LOGIN_HINT})")
    try:
        url = find_endpoint(store)[0]
    except WizardError as error:
        url, login, absent = store.url, None, unknown_result(error.message, error.fix)
    if login is not None:
        use = f"log in to {store.title} at {url} with {login.identity}"
        refused = situation.refusal(REGION_KEY, ROLE_KEY, ENDPOINT_KEY, use=use)
        if refused is not None:
            login, absent = None, refused
    if login is not None:
        situation.say(f"asking Secrets Manager of {store.title} with {login.identity}")
    keys = [fact.key for fact in collect_facts(render(answers, release.assets).total.secrets)]

    def look() -> ProbeResult:
        return absent if login is None else check_secrets(store, keys, release.owner_id, login)

    yield Probe(
        "aws.secrets",
        "AWS Secrets Manager: secrets",
        url.removeprefix("https://"),
        wrap_blocking(look),
        SECONDS,
        REGION_KEY,
    )


def check_secrets(
    store: AwsSettings, keys: Collection[str], source: str, login: AwsLogin
) -> ProbeResult:
    """Return whether there is a secret for each key, none of others and none being deleted."""
    wanted = [store.secret_name(key) for key in keys]
    try:
        with open_secrets_manager(store, login) as client:
            looks = {name: client.describe(name) for name in wanted}
            who = f"as {client.identity}"
    except AwsError as error:
        return (unknown_result if error.unseen else fail_result)(error.message, error.fix)
    except WizardError as error:
        return unknown_result(error.message, error.fix)
    found = {name: one for name, one in looks.items() if one is not None}
    owners = {name: judge_tags(one.tags, source) for name, one in found.items()}
    if foreign := [name for name, owner in owners.items() if owner.is_proven_foreign]:
        return fail_result(
            f"{format_first(foreign)}: made by another installation, {who}",
            Fix(f"set {PREFIX_KEY} to one of this installation", PREFIX_KEY),
        )
    if deleted := [name for name, one in found.items() if one.is_deleted]:
        return fail_result(
            f"their deletion is scheduled: {format_first(deleted)}, {who}",
            Fix(f"restore: {restore_command(store, deleted[0])}"),
        )
    if missing := [name for name in wanted if name not in found]:
        return fail_result(f"missing: {format_first(missing)}, {who}", _FILL)
    return pass_result(f"all {len(wanted)} secrets are there, {who}")


def list_cluster_checks(kube: Kube, answers: Answers, release: Release) -> tuple[ClusterCheck, ...]:
    """Return the check of whether the operator has logged in to AWS."""
    store = aws_settings(answers.secrets, release)
    ref = Ref(API_VERSION, store.kind, store.name, release.namespace)
    return (
        ClusterCheck("store", "store of External Secrets", lambda: _check(kube, ref), REGION_KEY),
    )


def _check(kube: Kube, ref: Ref) -> ProbeResult:
    try:
        found = kube.get(ref)
    except KubeError as error:
        return unknown_result(error.message, error.fix)
    if found is None:
        return skip_result(f"{ref} does not exist yet", "deliver it, then run the checks again")
    why = diagnose_store_ref(kube, ref)
    return fail_result(why.cause, why.fix) if why else pass_result(f"{ref} is valid")
