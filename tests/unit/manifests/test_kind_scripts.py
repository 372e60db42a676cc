"""up.sh and down.sh of a local cluster, run by bash; the programs are stand-ins.

The stand-ins keep one file a cluster, with the labels of its node, and log their arguments.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.rendered import rendering

STAND_IN = """\
#!{python}
import os, pathlib, sys
name, args = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
state = pathlib.Path(os.environ["STATE"])
with (state / "log").open("a") as log:
    log.write(" ".join([name, *args]) + "\\n")
cluster = state / "kind-airflow"
if args[:2] == ["get", "clusters"]:
    print("other\\n" + "airflow\\n" * cluster.exists(), end="")
elif args[:2] == ["create", "cluster"]:
    import yaml
    config = yaml.safe_load(pathlib.Path(args[3]).read_text())
    cluster.write_text(" ".join("=".join(one) for one in config["nodes"][0]["labels"].items()))
elif args[:2] == ["get", "kubeconfig"]:
    print("kubeconfig of " + args[3])
elif args[:2] == ["delete", "cluster"]:
    cluster.unlink()
if name in ("kubectl", "helm", "airflow-wizard"):
    used = pathlib.Path(os.environ["KUBECONFIG"]).read_text()
    assert used == "kubeconfig of airflow\\n", used
    if args[:2] == ["get", "nodes"]:
        held = set(args[3].split(",")) <= set(cluster.read_text().split())
        print("node/airflow-control-plane\\n" * held, end="")
    elif args[0] == "label":
        cluster.write_text(cluster.read_text() + " " + args[-1])
    elif "wait" in args or args[1:2] == ["--raw"]:
        sys.exit(0 if (state / "ready").exists() else 1)
    elif "get" in args:
        sys.exit(0 if (state / "again").exists() else 1)
    elif args[-1] == "-":
        sys.stdin.read()
"""


class Laptop:
    """A folder with the rendered files and the stand-ins."""

    def __init__(
        self, folder: Path, changes: dict[str, object] | None = None, preset: str = "local"
    ) -> None:
        self.folder, self.state = folder, folder / "state"
        self.state.mkdir()
        for file in rendering(preset, changes).tree.values():
            path = folder / "config" / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text)
        for name in ("kind", "kubectl", "helm", "airflow-wizard"):
            program = folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(STAND_IN.format(python=sys.executable))
            program.chmod(0o755)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        env = {
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "STATE": str(self.state),
            "KUBECONFIG": "/another/cluster", "HOME": "/nowhere", "TMPDIR": str(self.state),
        }  # fmt: skip
        return subprocess.run(
            ["bash", self.folder / "config" / "apps/airflow" / script],
            capture_output=True, text=True, timeout=60, check=False, cwd="/", env=env,
        )  # fmt: skip

    @property
    def log(self) -> list[str]:
        return (self.state / "log").read_text().splitlines()


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop(tmp_path)


def test_up_creates_what_is_missing_and_down_deletes_it(laptop: Laptop) -> None:
    done = laptop.run("up.sh")
    assert done.returncode == 0, done.stderr
    assert "docs/airflow/RUNBOOK.md" in done.stderr
    first = laptop.log
    assert "kind create cluster --config apps/airflow/kind-cluster.yaml" in first
    assert "kubectl create namespace airflow" in first
    made = first.index("airflow-wizard secrets --installation airflow --yes")
    jobs, upgrade = [first.index(one) for one in first if "delete job" in one or "upgrade" in one]
    assert made < jobs < upgrade
    # A second run continues: the cluster is not created again.
    (laptop.state / "again").touch()
    assert laptop.run("up.sh").returncode == 0
    second = laptop.log[len(first) :]
    assert not [one for one in second if " create " in one and "-f" not in one]
    upgrade_again = "helm upgrade --install airflow apache-airflow/airflow"
    assert [one for one in second if one.startswith(upgrade_again)]
    done = laptop.run("down.sh")
    assert done.returncode == 0, done.stderr
    assert laptop.log[-1] == "kind delete cluster --name airflow"
    assert laptop.run("down.sh").returncode == 0
    assert laptop.log[-1] == "kind get clusters"
    left = sorted(one.name for one in laptop.state.iterdir())
    assert left == ["again", "log"], "a kubeconfig is left behind"


@pytest.mark.parametrize("script", ["up.sh", "down.sh"])
def test_a_cluster_of_somebody_else_stays_as_it_is(laptop: Laptop, script: str) -> None:
    (laptop.state / "kind-airflow").write_text("team=data")
    done = laptop.run(script)
    assert done.returncode == 4
    assert "is not from this repository" in done.stderr
    assert (laptop.state / "kind-airflow").exists()
    assert [one for one in laptop.log if one.startswith("kubectl")] == [
        "kubectl get nodes --selector airflow-wizard-installation=airflow --output name"
    ]


@pytest.mark.parametrize("source", ["", "git.example.com/acme/config"])
def test_a_cluster_of_another_repository_stays_as_it_is(tmp_path: Path, source: str) -> None:
    """Two repositories may have installations of one name, so of one cluster on the same laptop."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    own = Laptop(tmp_path / "first", {"repository.source": source})
    other = Laptop(tmp_path / "second")
    assert own.run("up.sh").returncode == 0
    other.state = own.state
    for done in [other.run("up.sh"), other.run("down.sh")]:
        assert done.returncode == 4, done.stderr
        assert "may belong to another repository" in done.stderr
    assert "kind delete cluster --name airflow" not in own.log
    label = other.run("down.sh").stderr.split("nodes --all ")[1].strip()
    # What the message says makes it this one's.
    with (own.state / "kind-airflow").open("a") as labels:
        labels.write(f" {label}")
    assert other.run("down.sh").returncode == 0
    assert not (own.state / "kind-airflow").exists()


