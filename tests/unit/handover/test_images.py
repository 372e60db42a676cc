"""The script copies what the registry lacks, after a look at all, and replaces nothing.

The program `skopeo` is a stand-in here: a registry is a folder. What it does with real registries
is its own matter; tests/integration/registry/test_mirror.py runs crane against one.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.rendered import rendering
from tests.unit.handover.test_handover import made
from wizard.manifests.images import list_copied_images

REGISTRY = "registry.example.internal/mirror"
STAND_IN = r"""#!/bin/sh
# Stand-in for skopeo: an image is a file below $REGISTRIES, or a folder with a manifest.
set -eu
place() {
  case $1 in
    docker://*) printf '%s/%s' "$REGISTRIES" "$(printf %s "${1#docker://}" | tr '/:@' '___')" ;;
    dir:*) printf '%s/manifest.json' "${1#dir:}" ;;
  esac
}
echo "$@" >>"$REGISTRIES/calls"
case $1 in
  inspect)
    case $3 in *"${UNREACHABLE:-nothing}"*) echo 'dial tcp: i/o timeout' >&2; exit 1 ;; esac
    [ -f "$(place "$3")" ] || { echo 'manifest unknown' >&2; exit 1; }
    cat "$(place "$3")" ;;
  manifest-digest) echo "sha256:$(sha256sum <"$2" | cut -d ' ' -f 1)" ;;
  copy)
    case $4 in *"${BREAKS_AT:-nothing}"*) exit 9 ;; esac
    mkdir -p "$(dirname "$(place "$5")")"
    cp "$(place "$4")" "$(place "$5")" ;;
esac
"""


class Mirror:
    """The script, and the registries as the stand-in keeps them."""

    def __init__(self, folder: Path) -> None:
        self.registries, self.script = folder / "registries", folder / "mirror-images.sh"
        self.registries.mkdir()
        program = folder / "bin" / "skopeo"
        program.parent.mkdir()
        program.write_text(STAND_IN)
        program.chmod(0o755)
        self.folder = folder
        changes: dict[str, object] = {"installation.image.registry": REGISTRY}
        self.script.write_text(made("production", changes)["platform"]["mirror-images.sh"])
        found = rendering("production", changes)
        images = list_copied_images(found.release, found.total)
        self.pairs = [(one.source, one.name) for one in images]
        for source, _ in self.pairs:
            self.file(source).write_text(f"manifest of {source}")

    def file(self, image: str) -> Path:
        return self.registries / image.translate(str.maketrans("/:@", "___"))

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            ["sh", self.script, *arguments],
            env={"PATH": path, "REGISTRIES": str(self.registries), **environment},
            cwd=self.folder, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    @property
    def copied(self) -> list[str]:
        return [name for _, name in self.pairs if self.file(name).exists()]


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path)


def test_without_a_registry_there_is_no_script() -> None:
    assert "mirror-images.sh" not in made("production")["platform"]


def test_the_list_is_that_of_the_installation(mirror: Mirror) -> None:
    lines = mirror.run("list").stdout.splitlines()
    assert lines == [f"{source} {name}" for source, name in mirror.pairs]
    assert len(lines) == 10


def test_all_is_copied_once_and_printed_with_digests(mirror: Mirror) -> None:
    done = mirror.run("copy")
    assert (done.returncode, done.stderr) == (0, "")
    names = [name for _, name in mirror.pairs]
    assert mirror.copied == names
    assert [line.partition("@")[0] for line in done.stdout.splitlines()] == names
    (mirror.registries / "calls").unlink()
    again = mirror.run("copy")
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert "copy" not in (mirror.registries / "calls").read_text()


def test_an_interrupted_copy_is_completed(mirror: Mirror) -> None:
    assert mirror.run("copy", BREAKS_AT="git-sync").returncode != 0
    assert len(mirror.copied) == 5
    assert mirror.run("copy").returncode == 0
    assert len(mirror.copied) == 10


def test_another_image_of_the_same_name_is_not_replaced(mirror: Mirror) -> None:
    source, name = mirror.pairs[2]
    mirror.file(name).write_text("of somebody else")
    done = mirror.run("copy")
    assert done.returncode == 0
    assert done.stderr == f"{name} exists and differs from {source}; it is not replaced\n"
    assert mirror.file(name).read_text() == "of somebody else"
    assert len(mirror.copied) == 10


@pytest.mark.parametrize("what", ["missing", "unreachable"])
def test_nothing_is_copied_before_all_sources_are_seen(mirror: Mirror, what: str) -> None:
    source, _ = mirror.pairs[-1]
    if what == "missing":
        mirror.file(source).unlink()
        done = mirror.run("copy")
        assert (done.returncode, done.stderr) == (1, f"{source} does not exist\n")
    else:
        done = mirror.run("copy", UNREACHABLE="git-sync/git-sync:v4")
        assert (done.returncode, done.stderr) == (69, "dial tcp: i/o timeout\n")
    assert not mirror.copied


def test_a_folder_carries_the_images_over(mirror: Mirror) -> None:
    assert mirror.run("load", "out").returncode == 1
    assert mirror.run("save", "out", BREAKS_AT="redis").returncode != 0
    assert "was not finished" in mirror.run("load", "out").stderr
    assert mirror.run("save", "out").returncode == 0
    for source, _ in mirror.pairs:
        mirror.file(source).unlink()  # no Internet
    name = mirror.pairs[0][1]
    mirror.file(name).write_text("of somebody else")
    done = mirror.run("load", "out")
    assert (done.returncode, done.stderr) == (0, f"{name} exists; it is not replaced\n")
    assert len(mirror.copied) == 10
    assert mirror.file(name).read_text() == "of somebody else"


@pytest.mark.parametrize("arguments", [(), ("push",), ("save",), ("load", "")])
def test_a_wrong_call_does_nothing(mirror: Mirror, arguments: tuple[str, ...]) -> None:
    assert mirror.run(*arguments).returncode != 0
    assert not mirror.copied
    assert mirror.run("copy", TOOL="docker").returncode == 64
