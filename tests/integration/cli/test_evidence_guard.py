"""No code path writes a host key without evidence: take a check away, and a test fails."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.paths import TOP


@pytest.mark.integration
def test_each_check_of_evidence_is_missed_when_it_is_gone() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.tools.evidence_guard"],
        cwd=TOP, capture_output=True, text=True, check=False,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("caught") >= 20
    assert "MISSED" not in done.stdout
