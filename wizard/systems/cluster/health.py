"""Read Airflow's own health report through a port-forward to Airflow's API server.

The report has one entry for each part; null is the status of a part that has never run. Source:
Airflow 2.11 and 3.2.2, get_airflow_health; path and host are those of the chart's probes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.systems.cluster import pods
from wizard.systems.cluster.conditions import condition, wait_status
from wizard.systems.cluster.diagnosis import sanitize_message

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import PodResponse
    from wizard.manifests.release import Release

HEALTH_SECONDS = 10.0
# The names of the ports in the chart; both default to 8080.
_PORTS, _PORT = ("api-server", "airflow-ui"), 8080
_ALWAYS = ("metadatabase", "scheduler")
# Names of the parts in the report, and of their workloads.
_PARTS = {"scheduler": "scheduler", "triggerer": "triggerer", "dag_processor": "dag-processor"}
_HEALTHY = "healthy"


def check_airflow(kube: Kube, release: Release) -> StepStatus:
    """Check that everything is rolled out, and that Airflow reports itself healthy.

    If the report cannot be read, the status is unknown and shows the result of the readiness probe.
    """
    found = pods.list_workloads(kube, release)
    look = pods.check_rollout(kube, release, found)
    if look.state != "holds":
        return look
    check = _HealthCheck(kube, release, found, look.detail)
    try:
        return check.look()
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return check.unknown_status(error)


@dataclass(frozen=True, slots=True)
class _HealthCheck:
    """One health check; `runs` is the known state of the rollout."""

    kube: Kube
    release: Release
    found: Sequence[KubeObject]
    runs: str
    port: int = _PORT

    def look(self) -> StepStatus:
        pod = next(filter(_is_ready, self._pods()), None)
        if pod is None:
            return self._wait_status(f"no pod of {self.server} is ready")
        check = replace(self, port=_port(pod))
        if _speaks_tls(pod):
            why = f"{self.server} serves HTTPS, which is not checked through a port-forward"
            return StepStatus("unknown", f"{self.runs}; {why}", Fix(check._manual_command))
        return check.check_pod(pod)

    def check_pod(self, pod: KubeObject) -> StepStatus:
        """Read the report from this pod."""
        ref = Ref("v1", "Pod", pod["metadata"]["name"], self.release.namespace)
        host = urlsplit(self.release.base_url).hostname or "localhost"
        try:
            reply = self.kube.ask_pod(ref, self.port, self._path, host, seconds=HEALTH_SECONDS)
        except KubeError as error:
            if error.status == 404 and self.kube.get(ref) is None:
                return self._wait_status(f"{ref} was deleted; trying a different pod")
            if error.kind in ("forbidden", "upgrade"):
                return self.unknown_status(error)
            if error.kind != "pod":
                raise
            return self._wait_status(
                f"{self.server} {sanitize_message(error.message)}", self._log_hint(self.server)
            )
        parts = _parts(reply)
        if parts is None:
            return self._unexpected_reply(reply)
        return self._check_parts(parts)

    def unknown_status(self, error: KubeError) -> StepStatus:
        """Return `unknown` for a report that this machine cannot read, with the rollout state."""
        detail = f"{self.runs}; health not checked: {sanitize_message(error.message)}"
        if error.kind != "forbidden":
            return StepStatus(
                "unknown",
                detail,
                Fix(f"{error.fix}; to check by hand: {self._manual_command}", error.fix.question),
            )
        return StepStatus(
            "unknown",
            detail,
            Fix(
                "ask for the rights get and create on pods/portforward, and list on pods, in "
                f"namespace {self.release.namespace}, or ask somebody who has them to run: "
                f"{self._manual_command}"
            ),
        )

    @property
    def server(self) -> str:
        return self.release.web_name

    @property
    def _path(self) -> str:
        below = urlsplit(self.release.base_url).path.rstrip("/")
        path = "/api/v2/monitor/health" if self.release.airflow_3 else "/health"
        return quote(f"{below}{path}", safe="/%~:@!$&'()*+,;=")

    @property
    def _manual_command(self) -> str:
        space = self.release.namespace
        forward = f"kubectl -n {space} port-forward deployment/{self.server} {_PORT}:{self.port}"
        return f"{forward}, then open http://localhost:{_PORT}{self._path}"

    def _pods(self) -> list[KubeObject]:
        """Return the pods that match the Deployment's own selector."""
        ref = Ref("apps/v1", "Deployment", self.server, self.release.namespace)
        named = (one for one in self.found if one["metadata"]["name"] == self.server)
        deployment = next(named, None) or self.kube.get(ref) or {}
        chosen = ((deployment.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
        labels = ",".join(f"{name}={value}" for name, value in sorted(chosen.items()))
        return self.kube.find("v1", "Pod", self.release.namespace, labels=labels)

    def _check_parts(self, parts: Mapping[str, _Part]) -> StepStatus:
        wrong = [part for part in parts.values() if self._is_wrong(part)]
        if not wrong:
            healthy = ", ".join(part.name for part in parts.values() if part.status == _HEALTHY)
            return StepStatus("holds", f"{self.runs}; healthy: {healthy}")
        return self._wait_status(", ".join(map(str, wrong)), self._remedy(wrong[0]))

    def _is_wrong(self, part: _Part) -> bool:
        """Return whether the part is unhealthy; parts without running workloads do not count."""
        return part.status != _HEALTHY and (
            part.name in _ALWAYS or self._workload(part.name) is not None
        )

    def _workload(self, part: str) -> KubeObject | None:
        name = self.release.names.object_name(_PARTS[part])
        named = (one for one in self.found if one["metadata"]["name"] == name)
        return next((one for one in named if (one.get("spec") or {}).get("replicas", 1)), None)

    def _remedy(self, part: _Part) -> Fix:
        if part.name == "metadatabase":
            return Fix(
                "check database.host, its password and the network (airflow-wizard check --live): "
                "the API server cannot reach the database",
                "database.host",
            )
        return Fix(self._log_hint(self.release.names.object_name(_PARTS[part.name])))

    def _log_hint(self, name: str) -> str:
        kinds = (one["kind"] for one in self.found if one["metadata"]["name"] == name)
        place = f"{next(kinds, 'Deployment').lower()}/{name}"
        log = f"kubectl -n {self.release.namespace} logs {place} --all-containers --tail=100"
        return f"see its log: {log}; too little CPU or memory also has this effect"

    def _unexpected_reply(self, reply: PodResponse) -> StepStatus:
        begin = sanitize_message(reply.body[:200].decode("utf-8", "replace"))
        return self._wait_status(
            f"{self.server} answers {self._path} with HTTP {reply.status}, "
            f"{sanitize_message(reply.media)}, which is not a health report: "
            f"{begin or 'empty'}",
            Fix(
                "set access.base_url to the path that Airflow serves, and check that port "
                f"{self.port} belongs to Airflow; {self._log_hint(self.server)}",
                "access.base_url",
            ),
        )

    def _wait_status(self, detail: str, fix: Fix | str = "") -> StepStatus:
        listed = f"kubectl -n {self.release.namespace} get pods"
        return wait_status(detail, pods.diagnose_pods(self.kube, self.release), fix or listed)


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    status: str | None
    heartbeat: str

    def __str__(self) -> str:
        if self.status is None:
            return f"{self.name} has not reported yet"
        beat = f"last heartbeat {self.heartbeat}" if self.heartbeat else "no heartbeat yet"
        known = f"{self.name} {sanitize_message(self.status)}"
        return known if self.name == "metadatabase" else f"{known}, {beat}"


def _parts(reply: PodResponse) -> dict[str, _Part] | None:
    """Return the known entries of the report in order; None if it is not a health report."""
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    if reply.status != 200 or not isinstance(answer, Mapping):
        return None
    found = {part.name: part for part in _read_parts(answer)}
    return found if found.keys() >= set(_ALWAYS) else None


def _read_parts(answer: Mapping[str, Any]) -> Iterator[_Part]:
    for name in dict.fromkeys((*_ALWAYS, *_PARTS)):
        entry = answer.get(name)
        if isinstance(entry, Mapping):
            status, beat = entry.get("status"), entry.get(f"latest_{name}_heartbeat")
            text = None if status is None else str(status)
            yield _Part(name, text, sanitize_message(beat) if beat else "")


def _is_ready(pod: KubeObject) -> bool:
    deleting = pod["metadata"].get("deletionTimestamp")
    return not deleting and condition(pod, "Ready").get("status") == "True"


def _port(pod: KubeObject) -> int:
    listed = [
        port
        for container in (pod.get("spec") or {}).get("containers") or []
        for port in container.get("ports") or []
    ]
    named = (port["containerPort"] for port in listed if port.get("name") in _PORTS)
    return int(next(named, _PORT))


def _speaks_tls(pod: KubeObject) -> bool:
    """Return whether the pod's readiness probe uses HTTPS."""
    probes = (
        container.get("readinessProbe") or {}
        for container in (pod.get("spec") or {}).get("containers") or []
    )
    return any((one.get("httpGet") or {}).get("scheme") == "HTTPS" for one in probes)
