"""A labelled stand-in for the controllers at work while things go away.

As Argo CD it marks what it delivered, acts on a sync only while `operation` is there, takes its
finalizer from hooks only when it ends a sync, and cascades by the finalizer, sparing `Delete=false`
and waiting for what is on its way out (controller/appcontroller.go, gitops-engine's Terminate). As
External Secrets it holds ExternalSecrets by its own finalizer; as the controller manager it lets go
of volumes and finishes namespaces. `holding` are finalizers that nobody takes off.
"""

from __future__ import annotations

from typing import Any

from tests.support.cluster.controllers.operators import ARGO, ESO, MERGE, Operators
from tests.support.standin import StandIn
from tests.testbed.kube import RejectedError
from wizard.systems.argocd.application_removal import FINALIZER
from wizard.systems.argocd.tracking import TRACKING

CLEANUP = "externalsecrets.external-secrets.io/externalsecret-cleanup"
PROTECTION = "kubernetes.io/pvc-protection"
HOOK, HOOK_FINALIZER = "argocd.argoproj.io/hook", "argocd.argoproj.io/hook-finalizer"
_IN = "/namespaces/{}/"
DELIVERED = tuple(
    f"{base}{_IN}{kind}"
    for base, kinds in {
        f"/apis/{ESO}": ("externalsecrets", "secretstores"),
        "/apis/apps/v1": ("deployments", "statefulsets"),
        "/apis/batch/v1": ("jobs",),
        "/apis/networking.k8s.io/v1": ("networkpolicies",),
        "/api/v1": ("serviceaccounts", "configmaps", "persistentvolumeclaims"),
    }.items()
    for kind in kinds
)
EVERYTHING = (*DELIVERED, f"/api/v1{_IN}secrets", f"/api/v1{_IN}pods")
_OWN = ("default", "kube-root-ca.crt")
_NOW = "2026-11-21T12:00:00Z"


