"""The log volume in a container of Azure Blob Storage."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.support.rendered import rendering


@pytest.mark.parametrize("group", ["storage", "storage(1)", "-storage"])
def test_a_shell_takes_each_resource_group_as_the_value_of_its_option(group: str) -> None:
    blob = {"account": "airflowlogs", "resource_group": group}
    made = rendering(
        "production", {"logs": {"kind": "volume", "backing": "azure-blob", "blob": blob}}
    )

    runbook = made.tree.by_logical("runbook").text
    [line] = re.findall(r"^az storage account show .*$", runbook, re.MULTILINE)
    words = list(shlex.shlex(line, posix=True, punctuation_chars=True))
    assert f"--resource-group={group}" in words
