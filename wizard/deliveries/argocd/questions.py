"""The questions about Argo CD: where it runs, what it reads, and with which credential."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from wizard.deliveries.argocd.manifests import (
    CREDENTIAL_PREFIX,
    CREDENTIAL_REMOVAL,
    REPOSITORY_LABEL,
)
from wizard.deliveries.argocd.settings import ArgoSettings
from wizard.formats.address_types import GitRef, GitUrl, HttpsUrl
from wizard.formats.addresses import is_ssh_url
from wizard.formats.types import KubeName, Text
from wizard.manifests.contribution import Reader
from wizard.manifests.release import Release
from wizard.questions.conditions import when, when_matching
from wizard.questions.effects import Effect
from wizard.questions.host_keys import TAKES_HOST_KEYS, HostKeyEntry
from wizard.questions.kinds import KindQuestions, add_kind_questions
from wizard.questions.section import Model, QuestionInfo
from wizard.secrets.facts import Encoding, Fact, FactUse, Form, SecretSpec, Template
from wizard.secrets.references import DeployKey, SecretRef
from wizard.stores.conditions import EXTERNAL_SECRETS
from wizard.stores.registry import store_kinds

if TYPE_CHECKING:
    from wizard.deliveries.answers import DeliveryAnswers

NAME = "argocd"
ARGOCD = when("Argo CD", "delivery.kind", NAME)
SSH_REPOSITORY = ARGOCD & when_matching(
    "a config repository over SSH", "delivery.argocd.repo_url", is_ssh_url
)
STORE_CREDENTIAL = (
    ARGOCD
    & EXTERNAL_SECRETS
    & when("a credential from the store", "delivery.argocd.credential", "store")
)
REPOSITORY_KEY = STORE_CREDENTIAL & when_matching(
    "a config repository over SSH", "delivery.argocd.repo_url", is_ssh_url
)
REPOSITORY_TOKEN = STORE_CREDENTIAL & when_matching(
    "a config repository over HTTPS",
    "delivery.argocd.repo_url",
    lambda url: not is_ssh_url(url),
)


_ANOTHER_CLUSTER = Effect(
    "another-cluster",
    "new system",
    "Airflow is created again in another cluster, and deleted or left behind in {old}. Volumes and "
    "Secrets do not move.",
)
_OTHER_APPLICATIONS = Effect(
    "other-applications",
    "interrupt",
    "The Applications change their names or their place. Delete the old ones without their "
    "resources (`argocd app delete NAME --cascade=false`), or they delete Airflow.",
)


@add_kind_questions(
    KindQuestions(
        store.name,
        store.reader_questions,
        f"Credential in {store.title}",
        STORE_CREDENTIAL & when(store.title, "secrets.store", store.name),
    )
    for store in store_kinds()
)
class ArgoCd(Model):
    """The existing Argo CD, and its access to the config repository."""

    namespace: Annotated[KubeName, QuestionInfo(when=ARGOCD, effects=(_OTHER_APPLICATIONS,))] = (
        Field(default="argocd", title="Argo namespace", description="Namespace of Argo CD.")
    )
    project: Annotated[KubeName, QuestionInfo(when=ARGOCD, preview="argocd/project")] = Field(
        default="airflow",
        title="Project",
        description="AppProject of the Application. `default` allows everything and is refused.",
    )
    project_kind: Annotated[
        Literal["own", "existing"],
        QuestionInfo(
            when=ARGOCD,
            labels={"own": "of this installation", "existing": "existing, used as it is"},
            preview="argocd/application",
        ),
    ] = Field(
        default="own",
        title="Project kind",
        description=(
            "An own project allows this installation only. An existing one is the platform "
            "team's: `apply` checks what it allows, and never changes or removes it."
        ),
    )
    applications: Annotated[
        Literal["one", "two"],
        QuestionInfo(
            when=ARGOCD,
            labels={"one": "one, ordered by waves", "two": "two, below a parent"},
            effects=(_OTHER_APPLICATIONS,),
        ),
    ] = Field(
        default="one",
        title="Applications",
        description="One syncs Secrets before the chart. Two need a parent that an admin creates.",
    )
    repo_url: Annotated[
        GitUrl,
        QuestionInfo(
            when=ARGOCD,
            required=True,
            find="`git remote get-url origin` here, or `argocd repo list`.",
            machine="Git remote",
        ),
    ] = Field(
        default="",
        title="This repository",
        description="URL of the config repository, spelled exactly as in Argo CD.",
    )
    credential: Annotated[
        Literal["known", "store"],
        QuestionInfo(
            when=ARGOCD & EXTERNAL_SECRETS,
            labels={"known": "Argo CD has one already", "store": "from the store, read by Argo CD"},
            source="Argo CD, repository credentials",
        ),
    ] = Field(
        default="known",
        title="Credential",
        description=(
            "How Argo CD logs in to this repository: with a credential it has already, or with one "
            "from the store, at a place of its own that Airflow's account cannot read."
        ),
    )
    host_keys: Annotated[
        list[HostKeyEntry], QuestionInfo(when=SSH_REPOSITORY, takes=TAKES_HOST_KEYS)
    ] = Field(
        default_factory=list,
        title="Host keys",
        description=(
            "Public keys of this repository's host, for Argo CD, verified as those of the DAG "
            "repository are. Empty: the published keys, or those that Argo CD has already."
        ),
    )
    key: Annotated[DeployKey, QuestionInfo(when=REPOSITORY_KEY)] = Field(
        default=DeployKey(generate=True),
        title="Repository key",
        description=(
            "Read-only key of this repository, not of the DAG repository: generated in the store, "
            "or a reference to your own."
        ),
    )
    username: Annotated[
        Text,
        QuestionInfo(
            when=REPOSITORY_TOKEN,
            required=True,
            find="The Git host shows it where you create the access token.",
        ),
    ] = Field(default="", title="User", description="User name or token name of a read-only token.")
    token: Annotated[SecretRef, QuestionInfo(when=REPOSITORY_TOKEN)] = Field(
        default=SecretRef(env="ARGOCD_REPOSITORY_TOKEN"),
        title="Token",
        description="Reference to the read-only token. The answers never hold the token itself.",
    )
    revision: Annotated[GitRef, QuestionInfo(when=ARGOCD)] = Field(
        default="main", title="Revision", description="Branch that Argo CD follows."
    )
    destination: Annotated[HttpsUrl, QuestionInfo(when=ARGOCD, effects=(_ANOTHER_CLUSTER,))] = (
        Field(
            default="https://kubernetes.default.svc",
            title="Cluster",
            description="Address of the target cluster in Argo CD. Default: Argo CD's own cluster.",
        )
    )

    @field_validator(
        "host_keys", mode="before", json_schema_input_type=str | list[str | HostKeyEntry]
    )
    @classmethod
    def _pasted(cls, value: object, info: ValidationInfo) -> object:
        from wizard.hostkeys.paste import normalize_host_keys

        return normalize_host_keys(value, info.data.get("repo_url"))

    @property
    def is_over_ssh(self) -> bool:
        """Return whether the config repository is read over SSH."""
        return is_ssh_url(self.repo_url)

    @property
    def uses_existing_project(self) -> bool:
        """Return whether the AppProject is somebody else's."""
        return self.project_kind == "existing"

    def settings(self, release: Release) -> ArgoSettings:
        """Return what the manifests of Argo CD need."""
        return ArgoSettings(
            namespace=self.namespace,
            project=self.project,
            repo_url=self.repo_url,
            revision=self.revision,
            destination=self.destination,
            prefix=release.prefix,
            cluster_store=release.cluster_store,
        )

    def reader(self, release: Release) -> Reader:
        """Return Argo CD as a reader of the store, with its labelled repository Secret."""
        keys: dict[str, Template] = {
            "name": (release.installation,),
            "type": ("git",),
            "url": (self.repo_url,),
        }
        if self.is_over_ssh:
            title = "key of the config repository"
            key = Fact("repositorySshKey", Form.SSH_KEY, title, "", self.key)
            keys["sshPrivateKey"] = (FactUse(key, Encoding.PEM), "\n")
        else:
            token = Fact("repositoryToken", Form.GIVEN, "Argo CD's Git token", "", self.token)
            keys |= {"username": (self.username,), "password": (FactUse(token),)}
        name = f"{release.installation}-repository"
        secret = SecretSpec(
            name,
            keys,
            purpose="Argo CD's credential for this repository",
            labels={REPOSITORY_LABEL: "repository"},
        )
        own = getattr(self, release.store, None)
        return Reader(
            "argocd", name, self.namespace, secret, CREDENTIAL_PREFIX, own, CREDENTIAL_REMOVAL
        )


def argocd_answers(delivery: DeliveryAnswers) -> ArgoCd:
    """Return the answers to the questions about Argo CD."""
    return delivery.answers_of(NAME, ArgoCd)