class Departing(StandIn):
    """For one installation; `adopt` is called once it stands."""

    pause = 0.3

    def __init__(self, operators: Operators, installation: str) -> None:
        super().__init__()
        self.kube = operators.kube
        self.namespace, self.argo = operators.namespace, operators.argo
        self.installation = installation
        self.holding: set[str] = set()
        self._applications = f"/apis/{ARGO}/namespaces/{self.argo}/applications"

    def items(self, path: str) -> list[tuple[str, Any]]:
        """What stands at a collection, each with its own path."""
        where = path.format(self.namespace)
        found = self.kube.request("GET", where)["items"]
        return [(f"{where}/{one['metadata']['name']}", one) for one in found]

    def patch(self, path: str, **metadata: Any) -> None:
        try:
            self.kube.request("PATCH", path, {"metadata": metadata}, MERGE)
        except RejectedError as error:
            if error.code not in {404, 409}:
                raise

    def delete(self, path: str) -> None:
        body = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
        try:
            self.kube.request("DELETE", path, body)
        except RejectedError as error:
            if error.code not in {404, 409}:
                raise

    def adopt(self) -> None:
        """Mark what was delivered, as both operators do."""
        children = [path for path, one in self.items(self._applications)
                    if self._owner(one["metadata"]["name"])]  # fmt: skip
        for path in children:
            parent = _tracking_id(f"{self.installation}-parent", path)
            self.patch(path, annotations={TRACKING: parent})
        for collection in DELIVERED:
            for path, one in self.items(collection):
                if one["metadata"]["name"] in _OWN:
                    continue
                mark = {TRACKING: _tracking_id(self._deliverer(one), path)}
                held = {"finalizers": [CLEANUP]} if "externalsecrets" in collection else {}
                self.patch(path, annotations=mark, **held)

    def _owner(self, name: str) -> bool:
        names = [one["metadata"]["name"] for _, one in self.items(self._applications)]
        return f"{self.installation}-parent" in names and name in (
            self.installation,
            f"{self.installation}-secrets",
        )

    def _deliverer(self, found: Any) -> str:
        names = [one["metadata"]["name"] for _, one in self.items(self._applications)]
        secrets = f"{self.installation}-secrets"
        own = (found["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by")
        return secrets if own == "airflow-wizard" and secrets in names else self.installation

    def look(self) -> None:
        """One round of each."""
        for path, one in self.items(self._applications):
            self._application(path, one)
        for path, one in self.items(f"/apis/{ESO}{_IN}externalsecrets"):
            if self._leaving(one, CLEANUP):
                self.patch(path, finalizers=[])
                self.delete(f"/api/v1/namespaces/{self.namespace}/secrets/{path.split('/')[-1]}")
        for path, one in self.items(f"/api/v1{_IN}persistentvolumeclaims"):
            if self._leaving(one, PROTECTION):
                self.patch(path, finalizers=[])
        self._finish()

    def _leaving(self, one: Any, finalizer: str) -> bool:
        about = one["metadata"]
        return "deletionTimestamp" in about and finalizer not in self.holding

    def _application(self, path: str, one: Any) -> None:
        if "operation" in one:
            self._operate(path, one)
        elif self._leaving(one, FINALIZER) and one["metadata"].get("finalizers"):
            self._cascade(path, one)

    def _operate(self, path: str, one: Any) -> None:
        """Start the sync that is asked for, or end the one that is to end; a running one hangs."""
        state = (one.get("status") or {}).get("operationState") or {}
        phase = state.get("phase")
        if phase == "Terminating":
            self._end_hooks(one["metadata"]["name"])
            ended = {**state, "phase": "Failed", "message": "Operation terminated"}
            body = {"operation": None, "status": {"operationState": ended}}
        elif phase != "Running":
            begun = {"operation": one["operation"], "phase": "Running", "startedAt": _NOW}
            body = {"status": {"operationState": begun}}
        else:
            return
        self.kube.request("PATCH", path, body, MERGE)

    def _end_hooks(self, name: str) -> None:
        for where, found in self._tracked(name):
            about = found["metadata"]
            if HOOK in (about.get("annotations") or {}):
                kept = [one for one in about.get("finalizers", []) if one != HOOK_FINALIZER]
                self.patch(where, finalizers=kept)
                self.delete(where)

    def _tracked(self, name: str) -> list[tuple[str, Any]]:
        """What an Application delivered."""
        return [
            (where, found)
            for collection in DELIVERED
            for where, found in self.items(collection)
            if (found["metadata"].get("annotations") or {}).get(TRACKING, "").startswith(f"{name}:")
        ]

    def _cascade(self, path: str, one: Any) -> None:
        tracked = self._tracked(one["metadata"]["name"])
        if any("deletionTimestamp" in found["metadata"] for _, found in tracked):
            return
        option = "argocd.argoproj.io/sync-options"
        going = [
            where
            for where, found in tracked
            if "Delete=false" not in found["metadata"]["annotations"].get(option, "")
        ]
        for where in going:
            self.delete(where)
        if not going:
            self.patch(path, finalizers=[])

    def _finish(self) -> None:
        where = f"/api/v1/namespaces/{self.namespace}"
        try:
            found = self.kube.request("GET", where)
        except RejectedError as error:
            if error.code != 404:
                raise
            return
        if "deletionTimestamp" not in found["metadata"]:
            return
        for collection in EVERYTHING:
            for path, one in self.items(collection):
                if "deletionTimestamp" not in one["metadata"]:
                    self.delete(path)
        if not any(self.items(collection) for collection in EVERYTHING):
            found["spec"]["finalizers"] = []
            self.kube.request("PUT", f"{where}/finalize", found)


_KINDS = {
    "applications": "Application",
    "externalsecrets": "ExternalSecret",
    "secretstores": "SecretStore",
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "jobs": "Job",
    "networkpolicies": "NetworkPolicy",
    "serviceaccounts": "ServiceAccount",
    "configmaps": "ConfigMap",
    "persistentvolumeclaims": "PersistentVolumeClaim",
}


def _tracking_id(application: str, path: str) -> str:
    """What Argo CD writes on the object at a path of the API."""
    start, _, place = path.partition("/namespaces/")
    group = start.split("/")[2] if start.startswith("/apis/") else ""
    namespace, plural, name = place.split("/")
    return f"{application}:{group}/{_KINDS[plural]}:{namespace}/{name}"
