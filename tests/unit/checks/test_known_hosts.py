"""Lines of knownHosts in a repository that the wizard may not have written."""

from __future__ import annotations

import pytest

from tests.support.scenarios import host_key
from tests.unit.checks.trees import VALUES, good
from wizard.formats.nested import put_value

KEY = f"{host_key(1).type} {host_key(1).key}"
HOST = "git.example.com"
LINES = {
    "": "error",
    "# only a comment": "error",
    f"@revoked {HOST} {KEY}": "error",
    HOST: "error",
    f"{HOST} ssh-ed25519": "error",
    f"@cert-authority * {KEY}": "error",
    f"{HOST} {KEY}\n@cert-authority *.example.com {KEY}": "error",
    f"@cert-authority {HOST} {KEY}": "warning",
    f"* {KEY}": "warning",
    f"git.example.co? {KEY}": "warning",
    f"{HOST},* {KEY}": "warning",
    f"{HOST} {KEY}": "",
    f"# ours\n\n[{HOST}]:2222,10.0.0.1 {KEY} a comment *\n": "",
    f"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= {KEY}": "",
    f"@revoked * {KEY}\n{HOST} {KEY}": "",
}


@pytest.mark.parametrize(("lines", "severity"), LINES.items(), ids=range(len(LINES)))
def test_each_line_trusts_one_host_and_one_key(lines: str, severity: str) -> None:
    case = good()
    path = ("dags", "gitSync", "knownHosts")
    case.objects[VALUES] = put_value(case.objects[VALUES], path, lines)

    found = [one for one in case.run() if one.rule == "git-sync.known-hosts"]

    assert [one.severity for one in found] == ([severity] if severity else [])
    assert all(one.where == "dags.gitSync.knownHosts" for one in found)
