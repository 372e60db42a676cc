"""How an installation is torn down, as its runbook says it: by the wizard, or by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wizard.manifests.contribution import Reader
    from wizard.manifests.release import Release


def render_teardown(release: Release, argo_namespace: str, readers: Iterable[Reader] = ()) -> str:
    """The runbook's section; every name in it passed a type that needs no shell quoting."""
    namespace = release.namespace
    if release.delivery == "kind":
        return "## Tear down\n\n" + _block(
            f"helm -n {namespace} uninstall {release.names.release}",
            f"kind delete cluster --name {release.installation}",
        )
    parts = ["## Tear down", "Back the database up first."]
    parts += [
        *_wizard_steps(release),
        "By hand, ExternalSecrets go before the operator: their finalizer would hold the "
        "namespace.\nDeleting them deletes the Secrets; deleting the namespace, its volumes.",
        _block(*_manual_commands(release, argo_namespace, readers)),
    ]
    return "\n\n".join(parts)


def _wizard_steps(release: Release) -> list[str]:
    name = f"--installation {release.installation}"
    left = ", and leave Airflow running as it is" if release.delivery == "argocd" else ""
    payload = "`--data payload` (the values in the store),\n" if release.store == "vault" else ""
    return [
        "All of it, in an order in which nothing hangs, the files in Git last:",
        _block(
            f"airflow-wizard destroy {name} --dry-run   # every step is tried, nothing is kept",
            f"airflow-wizard destroy {name} --push      # asks for the name",
        ),
        f"What holds data stays unless it is named: {payload}"
        "`--data volumes`, `--data namespace`; for the database `--data database` shows the SQL\n"
        f"that its owner runs. To take back only what `apply` made{left}:",
        _block(f"airflow-wizard apply {name} --undo"),
    ]


def _manual_commands(release: Release, argo_namespace: str, readers: Iterable[Reader]) -> list[str]:
    name, namespace = release.installation, release.namespace
    names = f"{name}-parent {name} {name}-secrets" if release.applications == "two" else name
    chart = f"kubectl -n {argo_namespace} delete application {names}"
    if release.delivery == "helm":
        chart = f"helm -n {namespace} uninstall {release.names.release}"
    return [
        chart,
        f"kubectl -n {namespace} delete externalsecret --all",
        *([f"kubectl delete clustersecretstore vault-{name}"] if release.cluster_store else []),
        f"kubectl delete namespace {namespace}",
        *(
            f"kubectl -n {reader.namespace} delete externalsecret/{reader.name} "
            f"secretstore/{reader.name} serviceaccount/{reader.name}"
            for reader in readers
        ),
    ]


def _block(*lines: str) -> str:
    return "\n".join(["```bash", *lines, "```"])
