"""A Dockerfile edited by hand is merged line by line."""

from __future__ import annotations

from tests.support.cli import BACKUP, Wizard, answers_file, aw

__all__ = ["aw"]

FILE = "image/airflow/Dockerfile"
UPGRADE = ("set", "installation.airflow=3.2.2", "installation.image.tag=3.2.2-1", "--yes")


def test_an_upgrade_keeps_the_lines_of_an_edited_dockerfile(aw: Wizard) -> None:
    changes = {
        "installation.airflow": "3.2.1",
        "installation.image": {"repository": "registry.example.com/airflow", "tag": "3.2.1-1"},
    }
    aw.ok("commit", "--answers", str(answers_file(aw.folder.parent / "a.yaml", changes)), "--yes")
    text = (aw.folder / FILE).read_text()
    aw.git.commit({FILE: text + "RUN echo mine\n"}, "mine")
    more = ("--accept", "migration", *BACKUP)
    aw.ok(*UPGRADE, *more)
    text = (aw.folder / FILE).read_text()
    assert "3.2.2" in text
    assert "3.2.1" not in text
    assert text.endswith("RUN echo mine\n")
    done = aw.ok("check")
    assert f"{FILE}: hand edit kept" in done.out
    aw.git.commit({FILE: text.replace("3.2.2", "3.2.2-slim", 1)}, "by hand")
    back = ("set", "installation.airflow=3.2.1", "installation.image.tag=3.2.1-1", "--yes")
    accepted = ("--accept", "migration", "--accept", "downgrade", *BACKUP)
    done = aw(*back, *accepted)
    assert done.code == 5, done
    assert "was changed by hand and by the answers" in done.err
    assert (aw.folder / FILE).read_text() == text.replace("3.2.2", "3.2.2-slim", 1)
