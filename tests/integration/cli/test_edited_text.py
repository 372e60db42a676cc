"""A Dockerfile edited by hand: the way that the hint of a conflict names leads out of it."""

from __future__ import annotations

import re
import shlex
import subprocess

from tests.support.cli import Wizard, answers_file, aw

__all__ = ["aw"]

FILE = "image/airflow/Dockerfile"
UPGRADE = ("set", "installation.airflow=3.2.2", "installation.image.tag=3.2.2-1", "--yes")


def test_the_hint_about_an_edited_dockerfile_works(aw: Wizard) -> None:
    changes = {
        "installation.airflow": "3.2.1",
        "installation.image": {"repository": "registry.example.com/airflow", "tag": "3.2.1-1"},
    }
    aw.ok("commit", "--answers", str(answers_file(aw.folder.parent / "a.yaml", changes)), "--yes")
    text = (aw.folder / FILE).read_text()
    aw.git.commit({FILE: text + "RUN echo mine\n"}, "mine")
    more = ("--accept", "migration")
    done = aw(*UPGRADE, *more)
    assert done.code == 5, done
    command = re.search(r"`(cp [^`]+)`", done.err)
    assert command is not None, done
    subprocess.run(shlex.split(command[1]), cwd=aw.folder, check=True)
    aw.git.git("commit", "-qam", "rendered")
    done = aw(*UPGRADE, *more)
    assert done.code == 0, done
    text = (aw.folder / FILE).read_text()
    assert "3.2.2" in text
    aw.git.commit({FILE: text + "RUN echo mine\n"}, "mine again")
    done = aw.ok("check")
    assert f"{FILE}: hand edit kept" in done.out
