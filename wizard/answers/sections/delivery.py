"""Delivery: who installs the chart, and the runbook for it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wizard.answers.section import Ask, Section
from wizard.answers.sections.argocd import ArgoCd
from wizard.formats.addresses import git_location
from wizard.manifests.argocd import ArgoSettings, app_project, one_application, two_applications
from wizard.manifests.contribution import Contribution, PlannedAction, Reader
from wizard.manifests.kind import cluster_file
from wizard.manifests.objects import kustomization, namespace
from wizard.manifests.release import Release
from wizard.manifests.runbook import runbook
from wizard.manifests.store_readers import CREDENTIAL_TITLE, CREDENTIAL_WAIT
from wizard.manifests.tree import File

# Without Helm hooks: under Argo CD and `helm --wait` a hook waits for pods that wait for it.
_NO_HOOKS = {
    "migrateDatabaseJob.useHelmHooks": False,
    "migrateDatabaseJob.applyCustomEnv": False,
    "createUserJob.useHelmHooks": False,
    "createUserJob.applyCustomEnv": False,
}


def _argo_hook(phase: str) -> dict[str, str]:
    return {
        "argocd.argoproj.io/hook": phase,
        "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
    }


class Delivery(Section):
    """Who installs the chart."""

    title: ClassVar[str] = "Delivery"
    intro: ClassVar[str] = (
        "Argo CD keeps the cluster equal to Git; with Helm, `apply` does; kind is for a laptop."
    )
    preview: ClassVar[str] = "argocd/application"

    kind: Annotated[
        Literal["argocd", "helm", "kind"],
        Ask(labels={"argocd": "Argo CD", "helm": "Helm, by apply", "kind": "local kind cluster"}),
    ] = Field(
        default="argocd",
        title="Delivery",
        description=(
            "Argo CD follows the branch; Helm installs what is committed when `apply` runs; with "
            "kind, the runbook holds the few commands."
        ),
    )
    argocd: ArgoCd = Field(default_factory=ArgoCd, title="Argo CD")

    def contribute(self, release: Release) -> Contribution:
        """Both Jobs without Helm hooks; under Argo CD as its own, neither tracked nor patched."""
        settings: dict[str, object] = dict(_NO_HOOKS)
        comments = {
            "migrateDatabaseJob.useHelmHooks": "a Helm hook would wait for pods that wait for it"
        }
        if self.kind == "argocd":
            for job, phase in (("migrateDatabaseJob", "Sync"), ("createUserJob", "PostSync")):
                settings[f"{job}.ttlSecondsAfterFinished"] = None
                settings[f"{job}.jobAnnotations"] = _argo_hook(phase)
            comments["migrateDatabaseJob.ttlSecondsAfterFinished"] = (
                "no TTL: a Job that vanishes is run again by self-healing"
            )
        return Contribution(settings=settings, comments=comments, readers=self.readers(release))

    def readers(self, release: Release) -> tuple[Reader, ...]:
        """Argo CD, where its credential comes from the store."""
        own = self.kind == "argocd" and release.store == "vault"
        if not own or self.argocd.credential != "store":
            return ()
        return (self.argocd.reader(release),)

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """Kustomization, Argo CD's objects, the namespace or kind's cluster file, the runbook."""
        # Argo CD makes the namespace itself, and so do the runbook's commands for kind.
        own = (namespace(release),) if self.kind == "helm" else ()
        files: list[File] = [*own]
        if total.manifests or own:
            files.append(kustomization(release, (*own, *total.manifests)))
        if self.kind == "argocd":
            files.extend(self._argo_files(release, total))
        elif self.kind == "kind":
            files.append(cluster_file(release))
        actions = self._actions(release, total)
        files.append(runbook(release, total, (*total.actions, *actions), self.argocd.namespace))
        return Contribution(files=tuple(files), actions=actions)

    def _argo_files(self, release: Release, total: Contribution) -> tuple[File, ...]:
        argo = ArgoSettings(
            namespace=self.argocd.namespace,
            project=self.argocd.project,
            repo_url=self.argocd.repo_url,
            revision=self.argocd.revision,
            destination=self.argocd.destination,
            prefix=release.prefix,
            cluster_store=release.cluster_store,
        )
        if self.argocd.applications == "two" and total.manifests:
            applications = two_applications(release, argo)
        else:
            applications = one_application(release, argo, manifests=bool(total.manifests))
        return (app_project(release, argo), *applications)

    def _actions(self, release: Release, total: Contribution) -> tuple[PlannedAction, ...]:
        """What `apply` does and waits for, under the same ids and owners."""
        if self.kind == "kind":
            return (PlannedAction("kind.install", "Install the chart with Helm (runbook)", "me"),)
        if self.kind == "helm":
            return _helm_actions(release, total)
        argo = self.argocd
        parent = "-parent" if argo.applications == "two" else ""
        found = [
            PlannedAction("git.branch", "Wait until the branch holds the planned files", "me"),
            PlannedAction("cluster.identity", "Compare the cluster with the recorded one", "me"),
        ]
        if argo.repo_url and git_location(argo.repo_url).scheme == "ssh":
            title = "Let Argo CD know the SSH host keys of this repository"
            found.append(PlannedAction("argocd.known-hosts", title, "platform"))
        found += self._credential(release)
        found += [
            PlannedAction("argocd.project", f"Create AppProject {argo.project}", "platform"),
            PlannedAction(
                "argocd.application",
                f"Create Application {release.installation}{parent}",
                "platform",
            ),
        ]
        return (*found, *_waits(release))

    def _credential(self, release: Release) -> tuple[PlannedAction, ...]:
        if not self.readers(release):
            title = "See whether Argo CD may read this repository"
            return (PlannedAction("argocd.repository", title, "platform"),)
        found: tuple[PlannedAction, ...] = ()
        if self.argocd.over_ssh:
            place = git_location(self.argocd.repo_url)
            title = f"Register Argo CD's key, read-only, at {place.host}/{place.path}"
            found = (PlannedAction("argocd.register-key", title, "platform"),)
        return (
            *found,
            PlannedAction("argocd.credential", CREDENTIAL_TITLE, "platform"),
            PlannedAction("argocd.repository", CREDENTIAL_WAIT, "me"),
        )


def _helm_actions(release: Release, total: Contribution) -> tuple[PlannedAction, ...]:
    waits = _waits(release)
    before = ("verify.store", "verify.secrets")
    store = {f"secrets/{name}" for name in ("store", "service-account", "vault-ca")}
    secrets = {f"secrets/{secret.name}" for secret in total.secrets}
    others = [
        file
        for file in total.manifests
        if file.logical not in store | secrets and "/store-account-" not in file.logical
    ]
    more = PlannedAction("helm.manifests", "Create what else stands beside the chart", "me")
    return (
        PlannedAction("git.branch", "Wait until the branch holds the planned files", "me"),
        PlannedAction("cluster.identity", "Compare the cluster with the recorded one", "me"),
        PlannedAction("helm.program", "See which helm is on this machine", "me"),
        PlannedAction("helm.namespace", f"Create namespace {release.namespace}", "platform"),
        PlannedAction("helm.store", "Create the store and its account", "me"),
        PlannedAction("helm.secrets", "Create the ExternalSecrets", "me"),
        *([more] if others else []),
        *(one for one in waits if one.id in before),
        PlannedAction("helm.chart", f"Install chart {release.chart} with Helm", "me"),
        *(one for one in waits if one.id not in before),
    )


def _waits(release: Release) -> tuple[PlannedAction, ...]:
    titles = {
        "store": "Wait until the store is valid",
        "secrets": "Wait until the Secrets are there",
        "application": "Wait until Argo CD has synced it and it is healthy",
        "migrations": "Wait until the database is migrated",
        "git-sync": "Wait until the DAGs are cloned",
        "airflow": "Wait until Airflow is healthy",
    }
    if release.store != "vault":
        del titles["store"]
    if release.delivery != "argocd":
        del titles["application"]
    if release.dag_source != "git-sync":
        del titles["git-sync"]
    return tuple(PlannedAction(f"verify.{name}", title, "me") for name, title in titles.items())
