"""`apply` with Helm as a process: what helm is given, and what becomes of it when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.canary import Canary
from tests.support.cli import Wizard, answers_file, aw
from tests.support.cluster.argocd import told
from tests.support.cluster.helm import CHART, Cluster, HelmWorld, Wrapped, read_events
from tests.support.cluster.kubeconfigs import account, rule
from tests.support.outward import writes
from tests.support.process import WIZARD, Finished, run
from tests.testbed.kube import RejectedError
from wizard.engine.steps import StepEvent
from wizard.systems.helm import release
from wizard.systems.helm import steps as by_helm
from wizard.systems.target import Target

__all__ = ["aw"]

pytestmark = [pytest.mark.integration, pytest.mark.world(delivery="helm")]

RELEASE = ("pending-install", "pending-upgrade")


@dataclass
class Place:
    """A committed installation, an operator with a login of their own, and their helm."""

    world: HelmWorld
    aw: Wizard
    helm: Wrapped
    canary: Canary
    cluster: Cluster
    user: str
    env: dict[str, str]

    def __call__(
        self, *words: str, code: int | None = 0, command: tuple[str, ...] = WIZARD
    ) -> Finished:
        args = ["apply", "--only", "delivery", "--yes", "--json", "--chart", str(CHART), *words]
        done = run([*command, *args], cwd=self.aw.folder, env=self.env, timeout=90)
        self.canary.assert_absent(done.out, done.err)
        assert code in {None, done.code}, done
        return done

    def killed(self, last: str) -> bool:
        """Killed after this request; False when it ended well before that."""
        log = self.helm.folder / "requests"
        command = (sys.executable, "-m", "tests.support.outward", str(log), last)
        done = self(command=command, code=None)
        assert done.code in {0, -signal.SIGKILL}, done
        return done.code != 0

    def started(self) -> subprocess.Popen[str]:
        """Under way, once its helm has made a revision."""
        count = len(self.world.revisions()) if self.world.exists(SPACE) else 0
        words = ["apply", "--only", "delivery", "--yes", "--chart", str(CHART)]
        process = subprocess.Popen(
            [*WIZARD, *words], cwd=self.aw.folder, env={**os.environ, **self.env}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        self.until(lambda: len(self.world.revisions()) > count and self.world.statuses()[-1] in
                   RELEASE, process)  # fmt: skip
        return process

    def until(self, ready: Callable[[], Any], process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + 60
        while not ready():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def leases(self) -> Any:
        path = "/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        return self.world.read(path)["items"]


SPACE = "/api/v1/namespaces/{namespace}"


HELMSMAN = {
    "delivery.kind": "helmsman",
    "installation.image": {"repository": "registry.example.com/airflow", "tag": "3.2.2-first"},
}


@pytest.fixture
def place(
    request: pytest.FixtureRequest,
    aw: Wizard,
    world: HelmWorld,
    tmp_path: Path,
    helm: Path,
    canary: Canary,
) -> Iterator[Place]:
    changes = {
        "installation.namespace": world.namespace,
        "delivery.kind": "helm",
        **getattr(request, "param", {}),
        "environment.network_policies": True,
    }
    aw.ok("commit", "--yes", "--answers", str(answers_file(tmp_path / "answers.yaml", changes)))
    user, token = account(world.server, rule("*", "*", "*"))
    wrapped = Wrapped(tmp_path / "bin", helm)
    env = {
        "KUBECONFIG": str(world.kubeconfig(tmp_path / "own", token)),
        "PATH": wrapped.path,
        "AIRFLOW_DB_PASSWORD": canary.hostile("database"),
        "OTHER": canary.secret("other"),
        "HELM_KUBEAPISERVER": "https://127.0.0.1:1",
        "HELM_NAMESPACE": "kube-system",
        "HELM_DRIVER": "configmap",
    }
    with Cluster(world) as cluster:
        yield Place(world, aw, wrapped, canary, cluster, user, env)
    assert [fault for fault in cluster.faults if not isinstance(fault, RejectedError)] == []


def states(done: Finished) -> dict[str, str]:
    return {name: event["state"] for name, event in read_events(done.out).items()}


def test_a_second_run_writes_nothing_and_helm_is_given_no_secret(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    user, server = place.user, place.world.server
    tried = place("--dry-run")
    assert states(tried)["helm.chart"] == "would change"
    assert writes(server.audited(user)) == []

    began = time.monotonic()
    first = place()
    spent = time.monotonic() - began
    assert set(states(first).values()) <= {"changed", "holds", "unknown"}, first
    made = server.audited(user)
    assert any("/secrets" in line for line in writes(made))
    began = time.monotonic()
    second = place()
    spent_again = time.monotonic() - began
    # There is no remote, so that what the branch holds is not proven.
    assert {name for name, state in states(second).items() if state != "holds"} == {"git.branch"}
    again = server.audited(user)[len(made) :]
    assert writes(again) == []
    with capsys.disabled():
        print(
            f"\nhelm: first {len(made)} requests, {len(writes(made))} writing, {spent:.1f} s; "
            f"second {len(again)} requests, 0 writing, {spent_again:.1f} s"
        )

    place.canary.assert_absent(place.helm.folder, place.aw.folder)
    for call in place.helm.calls:
        lines = "\n".join(call)
        assert "HELM_KUBE" not in lines
        assert "HELM_NAMESPACE" not in lines
        assert "HELM_DRIVER=secret" in lines
        assert "airflow-wizard-chart" not in lines
    upgrade = next(call for call in place.helm.calls if call[1] == "upgrade")
    assert upgrade[upgrade.index("--kube-context") + 1] == "test"


@pytest.mark.parametrize("place", [{}, HELMSMAN], ids=["helm", "helmsman"], indirect=True)
def test_killed_again_and_again_it_reaches_the_same_state(place: Place) -> None:
    """Each run may make some changes and is killed; every second does not see the last answer."""
    kills = 0
    while place.killed("5ws" if kills % 2 else "5w"):
        kills += 1
        assert kills < 30
    assert kills > 2
    assert place.world.statuses() == ["deployed"]
    assert place.leases() == []
    assert {name for name, state in states(place()).items() if state != "holds"} == {"git.branch"}


@pytest.mark.timeout(300)
def test_whatever_becomes_of_helm_in_the_middle(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A helm that waits for what does not come is killed, interrupted, or somebody else's."""
    world = place.world
    committed = yaml.safe_load(
        (place.aw.folder / ".airflow-wizard/airflow/answers.yaml").read_text()
    )
    target = world.delivered({"repository.source": committed["repository"]["source"]})
    monkeypatch.setattr(release, "QUIET_SECONDS", 0.2)
    place.cluster.idle = True
    place.helm.write("--wait")

    process = place.started()
    process.kill()
    os.kill(place.helm.process("upgrade"), signal.SIGKILL)
    process.communicate()
    assert world.statuses() == ["pending-install"]
    assert place("--dry-run").code == 0
    done = installed(target)
    assert (done.state, "completed revision 1, which" in done.detail) == ("changed", True), done
    assert world.statuses() == ["pending-install", "superseded", "deployed"]

    process = place.started()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert time.monotonic() - began < 5
    out, err = process.communicate()
    assert "may have completed" in out + err
    assert not Path(f"/proc/{place.helm.process('upgrade')}").exists()
    assert place.leases() == []
    assert installed(target).state == "changed"
    assert world.statuses()[-1] == "deployed"

    with by_hand(world, "--wait") as other:
        place.until(lambda: world.statuses()[-1] == "pending-upgrade", other)
        event = installed(target)
        assert (event.state, "is locked by another helm" in event.detail) == ("blocked", True)
        other.kill()
    words = event.fix.text.partition("if it is not running any more: ")[2].partition(",")[0].split()
    subprocess.run(words, check=True, capture_output=True)
    assert installed(target).state == "changed"


def installed(target: Target) -> StepEvent:
    return told([by_helm.build_chart_step(target)])["helm.chart"]


@contextmanager
def by_hand(world: HelmWorld, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A person's own helm upgrade of the release."""
    values = ("--reuse-values", "--set", "workers.celery.replicas=7")
    process = subprocess.Popen(
        ["helm", "upgrade", "airflow", CHART, "-n", world.namespace, *values, *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
