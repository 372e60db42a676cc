"""One installation on a real API server, and how the actions of `apply` end there."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Wizard, answers_file
from tests.support.cluster.controllers.operators import Operators
from tests.support.cluster.kubeconfigs import cluster, written
from tests.support.rendered import answers as answered
from tests.support.rendered import rendering
from tests.support.repository import GitFolder
from tests.testbed.kube import Kube as Server
from tests.testbed.kube import RejectedError
from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.protocol import Kube
from wizard.deliveries.argocd.manifests import HEALTH_KEY
from wizard.engine.steps import Step, StepEvent, run_steps
from wizard.systems.target import Target

GITHUB = "ssh://git@github.com/acme/k8s-infra.git"
LIST = "argocd-ssh-known-hosts-cm"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/{argo}/leases/airflow-wizard-airflow"


@dataclass
class World:
    """One installation in namespaces of its own, with a client that says what it sends."""

    server: Server
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        name = uuid.uuid4().hex[:8]
        self.namespace, self.argo = f"airflow-{name}", f"argocd-{name}"
        self.operators = Operators(self.server, self.namespace, self.argo)
        self.git = GitFolder.init(self.folder / "repository")

    def client(self, token: str = "") -> Kube:
        path = self.folder / f"kubeconfig-{uuid.uuid4().hex[:6]}"
        written(path, cluster(self.server), {"token": token or self.server.token})
        self.monkeypatch.setenv("KUBECONFIG", str(path))
        return open_kube(told=self.lines.append, patience=2)

    def target(self, token: str = "", **changes: Any) -> Target:
        keys = {
            "installation.namespace": self.namespace,
            "delivery.argocd.namespace": self.argo,
            "delivery.argocd.repo_url": GITHUB,
            **changes,
        }
        made = rendering("production", keys)
        kube = self.client(token)
        files = {f.logical: f.data for f in made.tree.values() if f.logical}
        return Target(
            answered("production", keys), made.release, self.git.repo, "", files,
            kube=kube, argocd=kube,
        )  # fmt: skip

    def commit(self, aw: Wizard) -> None:
        """Its files are committed; Argo CD is there, and never syncs them."""
        self.install_argo()
        keys = {
            "installation.namespace": self.namespace,
            "delivery.argocd.namespace": self.argo,
            "delivery.argocd.repo_url": GITHUB,
        }
        file = answers_file(self.folder / "answers.yaml", keys)
        aw.ok("commit", "--yes", "--answers", str(file))
        self.client()

    def install_argo(self, known_hosts: str | None = "# Argo CD's own\n") -> None:
        """What an installed Argo CD has: known hosts, a credential, a check of Applications."""
        self.put("ConfigMap", "argocd-cm", data={HEALTH_KEY: "return obj.status.health"})
        if known_hosts is not None:
            self.put("ConfigMap", LIST, data={"ssh_known_hosts": known_hosts})
        self.credential()

    def credential(self, url: str = GITHUB, kind: str = "repository", **more: str) -> None:
        data = {name: base64.b64encode(v.encode()).decode() for name, v in more.items()}
        data["url"] = base64.b64encode(url.encode()).decode()
        data["sshPrivateKey"] = base64.b64encode(b"cAnArY7f3a9c").decode()
        labels = {"argocd.argoproj.io/secret-type": kind}
        self.put("Secret", f"repo-{kind}", data=data, labels=labels)

    def put(self, kind: str, name: str, labels: Any = None, api: str = "v1", **more: Any) -> None:
        about = {"name": name, "namespace": self.argo, "labels": labels or {}}
        made = {"apiVersion": api, "kind": kind, "metadata": about, **more}
        self.server.apply(json.dumps(made))

    def read(self, path: str) -> Any:
        return self.server.request("GET", path.format(argo=self.argo, namespace=self.namespace))

    def lease(self) -> Any:
        """What the run's Lease says, None without one."""
        try:
            return self.read(LEASE)["spec"]
        except RejectedError as error:
            if error.code != 404:
                raise
            return None

    @property
    def writes(self) -> list[str]:
        """Requests that would change stored state."""
        return [
            line for line in self.lines if not line.startswith("GET ") and "dryRun=All" not in line
        ]


def told(actions: Iterable[Step], *, dry_run: bool = False) -> dict[str, StepEvent]:
    """How each action ended."""

    async def run() -> list[StepEvent]:
        return [
            event
            async for event in run_steps(list(actions), dry_run=dry_run, interval=0.02)
            if event.has_ended
        ]

    return {event.id: event for event in asyncio.run(run())}
