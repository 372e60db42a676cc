"""The values file of the image pipeline in a repository: written once, and only read afterwards."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.cli import Wizard, answers_file, aw

__all__ = ["aw"]

FILE = "apps/airflow/values.image.yaml"
CHANGES = {
    "delivery.kind": "helmsman",
    "installation.image": {"repository": "registry.example.com/airflow", "tag": "3.2.2-first"},
}


def committed(aw: Wizard, folder: Path) -> None:
    aw.ok("commit", "--yes", "--answers", str(answers_file(folder / "answers.yaml", CHANGES)))


def test_the_pipelines_tag_survives_every_plan(aw: Wizard, tmp_path: Path) -> None:
    committed(aw, tmp_path)
    assert 'tag: "3.2.2-first"' in (aw.folder / FILE).read_text() or (
        "tag: 3.2.2-first" in (aw.folder / FILE).read_text()
    )
    assert not list((aw.folder / ".airflow-wizard").rglob("values-image*"))
    aw.edit(FILE, "3.2.2-first", "3.2.2-second")
    theirs = (aw.folder / FILE).read_bytes()

    assert aw("plan", "--detailed-exitcode").code == 0
    aw.ok("check")
    shown = json.loads(aw.ok("plan", "--json").out)
    (about,) = [one for one in shown["changes"] if one["path"] == FILE]
    assert (about["kind"], "others change" in about["note"]) == ("same", True)

    # Neither a change of another answer nor one of the first tag reaches it.
    assert "image-of-pipeline" not in str(aw.ok("set", "--yes", "dags.period=60s"))
    done = aw.ok("set", "--yes", "installation.image.tag=3.2.2-third")
    assert f"changes nothing that runs: Helm installs the one in {FILE}" in done.out + done.err
    assert "To run registry.example.com/airflow:3.2.2-third, let the" in done.out + done.err
    assert (aw.folder / FILE).read_bytes() == theirs
    assert aw.git.git("status", "--porcelain") == ""


def test_a_broken_one_is_a_finding_and_a_missing_one_is_not_written(
    aw: Wizard, tmp_path: Path
) -> None:
    committed(aw, tmp_path)
    aw.edit(FILE, "3.2.2-first", "latest")
    found = aw("check")
    assert found.code == 4
    assert f"{FILE}: images.airflow.tag" in found.out + found.err
    aw.git.git("rm", "-q", FILE)
    aw.git.git("commit", "-qm", "gone")
    gone = aw("plan")
    assert gone.code == 5, gone
    assert "not written again" in gone.out + gone.err
    assert not (aw.folder / FILE).exists()
