"""Secrets Manager as this machine reaches it, and the login that fills it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.formats.nested import get_value
from wizard.stores.aws.live.client import find_endpoint, open_secrets_manager
from wizard.stores.aws.live.login import LOGIN_HINT, find_login
from wizard.stores.aws.live.payload_store import AwsPayloadStore
from wizard.stores.aws.questions import ENDPOINT_KEY, REGION_KEY, ROLE_KEY
from wizard.stores.aws.settings import AwsSettings, aws_settings
from wizard.stores.live import StoreLocation

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.git.repository import WorkTree
    from wizard.manifests.release import Release
    from wizard.secrets.payload import PayloadPlace
    from wizard.stores.aws.live.client import SecretsManager
    from wizard.stores.aws.live.login import AwsLogin

TITLE = "AWS Secrets Manager"
EXPERIMENTAL = (
    "note: the store aws is experimental: it was tested with a simulated AWS only; values are "
    "created only where no secret has the name, and none is ever replaced"
)


@dataclass(frozen=True, slots=True)
class OpenSecretsManager:
    """Secrets Manager with a login that can fill it; see `wizard.stores.live.OpenStore`."""

    client: SecretsManager
    source: str = ""

    @property
    def identity(self) -> str:
        """Return the name of the login, for messages."""
        return self.client.identity

    def payload_store(self, settings: PayloadPlace, keys: Sequence[str] = ()) -> AwsPayloadStore:
        """Return the payload store at the prefix of `settings`."""
        return AwsPayloadStore(self.client, require_aws(settings), tuple(keys), self.source)

    def require_lasting(self, settings: PayloadPlace) -> tuple[str, ...]:
        """Return the note that this store is experimental; a secret never expires."""
        del settings
        return (EXPERIMENTAL,)

    def require_rights(self, settings: PayloadPlace, *, exists: bool) -> str:
        """Return an empty note: AWS does not tell rights, the first write does."""
        del settings, exists
        return ""


def require_aws(settings: PayloadPlace) -> AwsSettings:
    """Return the settings. Raises TypeError for those of another store."""
    if not isinstance(settings, AwsSettings):
        raise TypeError(f"{settings.path} is not in Secrets Manager")
    return settings


def locate_secrets_manager(
    answers: Answers,
    release: Release,
    agreed: Mapping[str, Any],
    repository: WorkTree,
    context: str = "",
) -> StoreLocation:
    """Return Secrets Manager; a place that the target branch does not name requires consent.

    `agreed` are the raw answers on the target branch.
    """
    del repository, context
    store = aws_settings(answers.secrets, release)
    url, source = find_endpoint(store)
    wanted = {REGION_KEY: store.region, ROLE_KEY: store.role_arn, ENDPOINT_KEY: store.endpoint}
    known = all(
        str(get_value(agreed, tuple(key.split("."))) or "").rstrip("/") == value
        for key, value in wanted.items()
    )
    host = url.removeprefix("https://")
    consent = {REGION_KEY: f"Send new secrets to {store.title} ({host})?"}
    return StoreLocation(
        title=TITLE,
        endpoint=host,
        source=source,
        required_consent={} if known else consent,
        find_login=find_login,
        login_hint=LOGIN_HINT,
        open=lambda who: _open(store, who, release.owner_id),
    )


@contextmanager
def _open(store: AwsSettings, who: AwsLogin, source: str) -> Iterator[OpenSecretsManager]:
    with open_secrets_manager(store, who) as client:
        client.require_account()
        yield OpenSecretsManager(client, source)