def test_a_missing_program_is_named_before_anything_is_made(laptop: Laptop) -> None:
    (laptop.folder / "bin" / "helm").unlink()
    done = laptop.run("up.sh")
    assert (done.returncode, done.stderr) == (1, "install helm first\n")
    assert not (laptop.state / "log").exists()


def test_it_installs_the_programs_and_waits_for_the_store(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path, {"delivery.kind": "kind", "environment.reloader": True}, "production")
    done = laptop.run("up.sh")
    assert done.returncode == 1
    assert "let the store serve this cluster, as docs/airflow/RUNBOOK.md says" in done.stderr
    programs = [one for one in laptop.log if one.startswith("helm upgrade --install ")]
    assert [one.split()[3] for one in programs] == ["external-secrets", "reloader"]
    first = laptop.log
    created, applied = [
        next(number for number, one in enumerate(first) if mark in one)
        for mark in ("create cluster", " -k apps/airflow")
    ]
    assert created < first.index(programs[0]) < applied
    assert "wait secretstore/vault-airflow" in first[-1]
    (laptop.state / "ready").touch()
    assert laptop.run("up.sh").returncode == 0
    assert any(one.startswith("helm upgrade --install airflow ") for one in laptop.log)


def test_what_it_cannot_install_is_named(tmp_path: Path) -> None:
    route = {"access.kind": "httproute", "access.base_url": "https://airflow.example.com",
             "access.gateway": {"name": "web", "namespace": "gateways"}}  # fmt: skip
    laptop = Laptop(tmp_path, {"delivery.kind": "kind", **route}, "production")
    done = laptop.run("up.sh")
    assert done.returncode == 1
    assert done.stderr.startswith("Gateway API: install an implementation of your choice")
    assert not [one for one in laptop.log if " -k " in one]


def test_more_manifests_and_a_deeper_folder(tmp_path: Path) -> None:
    changes: dict[str, object] = {
        "environment.network_policies": True, "environment.pod_security": "baseline",
        "repository.path": "clusters/laptop", "installation.name": "tries",
    }  # fmt: skip
    made = rendering("local", changes)
    text = made.tree.by_logical("kind-up").text
    labels = "kubectl label --overwrite namespace airflow pod-security.kubernetes.io/enforce="
    assert labels in text
    assert text.index(labels) < text.index("-k ") < text.index("helm upgrade")
    config = yaml.safe_load(made.tree.by_logical("kind-cluster").text)
    assert config["nodes"][0]["labels"] == {"airflow-wizard-installation": "tries"}
    assert str(Path(made.tree.by_logical("kind-up").path).parent) in text
