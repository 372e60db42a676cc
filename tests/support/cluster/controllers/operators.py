"""A labelled stand-in for operators that do not run in tests: Argo CD, External Secrets, kubelet.

It writes what they would write: statuses, Secrets, Jobs and pods. It decides nothing: each test
says what state it wants.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.testbed.kube import Kube, RejectedError
from wizard.systems.argocd.tracking import TRACKING

ARGO = "argoproj.io/v1alpha1"
ESO = "external-secrets.io/v1"
# Argo CD's field manager.
ARGOCD_MANAGER = "argocd-controller"
STAND_IN = {"tests/stand-in-for": "operators"}
# External Secrets' label on what it makes.
MADE = {"reconcile.external-secrets.io/managed": "true"}
MERGE = "application/merge-patch+json"
VALUE = "c3RhbmQtaW4="
# Whose pods answer for Airflow.
SERVERS = ("-api-server", "-webserver")

PLURAL = {
    "SecretStore": f"/apis/{ESO}/namespaces/{{}}/secretstores",
    "ClusterSecretStore": f"/apis/{ESO}/clustersecretstores",
    "ExternalSecret": f"/apis/{ESO}/namespaces/{{}}/externalsecrets",
    "Application": f"/apis/{ARGO}/namespaces/{{}}/applications",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
}


class Operators:
    """Writes into one namespace of the API server, as an administrator."""

    def __init__(self, kube: Kube, namespace: str, argo: str) -> None:
        self.kube = kube
        self.namespace = namespace
        self.argo = argo

    def sync(self, texts: dict[str, str], application: str = "airflow") -> None:
        """As Argo CD: the manifests of the secrets folder, by logical id, marked as it does."""
        for text in texts.values():
            manifest = tracked(yaml.safe_load(text), application)
            self.kube.apply(yaml.safe_dump(manifest), ARGOCD_MANAGER)

    def status(self, kind: str, name: str, status: dict[str, Any]) -> None:
        """The status of an object, as its controller writes it."""
        namespace = self.argo if kind == "Application" else self.namespace
        path = f"{PLURAL[kind].format(namespace)}/{name}"
        # Application has no status subresource.
        path += "" if kind == "Application" else "/status"
        self.kube.request("PATCH", path, {"status": status}, MERGE)
        available = {"type": "Available", "status": "True"}
        if kind == "Deployment" and name.endswith(SERVERS) and any(
            one.items() >= available.items() for one in status.get("conditions", [])
        ):  # fmt: skip
            self.serving(name)

    def ready(self, kind: str, name: str, message: str = "", *, ok: bool = True) -> None:
        """Condition Ready of a store or an ExternalSecret."""
        words = {"type": "Ready", "status": str(ok), "reason": "Test", "message": message}
        self.status(kind, name, {"conditions": [words]})

    def secret(self, name: str, *keys: str) -> None:
        """As External Secrets: the Secret with these keys."""
        about = {"name": name, "namespace": self.namespace, "annotations": STAND_IN, "labels": MADE}
        made = {"apiVersion": "v1", "kind": "Secret", "metadata": about}
        self.kube.apply(yaml.safe_dump({**made, "data": dict.fromkeys(keys, VALUE)}))

    def external_secret(self, data: dict[str, Any]) -> None:
        """As External Secrets: an ExternalSecret read, its Secret written, its status set."""
        name = data["metadata"]["name"]
        self.secret(name, *data["spec"]["target"]["template"]["data"])
        self.seen(name)

    def seen(self, name: str) -> None:
        """As External Secrets: an ExternalSecret's status once its Secret is written."""
        path = f"{PLURAL['ExternalSecret'].format(self.namespace)}/{name}"
        generation = self.kube.request("GET", path)["metadata"]["generation"]
        self.ready("ExternalSecret", name)
        self.status("ExternalSecret", name, {"syncedResourceVersion": f"{generation}-test"})

    def application(self, name: str, sync: str, health: str, **more: Any) -> None:
        """As Argo CD's controller: an Application's state."""
        state = {"sync": {"status": sync}, "health": {"status": health}, **more}
        self.status("Application", name, state)

    def make(
        self,
        kind: str,
        name: str,
        spec: dict[str, Any],
        labels: dict[str, str] | None = None,
        **status: Any,
    ) -> None:
        """An object of the release with its status; replaces one of its name."""
        api = {"Pod": "v1", "Job": "batch/v1"}.get(kind, "apps/v1")
        about: dict[str, Any] = {
            "name": name,
            "namespace": self.namespace,
            "labels": {"release": "airflow", "tier": "airflow", **(labels or {})},
            "annotations": STAND_IN,
        }
        if kind == "Pod":
            # As every pod of a workload, it has an owner; this one is not there to be read.
            owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "uid": name}
            about["ownerReferences"] = [owner]
        self.gone(kind, name)
        made = {"apiVersion": api, "kind": kind, "metadata": about, "spec": spec}
        self.kube.apply(json.dumps(made))
        if status:
            self.status(kind, name, status)

    def gone(self, kind: str, name: str) -> None:
        """Remove an object at once."""
        body = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
        try:
            path = f"{PLURAL[kind].format(self.namespace)}/{name}"
            self.kube.request("DELETE", path, body)
        except RejectedError as error:
            if error.code != 404:
                raise

    def pod(self, name: str, *, init: str = "", main: str = "main", **status: Any) -> None:
        """A pod with one container, and an init container if named."""
        spec: dict[str, Any] = {"containers": [{"name": main, "image": "airflow:test"}]}
        if init:
            spec["initContainers"] = [{"name": init, "image": "git-sync:test"}]
        self.make("Pod", name, spec, **status)

    def workload(self, kind: str, name: str, *, ready: bool, message: str = "") -> None:
        """A Deployment or StatefulSet of one replica."""
        labels = {"app": name}
        pod = {"containers": [{"name": "main", "image": "airflow:test"}]}
        spec: dict[str, Any] = {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }
        if kind == "StatefulSet":
            spec["serviceName"] = name
        conditions = [{"type": "Available", "status": str(ready)}]
        if message:
            conditions.append({"type": "ReplicaFailure", "status": "True", "message": message})
        count = 1 if ready else 0
        self.make(
            kind, name, spec, observedGeneration=1, replicas=1, readyReplicas=count,
            updatedReplicas=1, conditions=conditions,
        )  # fmt: skip

    def serving(self, name: str) -> str:
        """The ready pod of a Deployment, on the Node whose kubelet forwards ports; its name."""
        path = f"{PLURAL['Deployment'].format(self.namespace)}/{name}"
        template = self.kube.request("GET", path)["spec"]["template"]
        spec = {"nodeName": self.kube.kubelet.node, **template["spec"]}
        labels = template["metadata"]["labels"]
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        self.make("Pod", f"{name}-ready", spec, labels, **status)
        return f"{name}-ready"

    def job(self, name: str, condition: str = "", message: str = "") -> None:
        """A Job that runs, or has ended by a condition."""
        pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "airflow:test"}]}
        status: dict[str, Any] = {"active": 1}
        when = "2026-11-21T12:00:00Z"
        if condition:
            both = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}
            status = {
                "startTime": when,
                "conditions": [
                    {"type": kind, "status": "True", "message": message, "reason": "Test"}
                    for kind in (both[condition], condition)
                ],
            }
            if condition == "Complete":
                status["completionTime"] = when
        else:
            status["startTime"] = when
        self.make("Job", name, {"template": {"spec": pod}}, **status)


def tracked(manifest: dict[str, Any], application: str) -> dict[str, Any]:
    """The object as Argo CD applies it: with a tracking id that names the object itself."""
    about, group = manifest["metadata"], manifest["apiVersion"].rpartition("/")[0]
    place = f"{about.get('namespace', 'airflow')}/{about['name']}"
    mark = {TRACKING: f"{application}:{group}/{manifest['kind']}:{place}"}
    notes = {**(about.get("annotations") or {}), **mark}
    return {**manifest, "metadata": {**about, "annotations": notes}}
