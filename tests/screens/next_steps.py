"""A scripted inspection for the result page: states that only real systems give."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from screens.host import Host
from tests.support.rendered import answers, rendering
from wizard.errors import Fix
from wizard.status.inspection import Inspection
from wizard.status.next_steps import Look, NextStep, list_next_steps
from wizard.workspace.proposal import CommitResult

VAULT = "Vault at https://vault.example.internal:8200 (VAULT_ADDR): the token from VAULT_TOKEN"
KUBE = "cluster: context prod: https://api.prod.example:6443 as ada"
RESULT = CommitResult(
    "0123456789abcdef",
    ["apps/airflow/airflow-values.yaml", "argocd/airflow/application.yaml"],
    ["pushed main to origin (ssh://git@git.example.com/platform/k8s-infra.git)"],
    [],
)
PUSH = Look(
    "open",
    "branch origin/main does not exist yet",
    Fix("run `git push origin main`, or have the merge request merged"),
)
PUSHED = Look("done", "origin/main holds all 31 files, including the merge base")
LOOKS: Mapping[str, Look] = {
    "vault.payload": Look("done", "secret/airflow-install/airflow/config has all 7 values"),
    "dags.register-key": Look(
        "open",
        "github.com does not know the key",
        Fix("register the public key there, read-only: airflow-wizard secrets shows it"),
    ),
    "vault.mount": Look("done", "secret is KV version 2"),
    "vault.policy": Look("open", "policy external-secrets-airflow-read does not exist yet"),
    "vault.auth": Look("done", "auth mount kubernetes is set up"),
    "vault.role": Look("open", "role external-secrets-airflow does not exist yet"),
    "argocd.application": Look("open", "Application argocd/airflow does not exist yet"),
    "verify.store": Look("open", "SecretStore airflow/vault-airflow does not exist yet"),
    "verify.application": Look("open", "Application argocd/airflow does not exist yet"),
}


class Scripted(Inspection):
    """Stands in for an inspection of `production`: fixed states, no system is asked."""

    def __init__(self, *, has_login: bool = True) -> None:
        self.looks: dict[str, Look] = {}
        self.branch = PUSH
        self.calls: list[str] = []
        self.ended = threading.Event()
        self.has_login = has_login
        self.notes = ()

    def __call__(self, host: Host, result: CommitResult) -> Scripted:
        """Return itself, as the page opens an inspection."""
        del host, result
        return self

    @property
    def has_installer(self) -> bool:
        return True

    @property
    def identities(self) -> tuple[str, ...]:
        return (VAULT, KUBE) if self.has_login else ()

    @property
    def steps(self) -> tuple[NextStep, ...]:
        return list_next_steps(answers(), rendering(), self.looks, self._typed)

    def _typed(self, command: str) -> str:
        if command == "git push":
            return "git push origin main"
        return f"{command} --installation airflow"

    async def look_at_branch(self) -> tuple[NextStep, ...]:
        self.calls.append("branch")
        self.looks["git.branch"] = self.branch
        return self.steps

    async def look(self) -> tuple[NextStep, ...]:
        self.calls.append("all")
        self.looks |= {**LOOKS, "git.branch": self.branch}
        return self.steps

    def end(self) -> None:
        self.ended.set()
