"""git-sync: a pinned host key, and the ref that git-sync follows.

Source: facts on the chart, section 7 (git-sync 4.4.2 run with the chart's environment).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.chart.contract import get_chart_value
from wizard.checks.git_containers import uses_git_sync
from wizard.checks.subject import Subject, get_nested
from wizard.checks.values import Report
from wizard.findings import Finding

_SSH = re.compile(r"(?:ssh|git\+ssh)://|[^/:@\s]+@[^/:\s]+:|[A-Za-z0-9.-]+:(?!//)")


def check_git_sync(subject: Subject) -> Iterator[Finding]:
    """Run the rules on host keys and ref of dags.gitSync."""
    values = subject.values
    if values is None:
        return
    report = Report(subject.layout.values)
    if uses_git_sync(values):
        yield from _known_hosts(values, report)
        yield from _reference(values, report)


def is_ssh(repository: str) -> bool:
    """Return whether git reaches this repository over SSH: `ssh://…` or `user@host:path`."""
    return _SSH.match(repository) is not None


def _known_hosts(values: Mapping[str, Any], report: Report) -> Iterator[Finding]:
    sync = "dags.gitSync"
    repo = str(get_chart_value(values, f"{sync}.repo") or "")
    if not (
        is_ssh(repo)
        or get_chart_value(values, f"{sync}.sshKeySecret")
        or get_chart_value(values, f"{sync}.sshKey")
    ):
        return
    at = f"{sync}.knownHosts"
    lines = str(get_chart_value(values, at) or "").splitlines()
    words = [line.split() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    keys = [line for line in words if line[0] != "@revoked" and len(line) > 2]
    if not words:
        message = "empty: git-sync then clones with StrictHostKeyChecking=no and accepts any host"
        fix = "pin the host's key after you verified it"
        yield report.error("git-sync.known-hosts", at, message, fix)
    elif not keys:
        message, fix = "no line is a host, a type and a key", "write what ssh-keyscan prints"
        yield report.error("git-sync.known-hosts", at, message, fix)
    for marker, hosts in ((line[0], line[line[0][:1] == "@"]) for line in keys):
        wide = "*" in hosts or "?" in hosts
        fix = "name the host, and the key that you verified"
        if marker == "@cert-authority" and wide:
            message = "any host with a certificate of this authority would be trusted"
            yield report.error("git-sync.known-hosts", at, message, fix)
        elif marker == "@cert-authority":
            message = "every key that this authority signs for the host would be trusted"
            yield report.warning("git-sync.known-hosts", at, message, fix)
        elif wide:
            message = "the key would be trusted for other hosts, too"
            yield report.warning("git-sync.known-hosts", at, message, fix)


def _reference(values: Mapping[str, Any], report: Report) -> Iterator[Finding]:
    sync = git_sync_values(values)
    branch, ref, rev = (sync.get(key) for key in ("branch", "ref", "rev"))
    pinned = bool(ref) and branch == ref and rev == "HEAD"
    plain = bool(ref) and branch == "" and rev == ""
    if not (pinned or plain):
        message = (
            "the chart always sets branch (default v2-2-stable), and git-sync then ignores ref"
        )
        fix = "write branch and ref with the same branch, tag or commit, and rev: HEAD"
        yield report.error("git-sync.ref", "dags.gitSync.ref", message, fix)
    for key, default in (("repo", "Airflow's own repository"), ("subPath", "tests/dags")):
        if sync.get(key) is None:
            message = f"missing: the chart's default is {default}"
            fix = "write the path of the DAG files, or an empty string for the top folder"
            fix = fix if key == "subPath" else "write the repository's address"
            yield report.error("git-sync.default", f"dags.gitSync.{key}", message, fix)


def git_sync_values(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values below dags.gitSync."""
    sync = get_nested(values, "dags", "gitSync")
    return sync if isinstance(sync, Mapping) else {}
