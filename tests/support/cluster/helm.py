"""One installation that Helm delivers to a real API server, and who works there meanwhile."""

from __future__ import annotations

import json
import os
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.support.cluster.argocd import World
from tests.support.cluster.controllers.operators import MERGE, PLURAL, Operators
from tests.support.cluster.kubeconfigs import cluster, written
from tests.support.paths import TOP
from tests.support.standin import StandIn
from tests.testbed import programs
from tests.testbed.fixtures import found
from tests.testbed.kube import RejectedError
from wizard.clients.helm import open_helm
from wizard.systems.target import Target

CHART = TOP / "tests" / "charts" / "airflow"
HELM = {"delivery.kind": "helm", "repository.source": "git.example.com/acme/airflow"}
JOB = "airflow-run-airflow-migrations"
_NOW = "2026-11-21T12:00:00Z"


@dataclass
class HelmWorld(World):
    """The same with Helm, which is on PATH; `chart` is installed instead of the project's own."""

    chart: Path = CHART

    def __post_init__(self) -> None:
        World.__post_init__(self)
        program = found(programs.helm)
        self.monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    def delivered(self, changes: Mapping[str, object] | None = None) -> Target:
        """The target of these answers, delivered by Helm."""
        made = self.target("", **{**HELM, **(changes or {})})
        return replace(made, helm=open_helm(), chart=self.chart)

    def kubeconfig(self, path: Path, token: str) -> Path:
        """A kubeconfig of this server for commands of their own process."""
        written(path, cluster(self.server), {"token": token})
        return path

    def exists(self, path: str) -> Any:
        """The object, or None."""
        try:
            return self.read(path)
        except RejectedError as error:
            if error.code != 404:
                raise
            return None

    def revisions(self) -> list[dict[str, str]]:
        """The labels of the release's revisions."""
        path = "/api/v1/namespaces/{namespace}/secrets?labelSelector=owner%3Dhelm"
        labels = [one["metadata"]["labels"] for one in self.read(path)["items"]]
        return sorted(labels, key=lambda one: int(one["version"]))

    def statuses(self) -> list[str]:
        """How each revision ended."""
        return [one["status"] for one in self.revisions()]


class Cluster(StandIn):
    """As External Secrets and the controllers of a cluster: what is wanted comes true.

    `idle` leaves the chart's objects as they are.
    """

    pause = 0.3
    idle = False

    def __init__(self, world: World) -> None:
        super().__init__()
        self.kube = world.server
        self.operators: Operators = world.operators

    def look(self) -> None:
        """Bring every object of the namespace to where it should be, once for each generation."""
        kinds = ("SecretStore", "ExternalSecret", "Deployment", "StatefulSet", "Job")
        for kind in kinds[:2] if self.idle else kinds:
            path = PLURAL[kind].format(self.operators.namespace)
            for one in self.kube.request("GET", path)["items"]:
                if one["metadata"].get("deletionTimestamp") is None:
                    self._brought(kind, one)

    def _brought(self, kind: str, one: dict[str, Any]) -> None:
        name, status = one["metadata"]["name"], one.get("status") or {}
        generation = one["metadata"].get("generation")
        if kind == "SecretStore" and not status:
            self.operators.ready(kind, name, "store validated")
        if kind == "ExternalSecret":
            if status.get("syncedResourceVersion") != f"{generation}-test":
                self.operators.external_secret(one)
        elif kind == "Job" and not status.get("conditions"):
            self._completed(one)
        elif (
            kind in {"Deployment", "StatefulSet"} and status.get("observedGeneration") != generation
        ):
            count = one["spec"]["replicas"]
            ready = {"observedGeneration": generation, "conditions": [_AVAILABLE]}
            counts = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas"), count)
            self.operators.status(kind, name, {**ready, **counts})
            if name.endswith("-worker"):
                self._pod()

    def _completed(self, one: dict[str, Any]) -> None:
        ended = [
            {"type": kind, "status": "True", "reason": "Test", "message": ""}
            for kind in ("SuccessCriteriaMet", "Complete")
        ]
        status = {"startTime": _NOW, "completionTime": _NOW, "conditions": ended}
        path = PLURAL["Job"].format(self.operators.namespace)
        place = f"{path}/{one['metadata']['name']}/status"
        self.kube.request("PATCH", place, {"status": status}, MERGE)

    def _pod(self) -> None:
        about = {"image": "airflow:test", "imageID": "", "restartCount": 0, "ready": True}
        ended = {"terminated": {"exitCode": 0, "reason": "Completed"}}
        self.operators.pod(
            "airflow-worker-0", init="git-sync-init", main="git-sync", phase="Running",
            initContainerStatuses=[{"name": "git-sync-init", "state": ended, **about}],
            containerStatuses=[{"name": "git-sync", "state": {"running": {}}, **about}],
        )  # fmt: skip


_AVAILABLE = {"type": "Available", "status": "True"}


@dataclass
class Wrapped:
    """A `helm` that is found before the real one, writes down how it was called, then runs it."""

    folder: Path
    real: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.write()

    def write(self, more: str = "") -> None:
        """`more` are arguments that `upgrade` gets besides: --wait waits for what never comes."""
        log, helm = shlex.quote(str(self.folder / "calls")), shlex.quote(str(self.real))
        script = self.folder / "helm"
        script.write_text(
            "#!/bin/sh\n"
            f'{{ echo "$$"; printf "%s\\n" "$@"; env; echo ====; }} >>{log}\n'
            f'[ "$1" != upgrade ] || set -- "$@" {more}\n'
            f'exec {helm} "$@"\n'
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)

    @property
    def path(self) -> str:
        """PATH with this one first."""
        return f"{self.folder}{os.pathsep}{os.environ['PATH']}"

    @property
    def calls(self) -> list[list[str]]:
        """The lines of each call: its process, its arguments, its environment."""
        log = self.folder / "calls"
        text = log.read_text() if log.exists() else ""
        return [one.strip().splitlines() for one in text.split("====\n") if one.strip()]

    def process(self, command: str) -> int:
        """The last process that ran this command."""
        return next(int(call[0]) for call in reversed(self.calls) if call[1] == command)


def chart_with(folder: Path, changes: Mapping[str, str]) -> Path:
    """A copy of the chart with other files."""
    import shutil

    shutil.copytree(CHART, folder)
    for name, text in changes.items():
        (folder / name).write_text(text)
    return folder


def read_events(text: str) -> dict[str, dict[str, Any]]:
    """The last event of each action, from `apply --json`."""
    return {one["action"]: one for one in map(json.loads, text.splitlines())}
