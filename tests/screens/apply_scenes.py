"""Scenes of the apply page: the plan, a wait, a conflict, the end, a refusal."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from screens.app import WizardApp
from tests.screens.applying import Stage, app
from wizard.errors import ConflictError

Steps = Callable[[Pilot[Any]], Awaitable[None]]

POLICY = "policy airflow-external-secrets-read"
HOLDS = {
    0: "https://api.prod.example:6443, Kubernetes 1.33.4: cluster 6f1c, as recorded",
    1: "secret is KV version 2",
    4: "role external-secrets-airflow binds airflow/external-secrets-airflow",
    5: "origin/main holds all 31 files, including the merge base",
}
CHANGES = {2: (POLICY + " does not exist yet", "wrote " + POLICY, 1.4),
           3: ("auth mount kubernetes does not exist yet", "mounted and configured it", 2.2),
           6: ("3 of 3 keys are missing", "appended 3 lines", 1.1),
           7: ("AppProject argocd/airflow does not exist yet", "created it", 0.4),
           8: ("Application argocd/airflow does not exist yet", "created it", 0.4)}  # fmt: skip
BRANCH = (
    "origin/main differs in 3 of 31 files: .airflow-wizard/airflow/answers.yaml, "
    "apps/airflow/airflow-values.yaml, apps/airflow/secrets/airflow-metadata.yaml"
)
PUSH = "run `git push origin main`, or have the merge request merged"
DIFF = """\
--- AppProject argocd/airflow (cluster)
+++ AppProject argocd/airflow (committed)
@@ -4,7 +4,9 @@
 spec:
   destinations:
   - namespace: airflow
-  sourceRepos:
-    - "*"
+  sourceRepos:
+    - https://airflow.apache.org
+    - ssh://git@git.example.com/platform/k8s-infra.git"""
FOREIGN = (
    "choose a different name in the answers (delivery.argocd.project); or take over with the diff: "
    "airflow-wizard apply --take-over argocd.project@0123456789ab"
)
WAITS = {9: (12, "SecretStore airflow/vault-airflow is valid"),
         10: (31, "9 ExternalSecrets are synced, 11 Secrets have their keys"),
         11: (184, "Synced and Healthy at 4f2a91c0"), 12: (0, "Job is complete"),
         13: (48, "5 workloads run; airflow-api-server answers its readiness probe")}  # fmt: skip


async def _until(stage: Stage, last: int) -> None:
    """Report all steps before this one as done."""
    for number in range(last):
        await stage.tell(number, "checking")
        if number in CHANGES:
            before, after, seconds = CHANGES[number]
            await stage.tell(number, "changing", before)
            await stage.tell(number, "changed", after, seconds=seconds)
        elif number in WAITS:
            wait, detail = WAITS[number]
            await stage.tell(number, "holds", detail, seconds=wait)
        else:
            await stage.tell(number, "holds", HOLDS.get(number, "as committed"))


async def waiting(pilot: Pilot[Any]) -> None:
    """The run waits for the merge of the commit."""
    stage = Stage()
    page = await stage.begin(pilot)
    await _until(stage, 5)
    await stage.tell(5, "checking")
    await stage.tell(5, "waiting", BRANCH, PUSH)
    stage.clock.at += 754
    page.tick()


async def blocked(pilot: Pilot[Any]) -> None:
    """An object of another owner conflicts."""
    stage = Stage()
    await stage.begin(pilot)
    await _until(stage, 7)
    await stage.tell(7, "checking")
    detail = "AppProject argocd/airflow already exists and does not belong to this wizard"
    question = "delivery.argocd.project"
    await stage.tell(7, "blocked", detail, FOREIGN, DIFF, question=question, seconds=0.2)
    for number in range(8, 14):
        await stage.tell(number, "left")
    await stage.end(pilot)


async def done(pilot: Pilot[Any]) -> None:
    """A complete run."""
    stage = Stage()
    await stage.begin(pilot)
    await _until(stage, 14)
    await stage.end(pilot)


async def plan(pilot: Pilot[Any]) -> None:
    """The plan before anything is sent."""
    await Stage().open(pilot)


async def refused(pilot: Pilot[Any]) -> None:
    """A refusal by `apply`."""
    stage = Stage()
    stage.refusal = ConflictError(
        "the committed files were changed after the wizard's last commit",
        "review and apply exactly these files: airflow-wizard plan --out FILE, then "
        "airflow-wizard apply FILE",
    )
    await stage.open(pilot)


def _scene(steps: Steps) -> Callable[[], tuple[WizardApp, Steps]]:
    return lambda: (app(Path(tempfile.mkdtemp())), steps)


APPLY = {
    "apply-plan": _scene(plan),
    "apply-waiting": _scene(waiting),
    "apply-blocked": _scene(blocked),
    "apply-done": _scene(done),
    "apply-refused": _scene(refused),
}
