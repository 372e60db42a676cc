"""This machine's login to AWS for all steps of a run; opened on first use."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.formats.yaml_reader import read_mapping
from wizard.secrets.payload import Payload
from wizard.stores.aws.live.client import SecretsManager, open_secrets_manager
from wizard.stores.aws.live.errors import AwsError
from wizard.stores.aws.live.payload_store import AwsPayloadStore
from wizard.stores.aws.settings import AwsSettings, aws_reader_settings, aws_settings
from wizard.systems.cluster.external_secrets import read_external_secrets
from wizard.systems.payload_store import read_state
from wizard.systems.store_login import StoredKeys

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release
    from wizard.stores.aws.live.login import AwsLogin
    from wizard.systems.target import Target

NO_LOGIN = "no AWS login found on this machine"


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """The account of the answers and the login of this machine."""

    store: AwsSettings
    login: AwsLogin

    @property
    def identity(self) -> str:
        """Return account, region and login in one sentence, without the secret."""
        return f"Secrets Manager of {self.store.title}: {self.login.identity}"


def list_settings(answers: Answers, release: Release) -> tuple[AwsSettings, ...]:
    """Return the settings of the installation's own payload and of each other reader's."""
    return (
        aws_settings(answers.secrets, release),
        *(
            aws_reader_settings(answers.secrets, release, reader)
            for reader in answers.delivery.readers(release)
        ),
    )


class SecretsManagerLogin:
    """The run's login; see `wizard.systems.store_login.StoreLogin`."""

    def __init__(self, target: Target) -> None:
        every = list_settings(target.answers, target.release)
        self.store = every[0]
        self._every = {one.reader: one for one in every}
        self._target = target
        self._access: AwsAccess | None = target.access
        self._client: SecretsManager | None = None
        self._stack = ExitStack()
        target.cleanups.append(weakref.finalize(self, self._stack.close))

    @property
    def has_access(self) -> bool:
        """Whether this machine has a login."""
        return self._access is not None

    @property
    def client(self) -> SecretsManager:
        """The client; raises AwsError without a login."""
        if self._access is None:
            raise AwsError("login", NO_LOGIN)
        if self._client is None:
            opened = open_secrets_manager(self.store, self._access.login)
            self._client = self._stack.enter_context(opened)
        return self._client

    @property
    def place(self) -> str:
        """The names of the installation's secrets, account and region."""
        return self.store.place

    @property
    def path(self) -> str:
        """The prefix of the secrets' names."""
        return self.store.path

    @property
    def inspect_command(self) -> str:
        """The command that lists the secrets, without values."""
        return (
            f"aws secretsmanager list-secrets --region {self.store.region} "
            f"--filters Key=name,Values={self.store.path}/ "
            "--query 'SecretList[].[Name, Tags]' --output json"
        )

    def read_name(self, reference: Mapping[str, Any], reader: str = "") -> str:
        """Return the name of the secret that a `remoteRef` reads; empty for another prefix."""
        name = str(reference.get("key") or "")
        return name if name.startswith(f"{self._every[reader].path}/") else ""

    def stored_keys(self, reader: str = "") -> StoredKeys | None:
        """Return the names of the secrets; None if this run may not see them.

        Each name that the committed files read is asked for: AWS's list lacks what was created in
        the last minutes.
        """
        if self._access is None:
            return None
        try:
            found = [self.client.describe(name) for name in self._list_names(reader)]
        except AwsError as error:
            if not error.unseen:
                raise
            return None
        return StoredKeys(frozenset(one.name for one in found if one and not one.is_deleted))

    def _list_names(self, reader: str) -> list[str]:
        """Return the names that the committed ExternalSecrets of a reader read, each once."""
        named = (self.read_name(one, reader) for one in self._list_references())
        return list(dict.fromkeys(filter(None, named)))

    def _list_references(self) -> Iterator[Mapping[str, Any]]:
        texts = {
            **self._target.files_under("secrets/"),
            **self._target.files_under("argocd/bootstrap/"),
        }
        for logical, text in texts.items():
            manifest = read_mapping(text, logical)
            if manifest.get("kind") == "ExternalSecret":
                for item in manifest["spec"].get("data") or []:
                    yield item.get("remoteRef") or {}

    def read_payload(self) -> tuple[Payload | None, str]:
        """Return the values that the committed ExternalSecrets read, or why this run cannot."""
        if self._access is None:
            return None, NO_LOGIN
        keys = dict.fromkeys(
            str(item.get("secretKey"))
            for manifest in read_external_secrets(self._target).values()
            for item in manifest["spec"].get("data") or []
            if self.read_name(item.get("remoteRef") or {})
        )
        try:
            return read_state(AwsPayloadStore(self.client, self.store, tuple(keys))).payload, ""
        except AwsError as error:
            if not error.unseen:
                raise
            return None, error.message
