"""A labelled stand-in for the operators at work: Argo CD, External Secrets, and what starts pods.

Unlike tests/operators.py it decides by what it reads, as they do: the Application's branch, the
store's own login to Vault through the real TokenReview, the emitted templates.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import yaml

from tests.support.cluster.controllers.operators import (
    ARGOCD_MANAGER,
    ESO,
    PLURAL,
    STAND_IN,
    Operators,
    tracked,
)
from tests.support.repository import GitFolder
from tests.support.standin import StandIn
from tests.testbed.eso import EsoTemplate
from tests.testbed.vault import Vault


class Syncing(StandIn):
    """`remote` is what Argo CD clones; `rounds` counts the revisions that were synced."""

    pause = 0.1

    def __init__(
        self,
        operators: Operators,
        vault: Vault,
        template: EsoTemplate,
        remote: GitFolder,
        installation: str,
    ) -> None:
        super().__init__()
        self.operators = operators
        self.kube = operators.kube
        self.vault = vault
        self.template = template
        self.remote = remote
        self.installation = installation
        self.rounds = 0
        self._done: set[str] = set()

    def look(self) -> None:
        """Sync what the branch holds, once for each revision, and what was put beside Argo CD."""
        self._beside()
        path = PLURAL["Application"].format(self.operators.argo)
        found = {one["metadata"]["name"]: one for one in self.kube.request("GET", path)["items"]}
        first = found.get(f"{self.installation}-parent") or found.get(self.installation)
        if first is None:
            self._done.clear()
            return
        policy = first["spec"].get("syncPolicy") or {}
        if "automated" not in policy or "deletionTimestamp" in first["metadata"]:
            return
        uid, revision = first["metadata"]["uid"], self.remote.git("rev-parse", "main")
        if f"{uid} {revision}" in self._done:
            return
        # Children whose parent has gone are no news.
        uids = {first["metadata"]["name"]: uid}
        if first["metadata"]["name"].endswith("-parent"):
            uids |= self._applications(revision)
        self._secrets(self._manifests(revision, f"apps/{self.installation}/secrets"))
        self._airflow()
        for name in uids:
            operation = {"phase": "Succeeded", "message": "", "operation": {}, "startedAt": _NOW}
            self.operators.application(
                name, "Synced", "Healthy", operationState={**operation, "finishedAt": _NOW}
            )
        self._done |= {f"{one} {revision}" for one in uids.values()}
        self.rounds += 1

    def _beside(self) -> None:
        """As External Secrets: what is asked for in Argo CD's own namespace, once for each."""
        argo = self.operators.argo
        path = PLURAL["ExternalSecret"].format(argo)
        for one in self.kube.request("GET", path)["items"]:
            if (one.get("status") or {}).get("conditions"):
                continue
            about = one["spec"]["secretStoreRef"]
            there = f"{PLURAL[about['kind']].format(argo)}/{about['name']}"
            store = self.kube.request("GET", there)
            token = self.login(store)
            beside = Operators(self.kube, argo, argo)
            beside.ready(store["kind"], about["name"], "store validated")
            mount = store["spec"]["provider"]["vault"]["path"]
            self._external_secret(one, mount, token)
            beside.seen(one["metadata"]["name"])

    def _manifests(self, revision: str, folder: str) -> list[dict[str, Any]]:
        """What lies in a folder of the branch, in the order of the waves."""
        listed = self.remote.git("ls-tree", "--name-only", revision, f"{folder}/").splitlines()
        texts = [self.remote.git("show", f"{revision}:{one}") for one in listed
                 if one.endswith(".yaml")]  # fmt: skip
        return sorted(map(yaml.safe_load, texts), key=_wave)

    def _applications(self, revision: str) -> dict[str, str]:
        """As the parent: the Applications beside it, each with its UID."""
        made = [
            self.kube.apply(yaml.safe_dump(one), ARGOCD_MANAGER)
            for one in self._manifests(revision, f"argocd/{self.installation}")
        ]
        applications = [one["metadata"] for one in made if one["kind"] == "Application"]
        return {one["name"]: one["uid"] for one in applications}

    def _secrets(self, manifests: list[dict[str, Any]]) -> None:
        """As Argo CD the manifests, and as External Secrets what they ask for."""
        applied = [
            self.kube.apply(yaml.safe_dump(tracked(one, self.installation)), ARGOCD_MANAGER)
            for one in manifests
        ]
        store = next(
            one for one in manifests if one["kind"] in {"SecretStore", "ClusterSecretStore"}
        )
        token = self.login(store)
        self.operators.ready(store["kind"], store["metadata"]["name"], "store validated")
        for one in applied:
            if one["kind"] == "ExternalSecret":
                self._external_secret(one, store["spec"]["provider"]["vault"]["path"], token)
                self.operators.seen(one["metadata"]["name"])

    def login(self, store: dict[str, Any]) -> str:
        """The store's token, as External Secrets gets one: with a token of its account."""
        about = store["spec"]["provider"]["vault"]["auth"]["kubernetes"]
        account = about["serviceAccountRef"]
        jwt = self.requested(
            account["name"],
            account.get("namespace") or store["metadata"].get("namespace", ""),
            *account["audiences"],
        )
        return self.logged_in(about["mountPath"], about["role"], jwt)

    def requested(self, name: str, namespace: str, *audiences: str) -> str:
        """A token of a ServiceAccount for these audiences."""
        body = {"spec": {"audiences": list(audiences), "expirationSeconds": 600}}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        token: str = self.kube.request("POST", path, body)["status"]["token"]
        return token

    def logged_in(self, mount: str, role: str, jwt: str) -> str:
        """What Vault gives for it; RefusedError where it gives nothing."""
        body = {"role": role, "jwt": jwt}
        made = self.vault.request("POST", f"auth/{mount}/login", body, token="none")
        token: str = made["auth"]["client_token"]
        return token

    def _external_secret(self, one: dict[str, Any], mount: str, token: str) -> None:
        data = {}
        for each in one["spec"]["data"]:
            ref = each["remoteRef"]
            stored = self.vault.request("GET", f"{mount}/data/{ref['key']}", token=token)
            data[each["secretKey"]] = stored["data"]["data"][ref["property"]]
        template = one["spec"]["target"]["template"]
        made = self.template(template["data"], data)
        labels = (template.get("metadata") or {}).get("labels", {})
        owner = {"apiVersion": ESO, "kind": "ExternalSecret", "controller": True}
        owner |= {key: one["metadata"][key] for key in ("name", "uid")}
        about = {
            **_plain(one), "annotations": STAND_IN, "labels": labels, "ownerReferences": [owner],
        }  # fmt: skip
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in made.items()}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": about, "data": encoded}
        self.kube.apply(json.dumps(secret))

    def _airflow(self) -> None:
        """As the cluster: everything of the release runs, and the DAGs are cloned."""
        self.operators.job("airflow-run-airflow-migrations", "Complete")
        for name in ("api-server", "scheduler"):
            self.operators.workload("Deployment", f"airflow-{name}", ready=True)
        self.operators.workload("StatefulSet", "airflow-worker", ready=True)
        about = {"image": "airflow:test", "imageID": "", "restartCount": 0}
        ended = {"terminated": {"exitCode": 0, "reason": "Completed"}}
        init = {"name": "git-sync-init", "ready": True, "state": ended, **about}
        main = {"name": "git-sync", "ready": True, "state": {"running": {}}, **about}
        self.operators.pod(
            "airflow-triggerer-0", init="git-sync-init", main="git-sync", phase="Running",
            initContainerStatuses=[init], containerStatuses=[main],
        )  # fmt: skip


_NOW = "2026-11-21T12:00:00Z"


def _plain(one: dict[str, Any]) -> dict[str, Any]:
    return {name: one["metadata"][name] for name in ("name", "namespace")}


def _wave(one: dict[str, Any]) -> int:
    notes = one["metadata"].get("annotations") or {}
    return int(notes.get("argocd.argoproj.io/sync-wave", "0"))
