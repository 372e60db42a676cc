"""Helm itself reads parameters and merges values as the checks say it does."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.formats.test_helm_set import LINES, REFUSED
from wizard.declarations.argocd import compute_effective_values
from wizard.formats.helm_set import apply_set

pytestmark = pytest.mark.integration
Rendered = Callable[[Sequence[str | Path]], subprocess.CompletedProcess[str]]
FILES = {
    "a.yaml": "a: {b: 1, c: [1, 2]}\nd: 1\ne: {f: {g: 1}}\n",
    "b.yaml": "a: {b: 2, h: 3}\ne: {f: null}\ni: {j: 1}\n",
    "inline.yaml": "d: 2\ne: text\ni: {k: 2}\n",
    "file.txt": "one, {two}\n",
}


@pytest.fixture(scope="module")
def render(helm: Path, tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """Runs `helm template` on a chart whose only object holds the values as JSON."""
    folder = tmp_path_factory.mktemp("chart")
    (folder / "templates").mkdir()
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: x\nversion: 0.1.0\n")
    (folder / "templates" / "a.yaml").write_text("a: {{ .Values | toJson | b64enc }}\n")

    def run(options: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [helm, "template", "r", folder, *options],
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )

    return run


def values(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("a: "))
    return without_null(json.loads(base64.b64decode(line.removeprefix("a: "))))


def without_null(value: Any) -> Any:
    """A template cannot tell a null below a mapping from no value."""
    if isinstance(value, dict):
        return {key: without_null(below) for key, below in value.items() if below is not None}
    return [without_null(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("line", LINES)
def test_helm_reads_a_line_alike(render: Rendered, line: str) -> None:
    assert values(render(["--set", line])) == without_null(LINES[line])
    assert values(render(["--set-string", line])) == apply_set({}, line, str)


@pytest.mark.parametrize("line", REFUSED)
def test_helm_refuses_a_line_too(render: Rendered, line: str) -> None:
    limited = line in {"a[100000]=1", "a" + "[0]" * 40 + "=1"}
    assert (render(["--set", line]).returncode != 0) or limited


def test_helm_merges_in_the_same_order(render: Rendered, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    parameters = [
        ("a.b", "0x", True),
        ("a.b", "7", False),
        ("a.c[1]", "x,y", False),
        ("i.j", "{p,q}", False),
        ("m.n\\.o", "true", True),
    ]
    source = {
        "helm": {
            "valueFiles": ["$v/a.yaml", "$v/b.yaml"],
            "valuesObject": {"d": 2, "e": "text", "i": {"k": 2}},
            "parameters": [
                {"name": name, "value": value, "forceString": text}
                for name, value, text in parameters
            ],
            "fileParameters": [{"name": "d", "path": "$v/file.txt"}],
        }
    }
    found = compute_effective_values(
        "", {"sources": [source, {"ref": "v"}]}, "", source, lambda path: FILES[path].encode()
    )
    assert found.faults == []

    # The command of Argo CD 3.5 (util/helm/cmd.go); it does not order the parameters.
    options: list[str | Path] = []
    for name, value, as_text in parameters:
        escaped = value if value.startswith("{") else value.replace(",", "\\,")
        options += ["--set-string" if as_text else "--set", f"{name}={escaped}"]
    options += ["--set-file", f"d={tmp_path / 'file.txt'}"]
    for name in ("a.yaml", "b.yaml", "inline.yaml"):
        options += ["--values", tmp_path / name]
    assert values(render(options)) == without_null(found.values)
