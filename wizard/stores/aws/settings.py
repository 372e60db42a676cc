"""The settings that the store object, its ServiceAccount and all clients of AWS share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wizard.manifests.external_secrets import StoreSettings
from wizard.stores.aws.names import endpoint_host, format_secret_name, split_role
from wizard.stores.aws.questions import NAME, AwsCredential, AwsStore

if TYPE_CHECKING:
    from wizard.manifests.contribution import Reader
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSettings(StoreSettings):
    """Settings of a store whose values are in Secrets Manager, each in a secret of its own.

    `mount` is account and region, and `path` the prefix of the secrets' names.
    """

    region: str
    role_arn: str
    kms_key: str
    endpoint: str

    @property
    def account(self) -> str:
        """Return the number of the account that the secrets are in."""
        return split_role(self.role_arn)[1]

    @property
    def url(self) -> str:
        """Return the address of Secrets Manager that the operator uses."""
        return self.endpoint or f"https://{endpoint_host('secretsmanager', self.region)}"

    @property
    def subject(self) -> str:
        """Return the subject of the ServiceAccount's tokens, as a trust policy names it."""
        return f"system:serviceaccount:{self.account_namespace}:{self.service_account}"

    @property
    def place(self) -> str:
        """Return the names of the secrets and where they are, for messages."""
        return f"{self.path}/* in {self.title}"

    @property
    def title(self) -> str:
        """Return Secrets Manager with account and region, for messages."""
        return f"AWS account {self.account}, {self.region}"

    def secret_name(self, key: str) -> str:
        """Return the name of the secret that holds a key of the payload."""
        return format_secret_name(self.path, key)

    def remote_reference(self, key: str) -> dict[str, str]:
        """Return the secret of this key; without a property, it is read as a whole."""
        return {"key": self.secret_name(key)}


def aws_answers(secrets: SecretsAnswers) -> AwsStore:
    """Return the answers to the questions about Secrets Manager."""
    return secrets.answers_of(NAME, AwsStore)


def secret_prefix(prefix: str, installation: str) -> str:
    """Return the prefix of the secrets' names: the answer, or the installation's default."""
    return prefix or f"airflow-install/{installation}/config"


def aws_settings(secrets: SecretsAnswers, release: Release) -> AwsSettings:
    """Return the settings of the installation's own store."""
    own = aws_answers(secrets)
    return AwsSettings(
        name=f"aws-{release.installation}",
        kind="SecretStore",
        mount=f"{split_role(own.role_arn)[1]}/{own.region}",
        path=secret_prefix(own.prefix, release.installation),
        service_account=release.names.object_name("external-secrets"),
        account_namespace=release.namespace,
        document=False,
        refresh_interval=secrets.refresh_interval,
        region=own.region,
        role_arn=own.role_arn,
        kms_key=own.kms_key,
        endpoint=own.endpoint.rstrip("/"),
    )


def aws_reader_settings(secrets: SecretsAnswers, release: Release, reader: Reader) -> AwsSettings:
    """Return the settings of another reader: the same account, with its own prefix."""
    store = aws_settings(secrets, release)
    own = reader.answers if isinstance(reader.answers, AwsCredential) else AwsCredential()
    return replace(
        store,
        name=reader.name,
        path=own.prefix or f"{store.path}-{reader.id}",
        service_account=reader.name,
        account_namespace=reader.namespace,
        role_arn=own.role_arn or store.role_arn,
        reader=reader.id,
    )


def aws_place(secrets: SecretsAnswers, installation: str) -> tuple[str, str]:
    """Return the names of an installation's secrets, and account and region, for messages."""
    own = aws_answers(secrets)
    account = split_role(own.role_arn)[1]
    named = f"AWS Secrets Manager of account {account}, {own.region}"
    missing = "AWS Secrets Manager (later questions ask for role and region)"
    place = f"{secret_prefix(own.prefix, installation)}/*"
    return place, named if account and own.region else missing
