"""The runbook says where its commands start, and forwards to the port that links lead to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.rendered import rendering


def _runbook(changes: dict[str, object]) -> str:
    return rendering("production", changes).tree.by_logical("runbook").text


@pytest.mark.parametrize(
    ("base_url", "forward", "opened"),
    [
        ("http://localhost:8080", "8080:8080", "http://localhost:8080"),
        ("http://localhost:9090", "9090:8080", "http://localhost:9090"),
        ("http://127.0.0.1:9090/airflow", "9090:8080", "http://127.0.0.1:9090/airflow"),
        ("http://localhost", "80:8080", "http://localhost"),
    ],
)
def test_the_port_forward_listens_where_links_lead(
    base_url: str, forward: str, opened: str
) -> None:
    text = _runbook({"access.base_url": base_url})

    assert f"port-forward svc/airflow-api-server {forward}\n" in text
    assert f"Then open {opened}." in text


@pytest.mark.parametrize("path", [".", "clusters/prod"])
def test_its_paths_are_files_from_where_its_commands_start(path: str) -> None:
    made = rendering("production", {"repository.path": path})
    text = made.tree.by_logical("runbook").text
    named = re.findall(r"kubectl apply -f (\S+)", text)

    where = "the top folder" if path == "." else f"the folder `{path}`"
    assert f"Run the commands in {where} of this repository." in text
    assert named
    assert {str(Path(one)) for one in named} <= set(made.tree)
