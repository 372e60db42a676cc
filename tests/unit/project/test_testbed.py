"""The testbed says what it is about to build, and why, before it takes its minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testbed import __main__ as testbed
from tests.testbed import programs

# Stands in for Go: `build` writes to the path after -o, `install` into GOBIN.
GO = """#!/bin/sh
if [ "$1" = build ]; then target=$3; else target=$GOBIN/helm; fi
echo built >"$target"
"""


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has a Go, and has built nothing yet."""
    go = tmp_path / "go"
    go.write_text(GO)
    go.chmod(0o755)
    cache = tmp_path / "cache"
    environment = {
        "WIZARD_GO": str(go),
        "WIZARD_TESTBED_CACHE": str(cache),
        "PATH": "/usr/bin:/bin",
    }
    monkeypatch.setattr(programs, "ENVIRONMENT", environment)
    return cache


@pytest.mark.parametrize("name", ["eso-template", "kube-apiserver", "vault"])
def test_a_build_is_announced_once(
    fresh: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    built = testbed.PARTS[name]()
    said = capsys.readouterr().err
    quiet, busy = programs.BUILD_MINUTES[name]
    assert said.startswith(f"{name}: building it from tests/testbed/")
    assert f"{built.parent} is not there yet" in said
    assert f"About {quiet} minutes on 2 quiet cores, {busy} on busy ones." in said
    assert built.is_relative_to(fresh)

    assert testbed.PARTS[name]() == built
    assert capsys.readouterr().err == ""


def test_helm_is_built_only_where_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "on_path", lambda _: None)
    assert programs.helm().read_text() == "built\n"
    assert f"building it from {programs.HELM_MODULE}, once" in capsys.readouterr().err
    monkeypatch.setattr(programs, "on_path", lambda _: tmp_path / "helm")
    assert programs.helm() == tmp_path / "helm"
    assert capsys.readouterr().err == ""


def test_without_go_nothing_is_announced(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "named", lambda _: None)
    monkeypatch.setattr(programs, "on_path", lambda _: None)
    with pytest.raises(programs.MissingError, match="there is no Go to build it with"):
        programs.vault()
    assert capsys.readouterr().err == ""
