"""No code path writes a host key without evidence: take a check away, and a test fails."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.paths import TOP
from tests.tools.evidence_guard import MUTATIONS

# Together they take minutes: in parts, they share the workers and keep below the time limit.
PARTS = 10
NAMES = [mutate.__name__ for mutate in MUTATIONS]


@pytest.mark.integration
@pytest.mark.parametrize("part", range(PARTS))
def test_each_check_of_evidence_is_missed_when_it_is_gone(part: int) -> None:
    names = NAMES[part::PARTS]
    done = subprocess.run(
        [sys.executable, "-m", "tests.tools.evidence_guard", *names],
        cwd=TOP, capture_output=True, text=True, check=False,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("caught") >= len(names)
    assert "MISSED" not in done.stdout
