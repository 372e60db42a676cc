"""git-sync: pinned host key, verification not disabled, and the ref that git-sync follows.

Source: facts on the chart, section 7 (git-sync 4.4.2 run with the chart's environment).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.chart.contract import get_chart_value
from wizard.checks.subject import Subject, get_nested
from wizard.checks.values import Report
from wizard.findings import Finding
from wizard.formats.nested import format_path, walk
from wizard.formats.yaml_untrusted import parse_yaml_text

_SSH = re.compile(r"(?:ssh|git\+ssh)://|[^/:@\s]+@[^/:\s]+:|[A-Za-z0-9.-]+:(?!//)")
_KNOWN_HOSTS_SWITCHES = frozenset(
    ("GITSYNC_SSH_KNOWN_HOSTS", "GIT_SYNC_KNOWN_HOSTS", "GIT_KNOWN_HOSTS")
)
_LOOSE_SSH = re.compile(
    r"StrictHostKeyChecking(?=[=\s])\s*+=?\s*+\"?(?:no|off|accept-new|false)\b"
    r"|UserKnownHostsFile(?=[=\s])\s*+=?\s*+\"?/dev/null"
    r"|NoHostAuthenticationForLocalhost(?=[=\s])\s*+=?\s*+yes",
    re.IGNORECASE,
)
_LOOSE_TLS = re.compile(r"ssl\.?verify\"?\s*[:=]\s*\"?(?:false|0|no|off)", re.IGNORECASE)


def check_git_sync(subject: Subject) -> Iterator[Finding]:
    """Run all rules on dags.gitSync and its environment variables."""
    values = subject.values
    if values is None:
        return
    report = Report(subject.layout.values)
    yield from _verification(values, report)
    if get_chart_value(values, "dags.gitSync.enabled") is True:
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
    lines = str(get_chart_value(values, f"{sync}.knownHosts") or "").splitlines()
    if not any(line.strip() and not line.lstrip().startswith("#") for line in lines):
        message = "empty: git-sync then clones with StrictHostKeyChecking=no and accepts any host"
        fix = "pin the host's key after you verified it"
        yield report.error("git-sync.known-hosts", f"{sync}.knownHosts", message, fix)


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


def _verification(values: Mapping[str, Any], report: Report) -> Iterator[Finding]:
    for path, node in walk(values):
        if isinstance(node, Mapping) and isinstance(node.get("name"), str):
            if is_verification_disabled(node["name"], node.get("value")):
                yield _verification_finding(format_path((*path, "value")), report)
        elif path and path[-1] in ("extraEnv", "envFrom") and isinstance(node, str):
            for _, item in walk(parse_yaml_text(node)):
                if isinstance(item, Mapping) and is_verification_disabled(
                    str(item.get("name")), item.get("value")
                ):
                    yield _verification_finding(format_path(path), report)


def _verification_finding(where: str, report: Report) -> Finding:
    message = "disables the verification of the Git host"
    fix = "remove it and pin the host's key in dags.gitSync.knownHosts"
    return report.error("git-sync.verification", where, message, fix)


def is_verification_disabled(name: str, value: object) -> bool:
    """Return whether this environment variable disables the verification of the Git host."""
    text = str(value).strip().lower()
    if name in _KNOWN_HOSTS_SWITCHES:
        return text in ("false", "0", "f", "no", "off")
    if name == "GIT_SSL_NO_VERIFY":
        return text not in ("", "0", "false", "none")
    if name in ("GIT_SSH_COMMAND", "GIT_SSH", "GITSYNC_SSH_COMMAND"):
        return _LOOSE_SSH.search(str(value)) is not None
    if name in ("GITSYNC_GIT_CONFIG", "GIT_SYNC_GIT_CONFIG", "GIT_CONFIG_PARAMETERS"):
        return any(rule.search(str(value)) for rule in (_LOOSE_SSH, _LOOSE_TLS))
    return False
