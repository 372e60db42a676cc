"""The section Secrets store: where secret values live, and how they become Secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from wizard.answers.sections.extra_secrets import ExtraSecret, check_names, contribute_extra
from wizard.answers.sections.secrets_backend import Backend
from wizard.errors import AnswersError, Problem
from wizard.formats.types import Duration
from wizard.manifests.contribution import Contribution, combine_contributions
from wizard.manifests.release import Release
from wizard.questions.effects import ANOTHER_PAYLOAD, Effect
from wizard.questions.kinds import KindQuestions, add_kind_questions
from wizard.questions.section import KindSection, QuestionInfo
from wizard.secrets.facts import Fact, FactUse, Form, SecretSpec
from wizard.stores.backend import backend_files, contribute_backend
from wizard.stores.conditions import CLUSTER_SCOPE, DOCUMENTS, EXTERNAL_SECRETS
from wizard.stores.registry import STORES, store_kind, store_kinds

if TYPE_CHECKING:
    StoreName = str
else:
    StoreName = Literal[tuple(STORES)]

# Each tuple: suffix of the Secret, key that the chart reads, setting, fact and purpose. Source:
# chart 1.22.0, Secret contract.
_FERNET = (
    "fernet-key",
    "fernet-key",
    "fernetKeySecretName",
    Fact("fernetKey", Form.FERNET, "Fernet key"),
    "encrypts connections and variables in the database",
)
_KEYS_3 = (
    _FERNET,
    (
        "api-secret-key",
        "api-secret-key",
        "apiSecretKeySecretName",
        Fact("apiSecretKey", Form.KEY, "API secret key"),
        "signs sessions and log requests",
    ),
    (
        "jwt-secret",
        "jwt-secret",
        "jwtSecretName",
        Fact("jwtSecret", Form.KEY, "JWT secret"),
        "signs the tokens of running tasks",
    ),
)
_KEYS_2 = (
    _FERNET,
    (
        "webserver-secret-key",
        "webserver-secret-key",
        "webserverSecretKeySecretName",
        Fact("webserverSecretKey", Form.KEY, "webserver secret key"),
        "signs sessions and log requests",
    ),
)


_ANOTHER_SHAPE = Effect(
    "another-payload",
    "data",
    "Airflow's keys are read in another shape: store the old values in it first. With a new Fernet "
    "key, Airflow cannot decrypt its connections.",
)


@add_kind_questions(KindQuestions(one.name, one.questions, one.title) for one in store_kinds())
class Secrets(KindSection):
    """Where secret values live."""

    title: ClassVar[str] = "Secrets store"
    intro: ClassVar[str] = "Git holds the names of Secrets. Their values are kept in the store."
    preview: ClassVar[str] = "secrets/store"

    store: Annotated[
        StoreName,
        QuestionInfo(
            labels={one.name: one.label for one in store_kinds()}, effects=(ANOTHER_PAYLOAD,)
        ),
    ] = Field(
        default=next(iter(STORES)),
        title="Store",
        description=(
            "Where Secrets come from; Git has no value in plain text. From Vault, External Secrets "
            "copies them to the cluster. Created there, they are readable to whoever may read the "
            "namespace's Secrets."
        ),
    )
    scope: Annotated[
        Literal["namespace", "cluster"],
        QuestionInfo(
            when=CLUSTER_SCOPE,
            labels={
                "namespace": "SecretStore with its own account",
                "cluster": "ClusterSecretStore with conditions",
            },
        ),
    ] = Field(
        default="namespace",
        title="Scope",
        description="A SecretStore with its own ServiceAccount serves this namespace only.",
    )
    payload: Annotated[
        Literal["keys", "document"],
        QuestionInfo(
            when=DOCUMENTS,
            labels={"keys": "one key per value", "document": "one YAML document under `config`"},
            effects=(_ANOTHER_SHAPE,),
        ),
    ] = Field(
        default="keys",
        title="Payload",
        description="With keys, a missing value affects one Secret. A document is read as a whole.",
    )
    refresh_interval: Annotated[
        Duration, QuestionInfo(when=EXTERNAL_SECRETS, preview="secrets/airflow-metadata")
    ] = Field(
        default="1h",
        title="Refresh",
        description="How often the operator reads the store. Each read is a login.",
    )
    extra: Annotated[
        list[ExtraSecret],
        QuestionInfo(
            takes="a list of {name, from, keys, values, env, mount, pull}. from: store (an "
            "ExternalSecret is written) or existing (others make it). keys: names of its keys. "
            "values, with from: store: a reference for each key, such as {KEY: {env: NAME}}, else "
            "`airflow-wizard secrets` prompts for it. env: all, or a list of api-server, "
            "scheduler, dag-processor, triggerer, worker. mount: a path in all Airflow "
            "containers. pull: true for image pulls",
            example="[{name: aws, from: store, keys: [AWS_KEY, AWS_SECRET], env: worker}, "
            "{name: registry, from: existing, pull: true}]",
        ),
    ] = Field(
        default_factory=list,
        title="More Secrets",
        description="Secrets of your own: from the store, or made by others. List each that your "
        "values name.",
    )

    backend: Backend = Field(default_factory=Backend, title="Secrets backend")

    @field_validator("extra", mode="after")
    @classmethod
    def _unique(cls, extra: list[ExtraSecret]) -> list[ExtraSecret]:
        check_names(extra)
        return extra

    def contribute(self, release: Release) -> Contribution:
        """Name a Secret for each of Airflow's keys; otherwise each sync would create new keys."""
        keys = _KEYS_3 if release.airflow_3 else _KEYS_2
        secrets = [
            SecretSpec(release.secret(suffix), {key: (FactUse(fact),)}, (setting,), purpose)
            for suffix, key, setting, fact, purpose in keys
        ]
        settings = {setting: secret.name for secret in secrets for setting in secret.settings}
        own = Contribution(settings=settings, secrets=tuple(secrets))
        backend = contribute_backend(self, release)
        return combine_contributions([own, contribute_extra(self.extra), backend])

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """Return the files and steps that the store adds.

        Raises AnswersError for one more Secret with a name that the installation uses.
        """
        made = [secret.name for secret in total.secrets]
        for number, one in enumerate(self.extra):
            if made.count(one.name) > (one.source == "store"):
                message = "Airflow already has a Secret of this name: use another one"
                problem = Problem(f"secrets.extra.{number}.name", message)
                raise AnswersError("a Secret has two sources", [problem])
        composed = store_kind(self.store).compose(self, release, total)
        return combine_contributions([composed, backend_files(self, release, total)])
