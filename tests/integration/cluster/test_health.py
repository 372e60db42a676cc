"""Airflow's own health through a port-forward of a real API server: what it says, and what not.

No kubelet can run here: the stand-in of tests/testbed/kubelet.py forwards to a program that answers
as Airflow does, or as nobody should.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.cluster.argocd import World, told
from tests.support.cluster.kubeconfigs import account, cluster, rule, written
from tests.support.outward import writes
from tests.support.scripted import scripted
from tests.support.servers import Answer, Asked, web
from tests.testbed.databases import free_port
from tests.testbed.kube import RejectedError
from tests.testbed.kubelet import BEAT, Program, Script, airflow, health, http
from wizard.clients.kube.connect import open_kube
from wizard.engine.steps import Step, StepEvent, run_steps
from wizard.systems.cluster import health as asking
from wizard.systems.cluster import verify
from wizard.systems.target import Target

pytestmark = pytest.mark.integration

POD = "airflow-api-server-ready"
SERVER = "https://api.example.internal:6443"
RUNS = "3 workloads run; airflow-api-server answers its readiness probe"
READS = (rule("get list watch", "pods"), rule("get list", "deployments statefulsets", "apps"))


@pytest.fixture(autouse=True)
def workloads(world: World) -> None:
    """Airflow's workloads are ready."""
    for name, kind in {
        "api-server": "Deployment", "scheduler": "Deployment", "triggerer": "StatefulSet",
    }.items():  # fmt: skip
        world.operators.workload(kind, f"airflow-{name}", ready=True)


def ended(target: Target) -> StepEvent:
    """How the wait ends when it may only take a moment."""
    return told([replace(verify.build_airflow_wait(target), wait_seconds=0.1)])["verify.airflow"]


def runs(world: World, script: Script, pod: str = POD) -> Program:
    return world.server.kubelet.runs(world.namespace, pod, script)


def says(*parts: bytes) -> Script:
    return lambda _asked: iter(parts)


def test_a_healthy_airflow_is_asked_once_and_nothing_else(world: World) -> None:
    user, token = account(world.server, *READS, rule("get", "pods/portforward"))
    program = runs(world, airflow())
    event = ended(world.target(token))
    healthy = "healthy: metadatabase, scheduler, triggerer, dag_processor"
    assert (event.state, event.detail) == ("holds", f"{RUNS}; {healthy}")
    assert program.asked == [
        "GET /api/v2/monitor/health HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
        "User-Agent: airflow-wizard\r\nConnection: close\r\n\r\n"
    ]
    # A WebSocket begins with a GET, and up to Kubernetes 1.34 the right that counts is `get`; from
    # 1.35 on `create` is asked for as well. Either way nothing is stored: it is no write.
    forwarded = f"GET /api/v1/namespaces/{world.namespace}/pods/{POD}/portforward?ports=8080"
    assert forwarded in world.lines
    assert forwarded in world.server.audited(user)
    assert writes(world.server.audited(user)) == []


def test_airflow_2_is_asked_below_the_path_of_its_base_url(world: World) -> None:
    target = world.target(**{"access.base_url": "https://flow.example.com:8443/data/flow"})
    older = replace(target, release=replace(target.release, airflow=(2, 11, 0)))
    world.operators.workload("Deployment", "airflow-webserver", ready=True)
    program = runs(world, airflow("/data/flow/health"), "airflow-webserver-ready")
    assert ended(older).state == "holds"
    assert program.asked[0].startswith("GET /data/flow/health HTTP/1.1\r\nHost: flow.example.com\r")
    # Below a path, nothing answers at the top.
    runs(world, airflow(), POD)
    event = ended(target)
    assert "/data/flow/api/v2/monitor/health with HTTP 404, application/json" in event.detail
    assert event.state == "failed"
    assert "access.base_url" in event.fix.text


