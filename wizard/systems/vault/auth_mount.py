"""The Kubernetes auth mount of this cluster, and how Vault reviews tokens.

A Vault inside the cluster uses its own ServiceAccount. A Vault outside needs the cluster's address,
its CA and a reviewer's token. A write replaces the whole config including the reviewer's token, so
an existing config is never rewritten (facts on Vault, sections 2.8 and 3). A mount without a config
is set up only if it is this installation's, or after a yes to exactly this mount.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wizard.clients.vault.transport import VaultConflictError, VaultError
from wizard.engine.steps import StepStatus, seal_text
from wizard.errors import ConflictError, Fix
from wizard.formats.addresses import is_loopback
from wizard.formats.terminal import escape_unprintable
from wizard.stores.vault.steps import auth_step
from wizard.systems.vault import reviewer as vault_reviewer
from wizard.systems.vault.auth_config import (
    IN_CLUSTER,
    AuthConfigSpec,
    check_auth_config,
    parse_server,
)
from wizard.systems.vault.looks import PathState
from wizard.systems.vault.ownership import judge_mount, mount_description
from wizard.systems.vault.reviewer import Reviewer
from wizard.systems.vault.session import leave_to_vault_owner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wizard.clients.kube.protocol import Kube
    from wizard.clients.vault.address import VaultAddress
    from wizard.systems.target import Target
    from wizard.systems.vault.session import VaultLogin

# A Service's DNS name as pods use it, as in https://vault.vault.svc:8200; a domain may follow.
_SERVICE = re.compile(r"[^.]+\.[^.]+\.svc(\..+)?")


def is_in_cluster(server: str) -> bool:
    """Return whether this Vault address is a Service of the cluster that Airflow runs in."""
    return _SERVICE.fullmatch(urlsplit(server).hostname or "") is not None


class AuthMount:
    """The auth mount through which the store logs in."""

    def __init__(self, target: Target, session: VaultLogin, mount: str = "") -> None:
        self._session = session
        self._mount = mount or session.store.auth_mount
        self._path = f"sys/auth/{self._mount}"
        self._config = f"auth/{self._mount}/config"
        self._owner = mount_description(target.release.installation, target.release.owner_id)
        self._step = auth_step(session.store).id
        self._agreed = target.agreed.get(self._step, "")
        self._target = target
        self._reviewer = Reviewer(target.kube) if target.kube else None

    @property
    def command(self) -> str:
        """The commands for Vault's owner."""
        more = (
            ""
            if self._is_in_cluster
            else " kubernetes_ca_cert=@ca.pem token_reviewer_jwt=@token disable_local_ca_jwt=true"
        )
        host = self._wanted().host or "https://<this cluster's API server>"
        return (
            f"vault auth enable -path={self._mount} kubernetes; if it has no config yet: "
            f"vault write {self._config} kubernetes_host={host}{more}"
        )

    @property
    def is_existing(self) -> bool | None:
        """Whether the auth mount exists; None if the token cannot see it."""
        found = self._read_mount()
        return None if found.hidden else found.data is not None

    @property
    def will_exist(self) -> bool:
        """Whether the mount exists, or this run creates it before the role."""
        known = self.is_existing
        return self.look().state == "wanted" if known is False else bool(known)

    def look(self) -> StepStatus:
        """Check that the mount serves this cluster; a different config is not changed."""
        found = self._read_mount()
        if found.hidden:
            return leave_to_vault_owner(f"this token cannot see auth/{self._mount}", self.command)
        if found.data is None:
            return self._check_missing(f"auth mount {self._mount} does not exist yet", made=False)
        kind = found.data.get("type")
        if kind != "kubernetes":
            return StepStatus(
                "blocked",
                f"auth/{self._mount} is of type {kind}; not changed",
                Fix(
                    "use a different mount: airflow-wizard set secrets.vault.auth_mount=kubernetes-"
                    "<cluster>",
                    "secrets.vault.auth_mount",
                ),
            )
        config = self._session.read_path(self._config)
        if config.hidden:
            return leave_to_vault_owner(f"this token cannot read {self._config}", self.command)
        if config.data is None:
            missing = self._check_missing(f"auth/{self._mount} has no config yet", made=True)
            return self._check_owner(found.data) or missing
        return check_auth_config(config.data, self._wanted(), self._mount)

    def _check_owner(self, entry: Mapping[str, Any]) -> StepStatus | None:
        """Return why a mount without a config is not set up; None if it may be."""
        owner = judge_mount(entry, self._target.release.owner_id)
        if owner.is_ours:
            return None
        says = escape_unprintable(f"{entry.get('accessor') or ''} {entry.get('description') or ''}")
        line = f"auth mount {self._mount}, {says.strip()}"
        seal = seal_text(line)
        if not owner.is_proven_foreign and self._agreed == seal:
            return None
        over = (
            ""
            if owner.is_proven_foreign
            else "; or, to set up exactly this mount: airflow-wizard apply --take-over "
            f"{self._step}@{seal}"
        )
        return StepStatus(
            "blocked",
            f"auth/{self._mount} has no config and {escape_unprintable(owner.reason)}; not changed",
            Fix(
                "use a different mount: airflow-wizard set secrets.vault.auth_mount=kubernetes-"
                f"<cluster>{over}",
                "secrets.vault.auth_mount",
            ),
            line,
        )

    def _read_mount(self) -> PathState:
        """Return the mount's entry from Vault's list, or from the mounts this token can use."""
        listed = self._session.read_path("sys/auth")
        if listed.hidden:
            one = self._session.read_path(f"sys/internal/ui/mounts/auth/{self._mount}")
            return PathState(hidden=True) if one.data is None else one
        return PathState((listed.data or {}).get(f"{self._mount}/"))

    def _may_create(self, *, made: bool = False) -> bool:
        may = self._session.may
        return (made or may(self._path, "update", "sudo")) and may(self._config, "update")

    def _check_missing(self, why: str, *, made: bool) -> StepStatus:
        if not self._may_create(made=made):
            return leave_to_vault_owner(why, self.command)
        wanted = self._wanted()
        if wanted.inside:
            return StepStatus("wanted", why)
        if self._reviewer is None:
            return leave_to_vault_owner(
                f"{why}, and no cluster is configured for a token reviewer", self.command
            )
        if not wanted.host:
            return leave_to_vault_owner(
                f"{why}, and Vault cannot reach "
                f"{self._target.kube.server if self._target.kube else 'its address'}, which is "
                "local to this machine: set cluster.server to the address Vault reaches",
                self.command,
            )
        return self._reviewer.find_obstacle() or StepStatus("wanted", f"{why}: {wanted.host}")

    def change(self) -> str:
        """Create the missing parts: the reviewer in the cluster, the mount, its config."""
        wanted = self._wanted()
        reviewer = (
            None if wanted.inside or self._reviewer is None else self._reviewer.ensure_token()
        )
        if self.is_existing is False:
            self._enable()
        if self._session.read_path(self._config).data is not None:
            raise VaultConflictError(
                "conflict",
                f"auth/{self._mount} was set up by somebody else in the meantime; not changed",
                "run apply again to check that it serves this cluster",
            )
        refusal = self._check_owner(self._read_mount().data or {})
        if refusal is not None:
            raise ConflictError(refusal.detail, refusal.fix)
        token = reviewer.get_secret_value() if reviewer is not None else ""
        try:
            self._session.call("POST", self._config, wanted.body(token))
        except VaultError as error:
            if error.kind == "invalid" and wanted.inside:
                # Vault reads the CA and the account of its own pod.
                error.fix = Fix(
                    "Vault does not seem to run in a pod: correct secrets.vault.server",
                    "secrets.vault.server",
                )
            raise
        how = "Vault's own account" if wanted.inside else "a separate account"
        return f"auth/{self._mount} serves {wanted.host}; {how} reviews tokens"

    def _enable(self) -> None:
        try:
            body = {"type": "kubernetes", "description": self._owner}
            self._session.call("POST", self._path, body)
        except VaultError as error:
            # Vault gives the same error if somebody else created the mount in the meantime.
            if error.kind != "invalid" or not self.is_existing:
                raise

    def dry_run_change(self) -> str:
        """Return the requests that a real run would send."""
        lines = [] if self._is_in_cluster else vault_reviewer.list_requests()
        if self.is_existing is False:
            lines.append(f"POST {self._path}")
        return "; ".join([*lines, f"POST {self._config}"])

    @property
    def _is_in_cluster(self) -> bool:
        """Whether pods reach Vault as a Service of this cluster."""
        return is_in_cluster(self._session.store.server)

    def _wanted(self) -> AuthConfigSpec:
        return find_cluster_config(
            self._session.store.server,
            self._target.answers.cluster.server,
            self._target.kube,
            self._session.vault_address,
        )


