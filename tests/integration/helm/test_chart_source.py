"""A real helm fetches the chart from a mirror and from a registry.

Both are scripted servers on loopback that speak Helm's repository format and the pull part of the
OCI distribution API: stand-ins, for no registry runs here.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.certificates import Authority
from tests.support.cluster.kubeconfigs import written
from tests.support.paths import TOP
from tests.support.servers import Answer, Asked, web
from wizard.chart.repository import ChartRepository
from wizard.clients.helm import open_helm
from wizard.errors import WizardError
from wizard.systems.helm.chart import ChartFetcher
from wizard.systems.target import Target

pytestmark = pytest.mark.integration

_CONFIG = b'{"name":"airflow","version":"1.22.0","apiVersion":"v2"}'
_TYPE = "application/vnd.cncf.helm"


@pytest.fixture(scope="module")
def archive(helm: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The packed chart of the tests, which has the name and version of the real one."""
    folder = tmp_path_factory.mktemp("chart")
    chart = TOP / "tests" / "charts" / "airflow"
    subprocess.run([helm, "package", chart, "--destination", folder], check=True,
                   capture_output=True, timeout=60)  # fmt: skip
    return (folder / "airflow-1.22.0.tgz").read_bytes()


@pytest.fixture
def authority(tmp_path: Path, helm: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Trusted by helm, which is on PATH and has a context."""
    made = Authority.make(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.path))
    monkeypatch.setenv("PATH", f"{helm.parent}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path / "kubeconfig", {"server": "https://127.0.0.1:1"}, {"token": "x"})
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    return made


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def registry(archive: bytes, login: str = "") -> Any:
    """The pull part of a registry that has mirror/airflow 1.22.0."""
    manifest = json.dumps({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": f"{_TYPE}.config.v1+json", "digest": digest(_CONFIG),
                   "size": len(_CONFIG)},
        "layers": [{"mediaType": f"{_TYPE}.chart.content.v1.tar+gzip",
                    "digest": digest(archive), "size": len(archive)}],
    }).encode()  # fmt: skip
    held = {
        f"/v2/mirror/airflow/blobs/{digest(_CONFIG)}": _CONFIG,
        f"/v2/mirror/airflow/blobs/{digest(archive)}": archive,
        f"/v2/mirror/airflow/manifests/{digest(manifest)}": manifest,
        "/v2/mirror/airflow/manifests/1.22.0": manifest,
        "/v2/": b"{}",
    }

    def script(asked: Asked) -> Answer:
        if login:
            return Answer(401, b"", {"WWW-Authenticate": f'Basic realm="{login}"'})
        found = held.get(asked.path)
        if found is None:
            return Answer(404)
        kind = (
            "application/vnd.oci.image.manifest.v1+json"
            if "manifests" in asked.path
            else ("application/octet-stream")
        )
        return Answer(200, found, {"Content-Type": kind, "Docker-Content-Digest": digest(found)})

    return script


async def fetched(source: str) -> str:
    """The digest of the chart that `apply` would install, from this source."""
    cleanups: list[Any] = []
    release = SimpleNamespace(chart="1.22.0", chart_repository=ChartRepository(source))
    target = SimpleNamespace(release=release, chart=None, cleanups=cleanups)
    try:
        return (await ChartFetcher(cast("Target", target), open_helm()).get()).digest
    finally:
        for cleanup in cleanups:
            cleanup()


async def test_a_mirror_of_the_repository(authority: Authority, archive: bytes) -> None:
    index = (
        "apiVersion: v1\nentries:\n  airflow:\n  - apiVersion: v2\n    name: airflow\n"
        f"    version: 1.22.0\n    digest: {digest(archive).removeprefix('sha256:')}\n"
        "    urls:\n    - charts/airflow-1.22.0.tgz\n"
    )

    def script(asked: Asked) -> Answer:
        held = {"/mirror/index.yaml": index.encode(), "/mirror/charts/airflow-1.22.0.tgz": archive}
        return Answer(200, held[asked.path]) if asked.path in held else Answer(404)

    with web(authority, script) as server:
        assert await fetched(f"{server.url}/mirror") == hashlib.sha256(archive).hexdigest()
        with pytest.raises(WizardError) as caught:
            await fetched(f"{server.url}/elsewhere")
    assert caught.value.fix.question == "installation.chart_repository"


async def test_a_registry(authority: Authority, archive: bytes) -> None:
    with web(authority, registry(archive)) as server:
        source = f"oci://127.0.0.1:{server.port}/mirror"
        assert await fetched(source) == hashlib.sha256(archive).hexdigest()
        with pytest.raises(WizardError) as caught:
            await fetched(f"oci://127.0.0.1:{server.port}/other")
        assert caught.value.fix.question == "installation.chart_repository"
    with (
        web(authority, registry(archive, "private")) as server,
        pytest.raises(WizardError) as caught,
    ):
        await fetched(f"oci://127.0.0.1:{server.port}/mirror")
    assert f"helm registry login 127.0.0.1:{server.port} " in caught.value.fix.text
