"""What the installation reads from Secrets of others, and the answers that name each key.

Source: chart 1.22.0, its Secret contract and `enableBuiltInSecretEnvVars` (facts on the chart,
sections 2 and 8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wizard.manifests.postgres import ASYNC_KEY, ASYNC_SINCE
from wizard.secrets.facts import SecretSpec
from wizard.stores.existing.questions import NAME, BundleSecret, ExistingSecrets, SecretKeys

if TYPE_CHECKING:
    from wizard.manifests.contribution import Contribution, NeededKey
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers

METADATA_URL = f"secrets.{NAME}.metadata.key"
_ASYNC_URL = f"secrets.{NAME}.metadata.async_key"
_CONNECTION = {"connection": "key"}


@dataclass(frozen=True, slots=True)
class Contract:
    """One Secret of the installation, as the sections contribute it.

    `question` is its name below `secrets.existing`, `suffix` that of its default name. `keys` maps
    the key in our Secret to the question that names it; an empty question: no other name works.
    A key whose question has an empty answer is not read.
    `variables` are the chart's own variables that read its first key under a fixed name, and
    `components` get them instead (none: every Airflow container).
    """

    question: str
    suffix: str
    keys: Mapping[str, str] = field(default_factory=lambda: dict(_CONNECTION))
    variables: tuple[str, ...] = ()
    components: tuple[str, ...] = ()


CONTRACTS: tuple[Contract, ...] = (
    Contract(
        "metadata",
        "metadata",
        {"connection": "key", ASYNC_KEY: "async_key"},
        variables=("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW_CONN_AIRFLOW_DB"),
    ),
    Contract("metadata_direct", "metadata-direct"),
    Contract("result_backend", "result-backend", variables=("AIRFLOW__CELERY__RESULT_BACKEND",)),
    Contract("broker", "broker-url", variables=("AIRFLOW__CELERY__BROKER_URL",)),
    Contract("redis", "redis-password", {"password": "key"}),
    Contract(
        "fernet_key", "fernet-key", {"fernet-key": "key"}, variables=("AIRFLOW__CORE__FERNET_KEY",)
    ),
    Contract(
        "api_secret_key",
        "api-secret-key",
        {"api-secret-key": "key"},
        variables=("AIRFLOW__API__SECRET_KEY",),
    ),
    Contract(
        "jwt_secret",
        "jwt-secret",
        {"jwt-secret": "key"},
        variables=("AIRFLOW__API_AUTH__JWT_SECRET",),
        # Only these sign and verify the tokens of tasks; no DAG code runs in them.
        components=("api-server", "scheduler"),
    ),
    Contract(
        "webserver_secret_key",
        "webserver-secret-key",
        {"webserver-secret-key": "key"},
        variables=("AIRFLOW__WEBSERVER__SECRET_KEY",),
    ),
    Contract(
        "pgbouncer_config", "pgbouncer-config", {"pgbouncer.ini": "ini", "users.txt": "users"}
    ),
    Contract("pgbouncer_stats", "pgbouncer-stats"),
    Contract("git_ssh_key", "ssh-secret", {"gitSshKey": "key"}),
    Contract(
        "git_credentials",
        "git-credentials",
        dict.fromkeys(
            ("GIT_SYNC_USERNAME", "GIT_SYNC_PASSWORD", "GITSYNC_USERNAME", "GITSYNC_PASSWORD"), ""
        ),
    ),
    Contract("git_connection", "git-connection"),
    Contract("logs_connection", "logs-connection"),
    Contract("elasticsearch", "elasticsearch"),
    Contract("opensearch", "opensearch", {"connection": "key", "password": "password"}),
    # The other keys of the Job's Secret are no secrets: its variables get them from the answers.
    Contract("admin", "default-user", {"password": "key"}),
    Contract("oauth_client", "oauth-client", {"client-secret": "key"}),
    Contract("oauth2_proxy", "oauth2-proxy", {"cookie-secret": "key"}),
    Contract("postgresql", "postgresql-auth", {"postgres-password": "key"}),
)


_BUNDLES = "git-connection-"


def find_bundle(own: Any, bundle: str) -> tuple[Contract, SecretKeys]:
    """Return the contract of one of `dags.bundles`, and its answers in `secrets.existing`."""
    listed = [one for one in own.bundle_connections if one.bundle == bundle]
    contract = Contract(f"bundle_connections.{bundle}", f"{_BUNDLES}{bundle}")
    return contract, listed[0] if listed else BundleSecret(bundle=bundle)


@dataclass(frozen=True, slots=True)
class ExistingSecret:
    """A Secret that the installation reads: our spec, and the name and the keys in its place.

    `keys` maps each key of the spec that is read to the key in the Secret of others.
    """

    spec: SecretSpec
    contract: Contract
    name: str
    keys: Mapping[str, str]

    def question(self, key: str) -> str:
        """Return the dotted question that names a key of the spec."""
        return f"secrets.{NAME}.{self.contract.question}.{self.contract.keys.get(key) or 'name'}"

    @property
    def moved(self) -> tuple[str, str] | None:
        """Return the first key that the chart reads under its own name only, and its other name.

        None if the Secret has all of them.
        """
        pairs = [
            (ours, other) for ours, other in self.keys.items() if ours not in (other, ASYNC_KEY)
        ]
        return pairs[0] if pairs else None


def list_existing_secrets(
    secrets: SecretsAnswers, release: Release, total: Contribution
) -> Iterator[ExistingSecret]:
    """Yield what the sections contribute, each with the name and the keys that the answers give.

    Raises KeyError for a Secret without a contract, a bug in a section.
    """
    own = secrets.answers_of(NAME, ExistingSecrets)
    contracts = {release.secret(one.suffix): one for one in CONTRACTS}
    bundles = release.secret(_BUNDLES)
    for spec in total.secrets:
        if spec.name.startswith(bundles):
            contract, answers = find_bundle(own, spec.name.removeprefix(bundles))
        else:
            contract = contracts[spec.name]
            answers = getattr(own, contract.question)
        keys = {
            ours: getattr(answers, question) if question else ours
            for ours, question in contract.keys.items()
            if ours in spec.keys
        }
        keys = {ours: key for ours, key in keys.items() if key}
        name = answers.name or getattr(own, "secret", "") or spec.name
        yield ExistingSecret(spec, contract, name, keys)


def derives_async_url(release: Release, needed: Iterable[NeededKey]) -> bool:
    """Return whether Airflow derives its asynchronous URL, because no key of a Secret has it."""
    asked = {one.question for one in needed}
    return release.airflow >= ASYNC_SINCE and METADATA_URL in asked and _ASYNC_URL not in asked
