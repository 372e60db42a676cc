"""One installation on a real API server, for every test that needs one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cluster.argocd import World
from tests.support.cluster.helm import HelmWorld
from tests.testbed.kube import Kube as Server


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    kube_with_crds: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """One installation in namespaces of its own; `@pytest.mark.world` says of which kind.

    `delivery` is argocd or helm, and may be parametrised as well (indirectly). `committed` means
    that its files are in the repository of `aw`, and that an Argo CD is there which never syncs.
    """
    mark = request.node.get_closest_marker("world")
    kinds = {"delivery": "argocd", "committed": False, **(mark.kwargs if mark else {})}
    if getattr(request, "param", kinds["delivery"]) == "helm":
        return HelmWorld(kube_with_crds, tmp_path, monkeypatch)
    made = World(kube_with_crds, tmp_path, monkeypatch)
    if kinds["committed"]:
        made.commit(request.getfixturevalue("aw"))
    return made
