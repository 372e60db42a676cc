"""Missing programs are found in a real cluster, by the script and by the probes alike.

Helm is a stand-in in the script's tests: the charts' repositories are on the Internet.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cluster.kubeconfigs import cluster, written
from tests.support.rendered import answers, rendering
from tests.testbed.fixtures import new_kube, running
from tests.testbed.kube import Kube as Server
from tests.unit.handover.test_handover import made
from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.protocol import Kube, Ref
from wizard.engine.probes import ProbeResult
from wizard.manifests.prerequisites import EXTERNAL_SECRETS
from wizard.systems.cluster.prerequisites import check_pods, check_prerequisite, list_checks

pytestmark = pytest.mark.integration

CHANGES: dict[str, object] = {
    "access.kind": "ingress",
    "access.base_url": "https://airflow.example.com",
    "access.class": "web",
    "access.tls.issuer": "letsencrypt",
    "environment.reloader": True,
}
MIRROR = "registry.example.internal:5000/mirror"
HELM = """#!/bin/sh
# Stand-in for helm: no release exists unless TAKEN names it; every install works and is recorded.
case $1 in
  status) [ "$2" = "${TAKEN:-}" ] ;;
  install) echo "$2 $*" >>"$CALLS" ;;
esac
"""


@pytest.fixture
def server() -> Iterator[Server]:
    """An empty cluster for each test: each says what exists in it."""
    with running(new_kube()) as found:
        yield found


@pytest.fixture
def kubeconfig(server: Server, tmp_path: Path) -> Path:
    return written(tmp_path / "kubeconfig", cluster(server), {"token": server.token})


@pytest.fixture
def kube(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Kube:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    return open_kube()


class Script:
    """The platform's script, with the real kubectl."""

    def __init__(self, folder: Path, kubeconfig: Path, changes: dict[str, object]) -> None:
        self.path, self.calls = folder / "prerequisites.sh", folder / "calls"
        self.path.write_text(made("production", changes)["platform"]["prerequisites.sh"])
        program = folder / "bin" / "helm"
        program.parent.mkdir()
        program.write_text(HELM)
        program.chmod(0o755)
        self.environment = {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "KUBECONFIG": str(kubeconfig),
            "CALLS": str(self.calls),
            "HOME": str(folder),
        }

    def run(self, *arguments: str, **more: str) -> tuple[int, list[str], str]:
        done = subprocess.run(
            ["sh", self.path, *arguments], env={**self.environment, **more},
            capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
        return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.fixture
def script(tmp_path: Path, kubeconfig: Path) -> Script:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    return Script(tmp_path, kubeconfig, CHANGES)


def crd(group: str, kind: str, *, cluster_wide: bool = False) -> dict[str, Any]:
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Cluster" if cluster_wide else "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def deployment(name: str, image: str, replicas: int = 1) -> dict[str, Any]:
    labels = {"app": name}
    spec = {
        "containers": [{"name": "a", "image": "example.com/a:1"}, {"name": "b", "image": image}]
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def judged(kube: Kube) -> dict[str, ProbeResult]:
    release = rendering("production", CHANGES).release
    return {one.id: check() for one, check in list_checks(kube, release.prerequisites)}


def test_an_empty_cluster_lacks_everything(kube: Kube, script: Script, server: Server) -> None:
    found = judged(kube)
    assert {name: one.status for name, one in found.items()} == {
        "cert-manager": "fail", "ingress": "fail", "reloader": "warn",
    }  # fmt: skip
    assert found["ingress"].detail == "class web does not exist; there is none"
    assert "prerequisites.sh" in found["cert-manager"].fix.text
    code, lines, errors = script.run()
    assert (code, errors) == (1, "")
    assert lines == [
        "missing: cert-manager (cert-manager.io/v1 ClusterIssuer)",
        "missing: ClusterIssuer letsencrypt, which you must create",
        "missing: an Ingress controller (Traefik)",
        "missing: External Secrets (external-secrets.io/v1 ExternalSecret)",
        "missing: Reloader",
        "missing: Argo CD (argoproj.io/v1alpha1 Application)",
    ]
    assert not script.calls.exists()

    # A release of somebody else is in the way: nothing at all is installed.
    code, _, errors = script.run("install", TAKEN="traefik")
    assert (code, errors) == (
        5, "release traefik in namespace traefik exists, but does not serve what is needed\n",
    )  # fmt: skip
    assert not script.calls.exists()

    # An unreachable cluster is no empty one.
    code, lines, errors = script.run("install", KUBE_CONTEXT="none-such")
    assert code == 1
    assert not lines
    assert "none-such" in errors

    # Helm installs what is missing; kubectl cannot fetch Argo CD's manifest here.
    code, _, errors = script.run("install")
    assert code != 0
    assert [line.split()[0] for line in script.calls.read_text().splitlines()] == [
        "cert-manager", "traefik", "external-secrets", "reloader",
    ]  # fmt: skip
    assert all("--version" in line for line in script.calls.read_text().splitlines())


def test_a_manifest_is_applied_with_the_copies_of_its_images(
    kube: Kube, kubeconfig: Path, tmp_path: Path
) -> None:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    (tmp_path / "mirror").mkdir()
    script = Script(tmp_path / "mirror", kubeconfig, {"installation.image.registry": MIRROR})
    text = script.path.read_text()
    address = "https://raw.githubusercontent.com/argoproj/argo-cd/v3.5.1/manifests/install.yaml"
    # Nothing starts pods here, so the script's wait for them is cut short.
    for old, new in ((address, str(tmp_path / "install.yaml")), ("--timeout=10m", "--timeout=1s")):
        assert old in text
        text = text.replace(old, new)
    script.path.write_text(text)
    code, _, errors = script.run("install")
    assert code != 0
    assert "no objects passed to apply" in errors
    other = {**deployment("argocd-server", "quay.io/argoproj/argocd:v3.5.1", 0)}
    other["metadata"] = {"name": "argocd-server"}
    (tmp_path / "install.yaml").write_text(yaml.safe_dump(other))
    assert script.run("install")[0] != 0
    found = kube.get(Ref("apps/v1", "Deployment", "argocd-server", "argocd"))
    assert found is not None
    [_, image] = [one["image"] for one in found["spec"]["template"]["spec"]["containers"]]
    assert image == f"{MIRROR}/argoproj/argocd:v3.5.1"
    assert f"--set global.repository={MIRROR}/external-secrets/external-secrets" in text


def test_what_exists_is_named_with_version_and_state(
    kube: Kube, script: Script, server: Server, shared: Path
) -> None:
    server.install(shared / "crds")
    kube.apply(crd("cert-manager.io", "ClusterIssuer", cluster_wide=True))
    kube.apply(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "web"},
            "spec": {"controller": "example.com/web"},
        }
    )
    kube.apply(deployment("eso", "registry.example/x/external-secrets/external-secrets:v2.9.0", 2))
    kube.apply(deployment("reloader", "ghcr.io/stakater/reloader:v1.4.21@sha256:" + "0" * 64, 0))
    found = judged(kube)
    assert found["ingress"].detail == "class web exists"
    assert found["cert-manager"].detail == "serves cert-manager.io/v1"
    assert (found["reloader"].status, found["reloader"].detail) == ("pass", "v1.4.21 is ready")
    waiting = check_prerequisite(kube, EXTERNAL_SECRETS)
    assert (waiting.status, waiting.detail) == (
        "fail", "serves external-secrets.io/v1; v2.9.0: default/eso has 0 of 2 pods ready",
    )  # fmt: skip
    assert check_pods(kube, EXTERNAL_SECRETS, found["ingress"]).status == "fail"

    code, lines, errors = script.run("install")
    assert (code, errors) == (1, "")
    eso = "registry.example/x/external-secrets/external-secrets:v2.9.0"
    assert lines == [
        "exists: cert-manager (its pods were not found)",
        "missing: ClusterIssuer letsencrypt, which you must create",
        "exists: an Ingress controller (Traefik)",
        f"not ready: External Secrets, default/eso has 0 of 2 pods ({eso})",
        f"ready: Reloader, default/reloader (ghcr.io/stakater/reloader:v1.4.21@sha256:{'0' * 64})",
        "exists: Argo CD (its pods were not found)",
    ]
    assert not script.calls.exists()

    kube.apply(
        {
            "apiVersion": "cert-manager.io/v1",
            "kind": "ClusterIssuer",
            "metadata": {"name": "letsencrypt"},
        }
    )
    assert "exists: ClusterIssuer letsencrypt" in script.run()[1]
    assert answers("production", CHANGES).access.class_ == "web"