WRONG: list[tuple[str, Script, str, str]] = [
    (
        "scheduler", airflow(scheduler="unhealthy"),
        f"scheduler unhealthy, last heartbeat {BEAT}", "logs deployment/airflow-scheduler",
    ),
    (
        "two parts", airflow(scheduler="\x1b[31mill", triggerer=None),
        "scheduler \\e[31mill, last heartbeat", "logs deployment/airflow-scheduler",
    ),
    (
        "triggerer", airflow(triggerer=None, dag_processor=None),
        "0.1 s: triggerer has not reported yet", "logs statefulset/airflow-triggerer",
    ),
    ("database", airflow(metadatabase="unhealthy"), ": metadatabase unhealthy", "database.host"),
    (
        "no report", says(http({"status": "healthy"})),
        'HTTP 200, application/json, which is not a health report: {"status"', "port 8080",
    ),
    (
        "HTML", says(http(b"<html>\x1b]0;owned\x07", media="text/html")),
        "text/html, which is not a health report: <html>\\e]0;owned\\", "access.base_url",
    ),
    ("deep JSON", says(http(b"[" * 60000)), "which is not a health report", "access.base_url"),
    ("an error", says(http(health(), "500 Oops")), "with HTTP 500", "logs deployment/"),
    ("no HTTP", says(b"SSH-2.0-OpenSSH_9.2\r\n"), "answers, but not with HTTP", "logs deployment/"),
    ("huge", lambda _: iter([http(b" " * 70000)]), "more than 64 KiB", "logs deployment/"),
    (
        "endless", lambda _: iter(lambda: b"X-A: " + b"b" * 32768 + b"\r\n", b""),
        "answers, but not with HTTP", "logs deployment/",
    ),
]  # fmt: skip


def test_what_is_wrong_is_told_with_its_remedy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "HEALTH_SECONDS", 5.0)
    target = world.target()
    program = runs(world, airflow())
    for name, script, detail, fix in WRONG:
        program.script = script
        event = ended(target)
        assert event.state == "failed", name
        assert detail in event.detail, name
        assert fix in event.fix.text, name
    assert writes(world.lines) == []


def test_parts_that_nothing_runs_do_not_count(world: World) -> None:
    program = runs(world, airflow(dag_processor="unhealthy"))
    event = ended(world.target())
    assert (event.state, "dag_processor" in event.detail) == ("holds", False)
    world.operators.workload("Deployment", "airflow-dag-processor", ready=True)
    assert "dag_processor unhealthy" in ended(world.target()).detail
    program.script = airflow()
    assert ended(world.target()).state == "holds"


def test_a_program_that_hangs_or_is_not_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "HEALTH_SECONDS", 0.5)
    target = world.target()
    program = runs(world, airflow())

    def drips(_asked: str) -> Iterator[bytes]:
        """Each byte comes in time, all of them never."""
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
        while not program.ended.wait(0.05):
            yield b" "

    for script in (says(), drips):
        program.script = script
        event = ended(target)
        said = "does not answer within 0.5 s" in event.detail
        assert (event.state, said) == ("failed", True), event
    ports = [{"name": "api-server", "containerPort": 9090}]
    relisten(world, ports=ports)
    event = ended(target)
    assert "cannot be reached: error forwarding port 9090" in event.detail
    assert "connection refused" in event.detail
    relisten(world, readinessProbe={"httpGet": {"port": 8080, "scheme": "HTTPS"}})
    event = ended(target)
    assert (event.state, "serves HTTPS" in event.detail) == ("unknown", True)
    world.operators.status("Pod", POD, {"conditions": [{"type": "Ready", "status": "False"}]})
    assert "no pod of airflow-api-server is ready" in ended(target).detail


def relisten(world: World, **container: Any) -> None:
    """The API server's pod with other words about its container."""
    spec = {
        "nodeName": world.server.kubelet.node,
        "containers": [{"name": "main", "image": "airflow:test", **container}],
    }
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    world.operators.make("Pod", POD, spec, {"app": "airflow-api-server"}, **ready)


def test_leaving_does_not_wait_for_a_program_that_hangs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "HEALTH_SECONDS", 60.0)
    program = runs(world, says())
    action = verify.build_airflow_wait(world.target())

    async def left() -> float:
        task = asyncio.ensure_future(_ended(action))
        while not program.asked:  # noqa: ASYNC110 - another thread hears it
            await asyncio.sleep(0.01)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - began

    before = set(threading.enumerate())
    assert asyncio.run(left()) < 5
    # What still waits is no reason for the process to stay.
    ours = set(threading.enumerate()) - before
    assert all(one.daemon for one in ours)


async def _ended(action: Step) -> list[StepEvent]:
    return [event async for event in run_steps([action])]


