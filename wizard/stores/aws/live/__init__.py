"""The live part of the store aws: login, payload, removal, probes and handover."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import Fix
from wizard.stores.aws.live.handover import render_handover
from wizard.stores.aws.live.location import TITLE, locate_secrets_manager
from wizard.stores.aws.live.login import LOGIN_HINT, find_login
from wizard.stores.aws.live.payload_store import AwsPayloadStore
from wizard.stores.aws.live.probes import list_cluster_checks, list_probes
from wizard.stores.aws.live.removal import build_payload_steps
from wizard.stores.aws.live.session import NO_LOGIN, AwsAccess, SecretsManagerLogin, list_settings
from wizard.stores.aws.settings import AwsSettings, aws_settings
from wizard.stores.aws.steps import payload_step
from wizard.stores.live import LiveStore
from wizard.systems.payload_store import judge_values

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release
    from wizard.secrets.facts import Fact
    from wizard.systems.target import DataKind, Target


class AwsRun:
    """The steps of one run at AWS; see `wizard.stores.live.StoreRun`.

    `apply` changes nothing in AWS: roles and policies belong to the platform's and the account's
    owner, who get scripts by `handover`.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self.login = SecretsManagerLogin(target)

    def build_steps(self) -> tuple[Step, ...]:
        """Return no step."""
        return ()

    def build_payload_looks(self, facts: Mapping[str, Sequence[Fact]]) -> tuple[Step, ...]:
        """Return the steps that look for the values of each prefix."""
        login = self.login

        def step(store: AwsSettings) -> Step:
            own = facts.get(store.reader, ())

            def look() -> StepStatus:
                if not login.has_access:
                    return StepStatus("unknown", NO_LOGIN, Fix(LOGIN_HINT))
                keys = [fact.key for fact in own]
                return judge_values(AwsPayloadStore(login.client, store, keys), own)

            return declared_step(payload_step(store), store.title, wrap_blocking(look))

        return tuple(map(step, list_settings(self._target.answers, self._target.release)))

    def build_identity_proof(self) -> tuple[Step, ...]:
        """Return no step: every login is compared with the account of the answers."""
        return ()

    def build_removal(self) -> tuple[Step, ...]:
        """Return no step."""
        return ()

    def build_payload_removal(
        self, pieces: Collection[DataKind], own: Mapping[str, frozenset[str]]
    ) -> tuple[Step, ...]:
        """Return the steps that delete the secrets, or say that they are kept."""
        return build_payload_steps(self._target, self.login, pieces, own)

    def build_final_removal(self) -> tuple[Step, ...]:
        """Return no step."""
        return ()


def _find_access(answers: Answers, release: Release) -> AwsAccess | None:
    login = find_login()
    return AwsAccess(aws_settings(answers.secrets, release), login) if login else None


LIVE = LiveStore(
    find_access=_find_access,
    missing_access=f"{TITLE} is skipped: no AWS login found ({LOGIN_HINT})",
    find_login=find_login,
    login_hint=LOGIN_HINT,
    open_run=AwsRun,
    probes=list_probes,
    cluster_checks=list_cluster_checks,
    locate=locate_secrets_manager,
    handover=render_handover,
)
