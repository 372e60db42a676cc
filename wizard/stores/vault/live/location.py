"""The address of Vault for this machine, and the login that fills it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.clients.vault.address import LOGIN_HINT, read_address, read_credentials
from wizard.clients.vault.connect import open_vault
from wizard.clients.vault.transport import VaultError
from wizard.errors import RefusedError
from wizard.formats.nested import get_value
from wizard.stores.live import StoreLocation
from wizard.stores.vault.questions import SERVER_KEY
from wizard.stores.vault.settings import VaultSettings, vault_answers
from wizard.stores.vault.steps import payload_step
from wizard.systems.vault.looks import find_moved, read_listed, read_path
from wizard.systems.vault.namespace import find_namespace_problem
from wizard.systems.vault.paths import list_named_mounts, list_payload_settings
from wizard.systems.vault.patience import retry_busy
from wizard.systems.vault.payload_store import VaultPayloadStore
from wizard.systems.vault.remount import FEW_MOUNTS, find_moved_payload
from wizard.systems.vault.retention import read_retention
from wizard.systems.vault.uses import SECRETS_REQUESTS, require_uses

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.vault.address import AppRole, Token, VaultAddress
    from wizard.clients.vault.protocol import Vault
    from wizard.git.repository import WorkTree
    from wizard.manifests.release import Release
    from wizard.secrets.payload import PayloadPlace


@dataclass(frozen=True, slots=True)
class OpenVault:
    """Vault with a login that can fill it; see `wizard.stores.live.OpenStore`."""

    vault: Vault
    source: str = ""
    warnings: tuple[str, ...] = ()
    find_named: Callable[[], Collection[str]] = frozenset
    most: int | None = None

    @property
    def identity(self) -> str:
        """Return the name of the logged-in identity, for messages."""
        return self.vault.identity

    def payload_store(self, settings: PayloadPlace, keys: Sequence[str] = ()) -> VaultPayloadStore:
        """Return the payload store at the path of `settings`, which holds all `keys`."""
        del keys
        own = _require_in_vault(settings)
        return VaultPayloadStore(
            self.vault,
            own.mount,
            own.path,
            own.document,
            self.source,
            own.question("path"),
            payload_step(own).id,
            lambda: self._may_be_moved(own),
        )

    def _may_be_moved(self, settings: VaultSettings) -> bool:
        """Return whether a payload whose mount is missing may be in another mount.

        Those that answers named are left out: they are looked at by themselves. Raises VaultError.
        """
        listed = read_path(self.vault, "sys/mounts")
        if listed.data is None:
            return True
        moved = find_moved_payload(
            lambda path: read_listed(self.vault, path),
            listed.data,
            self.source,
            self.find_named(),
            [settings.path],
            self.most,
        )
        return bool(moved.holding or moved.unread)

    def require_lasting(self, settings: PayloadPlace) -> tuple[str, ...]:
        """Return warnings about the path; raise RefusedError if Vault deletes what it holds."""
        kept = read_retention(self.vault, settings)
        if kept.fault:
            raise RefusedError(f"{kept.fault}; nothing was changed", kept.fix)
        own = (f"warning: {kept.warning}; {kept.warning_fix}",) if kept.warning else ()
        return (*self.warnings, *own)

    def require_rights(self, settings: PayloadPlace, *, exists: bool) -> str:
        """Return a note, usually empty; raise RefusedError if the login may not write at the path.

        A login that may not look up its rights (it lacks the policy default) may have them all the
        same: the write is one request, which is refused as a whole.
        """
        path = _require_in_vault(settings).data_path
        needed = "update" if exists else "create"
        try:
            own = retry_busy(lambda: self.vault.capabilities([path]))[path]
        except VaultError as error:
            if error.kind != "forbidden":
                raise
            return (
                f"note: {self.vault.identity} may not look up its rights (it lacks the policy "
                f"default), so the write to {path} is tried"
            )
        if not own & {needed, "root"}:
            raise RefusedError(
                f"{self.vault.identity} may not {needed} {path}; nothing was changed",
                "ask Vault's owner for: path \"" + path + '" '
                '{ capabilities = ["create", "read", "update"] }',
            )
        return ""


def _require_in_vault(settings: PayloadPlace) -> VaultSettings:
    if not isinstance(settings, VaultSettings):
        raise TypeError(f"{settings.path} is not in Vault")
    return settings


def locate_vault(
    answers: Answers,
    release: Release,
    agreed: Mapping[str, Any],
    repository: WorkTree,
    context: str = "",
) -> StoreLocation:
    """Return Vault's address; a server that only the answers name requires consent.

    `agreed` are the raw answers on the target branch; a server named there needs no consent.
    The history of `repository` tells which mounts earlier answers named. Raises
    UsageError for an invalid address.
    """
    del context
    own = vault_answers(answers.secrets)
    ca = release.assets.get("secrets.vault.ca.file", "")
    where = read_address(own.server, ca=ca, namespace=own.namespace)
    known = get_value(agreed, tuple(SERVER_KEY.split("."))) == own.server
    consent = {SERVER_KEY: f"Send your Vault login and new secrets to {where.url}?"}
    every = list_payload_settings(answers, release)
    return StoreLocation(
        title="Vault",
        endpoint=where.endpoint,
        source=where.source,
        required_consent={} if where.source != SERVER_KEY or known else consent,
        find_login=read_credentials,
        login_hint=LOGIN_HINT,
        open=lambda who: _open(
            where,
            who,
            every,
            release.owner_id,
            lambda: list_named_mounts(answers, release, repository),
        ),
    )


@contextmanager
def _open(
    where: VaultAddress,
    who: Token | AppRole,
    every: Sequence[VaultSettings],
    source: str,
    find_named: Callable[[], Collection[str]],
) -> Iterator[OpenVault]:
    with open_vault(where, who) as vault:
        has_few_uses = require_uses(vault, SECRETS_REQUESTS * len(every))
        most = FEW_MOUNTS if has_few_uses else None
        _require_mount(vault, every, source, find_named, most)
        yield OpenVault(vault, source, tuple(_list_warnings(vault, every[0])), find_named, most)


def _require_mount(
    vault: Vault,
    every: Sequence[VaultSettings],
    source: str,
    find_named: Callable[[], Collection[str]],
    most: int | None,
) -> None:
    """Raise VaultError without the mount, and RefusedError if it was moved."""
    mount = every[0].mount
    try:
        retry_busy(lambda: vault.mount(mount))
    except VaultError as error:
        if error.kind != "missing":
            raise
        moved = find_moved(vault, source, mount, find_named(), [one.path for one in every], most)
        if refused := moved.refuse_new(mount):
            raise RefusedError(*refused) from None
        raise


def _list_warnings(vault: Vault, settings: VaultSettings) -> Iterator[str]:
    if vault.address.namespace == settings.vault_namespace == "":
        return
    found = find_namespace_problem(vault.address, settings, retry_busy(vault.health).version)
    if found is not None:
        yield f"warning: {found.text}; {found.fix}"