def find_cluster_config(
    server: str, recorded: str, kube: Kube | None, where: VaultAddress | None
) -> AuthConfigSpec:
    """Return the config that an auth mount of this cluster should have.

    `server` is Vault's address for pods, `recorded` the cluster's address in the answers, and
    `where` Vault's address for this machine.
    """
    here = kube.server if kube is not None else ""
    if here and _is_local_tunnel(here, where):
        here = ""
    hosts = frozenset(parse_server(one) for one in (recorded, here) if one)
    if is_in_cluster(server):
        return AuthConfigSpec(IN_CLUSTER, hosts | {parse_server(IN_CLUSTER)}, inside=True)
    # The kubeconfig's CA applies to the kubeconfig's server only.
    return AuthConfigSpec(recorded or here, hosts, inside=False, ca=kube.ca if kube else "")


def _is_local_tunnel(server: str, where: VaultAddress | None) -> bool:
    """Return whether the server is a local tunnel, which only a local Vault can reach."""
    vault = urlsplit(where.url).hostname if where else ""
    return is_loopback(urlsplit(server).hostname or "") and not is_loopback(vault or "")


class ForeignAuthMount(AuthMount):
    """The auth mount of a different cluster, such as Argo CD's: only its owner creates it."""

    @property
    def will_exist(self) -> bool:
        """Whether the mount exists."""
        return bool(self.is_existing)
