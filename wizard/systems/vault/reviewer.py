"""The ServiceAccount that reviews tokens for a Vault outside the cluster.

It can only review tokens (system:auth-delegator). It lives in its own namespace, because everybody
who can start pods in a namespace can mount the Secrets there. Its token is long-lived and stored in
a Secret, since a token from a TokenRequest would expire (facts on Vault, section 3). Existing
objects are used unchanged.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from wizard.clients.kube.errors import KubeConflictError, KubeError
from wizard.clients.kube.protocol import Ref, Right
from wizard.engine.steps import StepStatus
from wizard.errors import ConflictError, Fix, WizardError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.clients.kube.protocol import Kube, KubeObject

NAMESPACE = ACCOUNT = "vault-auth"
SECRET = "vault-auth-token"  # noqa: S105 - its name, not its value
BINDING = "vault-auth-delegator"
_RBAC = "rbac.authorization.k8s.io"
_ROLE = "system:auth-delegator"
_OWNER = "kubernetes.io/service-account.name"
_FILLED_SECONDS, _PAUSE = 30.0, 0.3


class Reviewer:
    """The account, its ClusterRoleBinding and its token in one cluster."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    def find_obstacle(self) -> StepStatus | None:
        """Return why this machine cannot use or create the reviewer; None if it can."""
        try:
            for manifest in build_manifests():
                found = self._kube.get(
                    Ref.from_manifest(manifest), metadata=manifest["kind"] == "Secret"
                )
                if found is None:
                    self._require_right(manifest)
                elif found["metadata"].get("deletionTimestamp"):
                    return StepStatus(
                        "blocked",
                        f"{Ref.from_manifest(manifest)} is being deleted",
                        Fix("wait until it is deleted"),
                    )
                elif not _is_usable(manifest, found):
                    return StepStatus(
                        "blocked",
                        f"a different {Ref.from_manifest(manifest)} already exists; not changed",
                        Fix("ask its owner to rename or delete it"),
                    )
            self._require(Right("get", "secrets", namespace=NAMESPACE, name=SECRET))
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return StepStatus(
                "unknown", f"the cluster's owner must do this: {error.message}", Fix(_fix())
            )
        return None

    def _require_right(self, manifest: KubeObject) -> None:
        if manifest["kind"] == "ClusterRoleBinding":
            # The server also refuses to grant rights that the caller does not have.
            self._kube.apply(manifest, dry_run=True)
            return
        kind = f"{manifest['kind'].lower()}s"
        self._require(Right("create", kind, namespace=manifest["metadata"].get("namespace", "")))

    def _require(self, right: Right) -> None:
        if not self._kube.may(right):
            raise KubeError("forbidden", f"this login cannot {right}", status=403)

    def list_missing(self) -> Iterator[KubeObject]:
        """Yield the manifests of the missing objects."""
        for manifest in build_manifests():
            if self._kube.get(Ref.from_manifest(manifest), metadata=True) is None:
                yield manifest

    def ensure_token(self) -> SecretStr:
        """Create the missing objects and return the token.

        What somebody else creates in the meantime is used if it serves, and never changed. Raise
        KubeError, ConflictError for an object that does not serve, or WizardError if the cluster
        issues no token in time.
        """
        for manifest in self.list_missing():
            try:
                self._kube.create(manifest)
            except KubeConflictError:
                obstacle = self.find_obstacle()
                if obstacle is not None:
                    raise ConflictError(obstacle.detail, obstacle.fix) from None
        end = time.monotonic() + _FILLED_SECONDS
        while True:
            found = self._kube.get(Ref("v1", "Secret", SECRET, NAMESPACE))
            token = _token(found)
            if token is not None:
                return token
            if time.monotonic() > end:
                raise WizardError(
                    f"Secret {NAMESPACE}/{SECRET} got no token in {_FILLED_SECONDS:g} s",
                    "check that the cluster's token controller runs (kube-controller-manager)",
                )
            time.sleep(_PAUSE)


def list_requests() -> list[str]:
    """Return the possible requests, for `--dry-run`."""
    return [f"apply {Ref.from_manifest(manifest)}" for manifest in build_manifests()]


def build_manifests() -> tuple[KubeObject, ...]:
    """Return the reviewer's objects in the order of creation; they contain no secret."""
    account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    return (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": _build_metadata(NAMESPACE)},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": _build_metadata(ACCOUNT, namespace=NAMESPACE),
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": _build_metadata(BINDING),
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": _ROLE},
            "subjects": [account],
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": _build_metadata(SECRET, namespace=NAMESPACE, annotations={_OWNER: ACCOUNT}),
            "type": "kubernetes.io/service-account-token",
        },
    )


def list_requirements() -> Iterator[tuple[KubeObject, str, str]]:
    """Yield each manifest with a jsonpath, and the shell pattern of an object that serves.

    For scripts, which cannot call `_is_usable`.
    """
    account = f"ServiceAccount/{NAMESPACE}/{ACCOUNT} "
    subjects = "{range .subjects[*]}{.kind}/{.namespace}/{.name} {end}"
    owner = "{.metadata.annotations." + _OWNER.replace(".", "\\.") + "}/"
    for manifest in build_manifests():
        fields, wanted = "", ""
        if manifest["kind"] == "ClusterRoleBinding":
            fields, wanted = "{.roleRef.name} " + subjects, f"{_ROLE} *{account}"
        elif manifest["kind"] == "Secret":
            fields, wanted = owner, f"{ACCOUNT}/"
        yield manifest, fields, wanted


def _build_metadata(name: str, **more: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "airflow-wizard"}
    return {"name": name, "labels": labels, **more}


def _is_usable(wanted: KubeObject, found: KubeObject) -> bool:
    """Return whether an existing object serves the purpose of the wanted one."""
    if wanted["kind"] == "Secret":
        annotations = found["metadata"].get("annotations") or {}
        return bool(annotations.get(_OWNER) == ACCOUNT)
    if wanted["kind"] != "ClusterRoleBinding":
        return True
    named = [
        (one.get("kind"), one.get("name"), one.get("namespace"))
        for one in found.get("subjects") or []
    ]
    role = found.get("roleRef", {}).get("name")
    return bool(role == _ROLE and ("ServiceAccount", ACCOUNT, NAMESPACE) in named)


def _token(secret: KubeObject | None) -> SecretStr | None:
    try:
        data = (secret or {}).get("data") or {}
        value = base64.b64decode(data.get("token") or "").decode("ascii")
    except (ValueError, binascii.Error):
        return None
    return SecretStr(value) if value else None


def _fix() -> str:
    account = f"{NAMESPACE}:{ACCOUNT}"
    return (
        f"ask them to run: kubectl create namespace {NAMESPACE}; kubectl -n {NAMESPACE} create "
        f"serviceaccount {ACCOUNT}; kubectl create clusterrolebinding {BINDING} "
        f"--clusterrole={_ROLE} --serviceaccount={account}; and to give its token to Vault's owner"
    )