def test_without_the_right_the_readiness_probe_counts(world: World) -> None:
    space = world.namespace
    for rules, word in (
        (READS, 'cannot get resource "pods/portforward"'),
        (READS[1:], 'cannot list resource "pods"'),
    ):
        _, token = account(world.server, *rules)
        event = ended(world.target(token))
        assert event.state == "unknown"
        assert event.detail.startswith(f"{RUNS}; health not checked: ")
        assert word in event.detail
        assert f"get and create on pods/portforward, and list on pods, in namespace {space}" in (
            event.fix.text
        )
        assert f"kubectl -n {space} port-forward deployment/airflow-api-server 8080:8080" in (
            event.fix.text
        )
        assert "http://localhost:8080/api/v2/monitor/health" in event.fix.text


def test_a_way_without_websockets_proves_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old proxy, or an API server that does not reach its nodes."""
    refusals = [
        Answer(400, b"Bad Request"), Answer(0), Answer(200, b"{}"), Answer(502, b"<html>"),
        Answer(302, headers={"Location": "https://elsewhere.example"}),
        Answer(101, headers={"Connection": "Upgrade", "Upgrade": "websocket"}),
    ]  # fmt: skip
    left = [*refusals, *[Answer(503)] * 50]

    def through(asked: Asked) -> Answer:
        if "/portforward?" in asked.path:
            assert asked.headers["Authorization"] == "Bearer own-token"
            return left.pop(0)
        try:
            return Answer(200, json.dumps(world.server.request("GET", asked.path)).encode())
        except RejectedError as error:
            return Answer(error.code, b"{}")

    authority = Authority.make(tmp_path)
    target = world.target()
    with web(authority, through) as proxy:
        place = {"server": proxy.url, "certificate-authority": str(authority.path)}
        file = written(tmp_path / "proxied", place, {"token": "own-token"})
        monkeypatch.setenv("KUBECONFIG", str(file))
        client = open_kube(patience=1)
        for _ in refusals:
            event = ended(replace(target, kube=client))
            assert event.state == "unknown", event
            assert event.detail.startswith(f"{RUNS}; health not checked: port-forward to ")
            assert "no WebSocket: " in event.detail
            assert "allow WebSocket connections" in event.fix.text
        # An API server with too much to do is waited for.
        event = ended(replace(target, kube=client))
        assert (event.state, "HTTP 503" in event.detail) == ("failed", True)


def test_it_goes_through_the_proxy_that_others_go_through(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[bytes] = []

    def proxy(connection: socket.socket) -> None:
        begun = connection.recv(4096)
        if not begun:
            return
        met.append(begun)
        address = ("127.0.0.1", world.server.port)
        with socket.create_connection(address) as server:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            threading.Thread(target=copied, args=(server, connection), daemon=True).start()
            copied(connection, server)

    with scripted(proxy) as port:
        # A name that only the proxy knows; the certificate is for another.
        names = {"server": SERVER, "tls-server-name": "kubernetes.default.svc"}
        place = cluster(world.server, **names, **{"proxy-url": f"http://127.0.0.1:{port}"})
        file = written(tmp_path / "proxied", place, {"token": world.server.token})
        target = world.target()
        monkeypatch.setenv("KUBECONFIG", str(file))
        event = ended(replace(target, kube=open_kube(patience=1)))
    assert event.state == "holds", event
    assert len(met) > 1
    assert all(one.startswith(b"CONNECT api.example.internal:6443 ") for one in met)
    assert not any(world.server.token.encode() in one for one in met)


def copied(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_nodes_that_the_api_server_does_not_reach(world: World) -> None:
    server: Any = world.server
    node = f"dead-{world.namespace}"
    server.request("POST", "/api/v1/nodes", {"metadata": {"name": node}})
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": free_port()}},
    }
    body = {"status": status}
    server.request("PATCH", f"/api/v1/nodes/{node}/status", body, "application/merge-patch+json")
    spec = {"nodeName": node, "containers": [{"name": "main", "image": "airflow:test"}]}
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    world.operators.make("Pod", POD, spec, {"app": "airflow-api-server"}, **ready)
    event = ended(world.target())
    assert event.state == "unknown"
    assert "error dialing backend" in event.detail
    assert "kubelets of its nodes" in event.fix.text
