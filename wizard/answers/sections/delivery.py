"""Delivery: who installs the chart, and the runbook for it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wizard.answers.section import QuestionInfo, Section
from wizard.answers.sections.argocd import ArgoCd
from wizard.formats.addresses import parse_git_url
from wizard.manifests.argocd import ArgoSettings, app_project, one_application, two_applications
from wizard.manifests.contribution import Contribution, Reader, StepSpec
from wizard.manifests.kind import kind_cluster_file
from wizard.manifests.objects import kustomization_file, namespace_file
from wizard.manifests.release import Release
from wizard.manifests.runbook import render_runbook
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
        QuestionInfo(
            labels={"argocd": "Argo CD", "helm": "Helm, by apply", "kind": "local kind cluster"}
        ),
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
        own = (namespace_file(release),) if self.kind == "helm" else ()
        files: list[File] = [*own]
        if total.manifests or own:
            files.append(kustomization_file(release, (*own, *total.manifests)))
        if self.kind == "argocd":
            files.extend(self._argo_files(release, total))
        elif self.kind == "kind":
            files.append(kind_cluster_file(release))
        actions = self._actions(release, total)
        files.append(
            render_runbook(release, total, (*total.actions, *actions), self.argocd.namespace)
        )
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

    def _actions(self, release: Release, total: Contribution) -> tuple[StepSpec, ...]:
        """What `apply` does and waits for, under the same ids and owners."""
        if self.kind == "kind":
            return (StepSpec("kind.install", "Install the chart with Helm (runbook)", "me"),)
        if self.kind == "helm":
            return _helm_steps(release, total)
        argo = self.argocd
        parent = "-parent" if argo.applications == "two" else ""
        found = [
            StepSpec("git.branch", "Wait until the branch holds the planned files", "me"),
            StepSpec("cluster.identity", "Compare the cluster with the recorded one", "me"),
        ]
        if argo.repo_url and parse_git_url(argo.repo_url).scheme == "ssh":
            title = "Let Argo CD know the SSH host keys of this repository"
            found.append(StepSpec("argocd.known-hosts", title, "platform"))
        found += self._credential_steps(release)
        found += [
            StepSpec("argocd.project", f"Create AppProject {argo.project}", "platform"),
            StepSpec(
                "argocd.application",
                f"Create Application {release.installation}{parent}",
                "platform",
            ),
        ]
        return (*found, *_wait_steps(release))

    def _credential_steps(self, release: Release) -> tuple[StepSpec, ...]:
        if not self.readers(release):
            title = "See whether Argo CD may read this repository"
            return (StepSpec("argocd.repository", title, "platform"),)
        found: tuple[StepSpec, ...] = ()
        if self.argocd.is_over_ssh:
            place = parse_git_url(self.argocd.repo_url)
            title = f"Register Argo CD's key, read-only, at {place.host}/{place.path}"
            found = (StepSpec("argocd.register-key", title, "platform"),)
        return (
            *found,
            StepSpec("argocd.credential", CREDENTIAL_TITLE, "platform"),
            StepSpec("argocd.repository", CREDENTIAL_WAIT, "me"),
        )


def _helm_steps(release: Release, total: Contribution) -> tuple[StepSpec, ...]:
    waits = _wait_steps(release)
    before = ("verify.store", "verify.secrets")
    store = {f"secrets/{name}" for name in ("store", "service-account", "vault-ca")}
    secrets = {f"secrets/{secret.name}" for secret in total.secrets}
    others = [
        file
        for file in total.manifests
        if file.logical not in store | secrets and "/store-account-" not in file.logical
    ]
    more = StepSpec("helm.manifests", "Create what else stands beside the chart", "me")
    return (
        StepSpec("git.branch", "Wait until the branch holds the planned files", "me"),
        StepSpec("cluster.identity", "Compare the cluster with the recorded one", "me"),
        StepSpec("helm.program", "See which helm is on this machine", "me"),
        StepSpec("helm.namespace", f"Create namespace {release.namespace}", "platform"),
        StepSpec("helm.store", "Create the store and its account", "me"),
        StepSpec("helm.secrets", "Create the ExternalSecrets", "me"),
        *([more] if others else []),
        *(one for one in waits if one.id in before),
        StepSpec("helm.chart", f"Install chart {release.chart} with Helm", "me"),
        *(one for one in waits if one.id not in before),
    )


def _wait_steps(release: Release) -> tuple[StepSpec, ...]:
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
    return tuple(StepSpec(f"verify.{name}", title, "me") for name, title in titles.items())
