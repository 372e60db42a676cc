"""What an installation must come to, waited for: each wait has a limit and says what is missing.

A wait never ends early on a fault: operators try again by themselves, and whoever mends the fault
meanwhile sees it go on. What may not be read is unknown and stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wizard.actions import Action, Look
from wizard.applying import application_state, health, pods, store_state
from wizard.applying.objects import explained
from wizard.backends.kube_errors import KubeError
from wizard.probes import in_thread

if TYPE_CHECKING:
    from wizard.applying.diagnosis import Diagnosis
    from wizard.applying.target import Target
    from wizard.backends.kube import Kube

# External Secrets looks at a store that failed every five minutes; Argo CD at Git every three.
STORE_SECONDS = 600.0
# An ExternalSecret that failed is tried again ever more slowly, and the store may come first.
SECRETS_SECONDS = 600.0
# Five retries of the sync take 12.5 minutes; images of a gigabyte and migrations come before.
APPLICATION_SECONDS = 1800.0
# Migrations of a large database, on the way to a new minor version.
MIGRATIONS_SECONDS = 900.0
# Nodes pull the image once more, and a repository with a long history is cloned.
GIT_SYNC_SECONDS = 600.0
# API server and scheduler get a minute to start, and are restarted some times on small nodes.
AIRFLOW_SECONDS = 600.0

_PASSING = ("unreachable", "busy", "server")


def before_chart(target: Target) -> tuple[Action, ...]:
    """The waits for what the chart's pods read."""
    found = [store(target)] if target.answers.secrets.store == "vault" else []
    return (*found, secrets(target))


def after_chart(target: Target) -> tuple[Action, ...]:
    """The waits for what the chart brings, in the order in which it comes true."""
    found = [migrations(target)]
    if target.release.dag_source == "git-sync":
        found.append(git_sync(target))
    return (*found, airflow(target))


def store(target: Target) -> Action:
    """The SecretStore or ClusterSecretStore is valid."""

    def look(kube: Kube) -> Look:
        return store_state.store(kube, target, lambda: _application_trouble(target))

    return wait(target.kube, "verify.store", "Wait until the store is valid", STORE_SECONDS, look)


def secrets(target: Target) -> Action:
    """The ExternalSecrets are synced, and the Secrets have the keys that are read."""

    def look(kube: Kube) -> Look:
        return store_state.secrets(
            kube, target, lambda: store_state.store_trouble(kube, target) or
            _application_trouble(target),
        )  # fmt: skip

    title = "Wait until the Secrets are there"
    return wait(target.kube, "verify.secrets", title, SECRETS_SECONDS, look)


def application(target: Target) -> Action:
    """The Applications are synced and healthy."""

    def why() -> Diagnosis | None:
        if target.kube is None:
            return None
        store = store_state.store_trouble(target.kube, target)
        return store or pods.trouble(target.kube, target.release)

    def look(kube: Kube) -> Look:
        return application_state.applications(kube, target, why)

    title = "Wait until Argo CD has synced it and it is healthy"
    return wait(target.argocd, "verify.application", title, APPLICATION_SECONDS, look)


def migrations(target: Target) -> Action:
    """The migration Job is complete."""
    return wait(
        target.kube,
        "verify.migrations",
        "Wait until the database is migrated",
        MIGRATIONS_SECONDS,
        lambda kube: pods.migrations(kube, target.release),
    )


def git_sync(target: Target) -> Action:
    """Every pod that reads DAGs has made its first clone."""
    return wait(
        target.kube,
        "verify.git-sync",
        "Wait until the DAGs are cloned",
        GIT_SYNC_SECONDS,
        lambda kube: pods.git_sync(kube, target.release),
    )


def airflow(target: Target) -> Action:
    """Everything is rolled out, and the API server says that all parts of Airflow are healthy."""
    return wait(
        target.kube,
        "verify.airflow",
        "Wait until Airflow is healthy",
        AIRFLOW_SECONDS,
        lambda kube: health.airflow(kube, target.release),
    )


def _application_trouble(target: Target) -> Diagnosis | None:
    return application_state.trouble(target.argocd, target)


def wait(
    kube: Kube | None,
    id: str,  # noqa: A002
    title: str,
    patience: float,
    look: Callable[[Kube], Look],
) -> Action:
    """An action that only waits; what may not be read is unknown, and what passes is waited out."""

    async def check() -> Look:
        if kube is None:
            return Look("unknown", "no kubeconfig context names the cluster")
        return await in_thread(lambda: _looked(kube, look))

    return Action(id, title, "me", kube.identity if kube else "cluster", check, patience=patience)


def _looked(kube: Kube, look: Callable[[Kube], Look]) -> Look:
    try:
        return look(kube)
    except KubeError as error:
        if error.kind == "forbidden":
            return Look("unknown", error.message, error.hint)
        if error.kind in _PASSING:
            return Look("wanted", error.message, error.hint)
        raise explained(error, _needs(error)) from None


def _needs(error: KubeError) -> str:
    return store_state.NEEDS if "external-secrets.io" in error.message else "install Argo CD there"
