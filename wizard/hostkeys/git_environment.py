"""Which environment variables and connections leave the verification of the Git host intact.

Git, git-sync and GitPython read dozens of variables that name another host, program, key file or
configuration, and every version adds some. So no list says what is forbidden: a name that begins
with GIT_, GITSYNC_ or GIT_SYNC_ is refused unless it is listed here, with a value that is harmless.

Sources: git 2.47 (`git help git`, ENVIRONMENT VARIABLES), git-sync 4.4.2 (main.go: flags and the
variables of each), the hooks of the Airflow providers git 1.0.1 and ssh 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Choice: TypeAlias = Callable[[str, str], bool]
"""Whether `repo`, `ref`, `rev` or `branch` may have this value in git-sync's environment."""
PREFIXES = ("GIT_", "GITSYNC_", "GIT_SYNC_")
# Airflow copies `[kubernetes_environment_variables]` to the task pods.
_POD_VARIABLE = "AIRFLOW__KUBERNETES_ENVIRONMENT_VARIABLES__"
# The CA that the answers name for Git hosts over HTTPS, where pods mount it, and how many hosts
# may be verified with it.
CA_FILE, MOST_CA_HOSTS = "/etc/airflow-git-ca/ca.crt", 20
KNOWN_HOSTS_FILES = ("/etc/git-secret/known_hosts", "/etc/airflow-git/known_hosts")

_NUMBER = r"-?[0-9]{1,9}"
_SWITCH = r"(?i:true|false|t|f|yes|no|on|off|1|0)"
_ON, _OFF = r"(?i:true|t|yes|on|1)", r"(?i:false|f|no|off|0|none|)"
_DURATION = r"[0-9]{1,9}(?:\.[0-9]{1,9})?|(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ns|us|ms|s|m|h)){1,6}"
_FILE = r"/[A-Za-z0-9._/-]{1,200}"
_LABEL = r"[A-Za-z0-9._/+-]{0,200}"
_ANY = r"[^\0\n]*"
_KNOWN_HOSTS = "|".join(map(re.escape, KNOWN_HOSTS_FILES))
_SSH_OPTION = (
    r"StrictHostKeyChecking[= ]yes|BatchMode[= ](?:yes|no)|IdentitiesOnly[= ](?:yes|no)"
    r"|(?:ConnectTimeout|ConnectionAttempts|ServerAliveInterval|ServerAliveCountMax)[= ][0-9]{1,6}"
    r"|(?:TCPKeepAlive|Compression|CheckHostIP)[= ](?:yes|no)|LogLevel[= ][A-Za-z0-9]{1,9}"
    r"|(?:PasswordAuthentication|KbdInteractiveAuthentication|ForwardAgent|UpdateHostKeys)[= ]no"
    rf"|PreferredAuthentications[= ]publickey|UserKnownHostsFile[= ](?:{_KNOWN_HOSTS})"
)
_SSH = (
    r"(?i:(?:/usr/bin/)?ssh(?: +-(?:[46qT]|v{1,3}|p *[0-9]{1,5}|i *" + _FILE + r"|o *(?P<q>[\"']?)"
    rf"(?:{_SSH_OPTION})(?P=q)))*)"
)
_CONFIG = (
    r"\"?(?:http\.sslverify\"?:\"?(?:true|1)"
    r"|(?:http\.(?:postbuffer|lowspeedlimit|lowspeedtime|version|maxrequests)|core\.compression"
    r"|protocol\.version|fetch\.parallel|pack\.[a-z]{1,40}|gc\.[a-z]{1,40})\"?:\"?[\w./-]{1,40}"
    r"|safe\.directory\"?:\"?[\w./*-]{1,200}|user\.(?:name|email)\"?:\"?[\w .@+-]{1,200})\"?"
)
_SYNC: Mapping[str, str] = {
    **dict.fromkeys(("VERBOSE", "DEPTH", "MAX_FAILURES", "MAX_SYNC_FAILURES", "WAIT"), _NUMBER),
    **dict.fromkeys(("PERIOD", "SYNC_TIMEOUT", "TIMEOUT", "STALE_WORKTREE_TIMEOUT"), _DURATION),
    **dict.fromkeys(("ONE_TIME", "ADD_USER", "GROUP_WRITE", "HTTP_METRICS", "SSH"), _SWITCH),
    **dict.fromkeys(("WEBHOOK_TIMEOUT", "WEBHOOK_BACKOFF"), _DURATION),
    **dict.fromkeys(("HTTP_PPROF", "COOKIE_FILE"), _OFF),
    **dict.fromkeys(("SSH_KNOWN_HOSTS", "KNOWN_HOSTS"), _ON),
    **dict.fromkeys(("ERROR_FILE", "TOUCH_FILE"), r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}"),
    **dict.fromkeys(("SPARSE_CHECKOUT_FILE", "PASSWORD_FILE"), _FILE),
    **dict.fromkeys(("USERNAME", "PASSWORD", "GITHUB_APP_PRIVATE_KEY"), _ANY),
    **dict.fromkeys(("GITHUB_APP_APPLICATION_ID", "GITHUB_APP_INSTALLATION_ID"), _ANY),
    **dict.fromkeys(("LINK", "DEST"), "repo"),
    "GITHUB_APP_CLIENT_ID": _ANY,
    "GITHUB_APP_PRIVATE_KEY_FILE": _FILE,
    "PERMISSIONS": _NUMBER,
    "SUBMODULES": "recursive|shallow|off",
    "GIT_GC": "auto|always|aggressive|off",
    "SYNC_ON_SIGNAL": "SIG[A-Z0-9]{1,9}",
    "HTTP_BIND": r"[\w.:\[\]-]{0,100}:[0-9]{1,5}",
    "WEBHOOK_URL": r"https?://[^\s\"'\\]{1,2000}",
    "WEBHOOK_METHOD": "[A-Z]{1,10}",
    "WEBHOOK_SUCCESS_STATUS": _NUMBER,
    "ROOT": "/git",
    "SSH_KEY_FILE": "/etc/git-secret/ssh",
    "SSH_KNOWN_HOSTS_FILE": "/etc/git-secret/known_hosts",
    "GIT": "git|/usr/bin/git",
    "GIT_CONFIG": rf"(?i:(?:{_CONFIG}(?:,\s?{_CONFIG}){{0,20}})?)",
}
_GIT: Mapping[str, str] = {
    **{f"GIT_{who}_{what}": _ANY for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    # Labels that images and pipelines set; no program of Git reads them.
    **dict.fromkeys(("GIT_COMMIT", "GIT_SHA", "GIT_REVISION", "GIT_TAG", "GIT_BRANCH"), _LABEL),
    **dict.fromkeys(("GIT_TRACE", "GIT_TRACE_PERFORMANCE", "GIT_TRACE_SETUP"), f"{_SWITCH}|2"),
    **dict.fromkeys(("GIT_TERMINAL_PROMPT", "GIT_OPTIONAL_LOCKS", "GIT_CONFIG_NOSYSTEM"), _SWITCH),
    **dict.fromkeys(("GIT_LFS_SKIP_SMUDGE", "GIT_ADVICE", "GIT_FLUSH"), _SWITCH),
    **dict.fromkeys(("GIT_HTTP_LOW_SPEED_LIMIT", "GIT_HTTP_LOW_SPEED_TIME"), _NUMBER),
    **dict.fromkeys(("GIT_PROGRESS_DELAY", "GIT_MERGE_VERBOSITY", "GIT_DEPTH"), _NUMBER),
    **dict.fromkeys(("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"), "/dev/null"),
    **dict.fromkeys(("GIT_ASKPASS",), r"(?:/usr)?(?:/bin/)?(?:true|false|echo)"),
    **dict.fromkeys(("GIT_PYTHON_TRACE",), f"{_SWITCH}|full"),
    "GIT_PYTHON_REFRESH": "[A-Za-z0-9]{1,10}",
    "GIT_PYTHON_GIT_EXECUTABLE": "git|/usr/bin/git",
    "GIT_HTTP_USER_AGENT": r"[\w ./()+:;-]{0,200}",
    # At most the pairs that name our CA for single hosts.
    "GIT_CONFIG_COUNT": "|".join(map(str, range(MOST_CA_HOSTS + 1))),
    **{
        f"GIT_CONFIG_KEY_{number}": r"(?i:http\.https://[A-Za-z0-9.:\[\]_-]{1,300}/\.sslcainfo)"
        for number in range(MOST_CA_HOSTS)
    },
    **{f"GIT_CONFIG_VALUE_{number}": re.escape(CA_FILE) for number in range(MOST_CA_HOSTS)},
    "GIT_SSL_CAINFO": re.escape(CA_FILE),
    "GIT_PROTOCOL": "version=[0-2]",
    "GIT_ALLOW_PROTOCOL": "https|ssh|https:ssh|ssh:https",
    "GIT_SSL_NO_VERIFY": _OFF,
    "GIT_SSH": "ssh|/usr/bin/ssh",
    "GIT_SSH_VARIANT": "ssh|auto",
    "GIT_SSH_COMMAND": _SSH,
    "GIT_KNOWN_HOSTS": _ON,
    "GIT_SSH_KEY_FILE": "/etc/git-secret/ssh",
    "GIT_SSH_KNOWN_HOSTS_FILE": "/etc/git-secret/known_hosts",
}
_HARMLESS: Mapping[str, str] = {
    **_GIT,
    **{prefix + name: value for prefix in PREFIXES[1:] for name, value in _SYNC.items()},
}
# What the values choose: git-sync's container may repeat it, and nothing else.
_CHOSEN = ("REPO", "REF", "REV", "BRANCH")
_SECURE = re.compile(r"(?:ssh|git\+ssh|https)://[^-]|[\w.-]{1,100}@[A-Za-z0-9\[][^/:\s]{0,250}:")
# What git-sync's own container may have besides.
_HARMLESS_TO_SYNC: Mapping[str, str] = {
    **dict.fromkeys(("TZ", "LANG", "LC_ALL"), _LABEL),
    **dict.fromkeys(("NO_PROXY", "GOMAXPROCS", "GOMEMLIMIT", "GOGC"), _ANY),
}
_PROXIES = frozenset(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"))
# Text of commands, scripts and configuration that loosens the verification.
_LOOSE = re.compile(
    r"StrictHostKeyChecking['\"]?\s{0,5}[,:= ]\s{0,5}[\"']?(?:no|off|accept-new|false)\b"
    r"|UserKnownHostsFile['\"]?\s{0,5}[,:= ]\s{0,5}[\"']?/dev/null"
    r"|NoHostAuthenticationForLocalhost\s{0,5}[= ]\s{0,5}yes"
    r"|ssl\.?verify['\"]?\s{0,5}[,:= ]\s{0,5}[\"']?(?:false|0|no|off)\b"
    r"|\burl\.[^\s]{1,200}\.(?:push)?insteadof\b",
    re.IGNORECASE,
)
_ASSIGNMENT = re.compile(
    r"(?<![A-Za-z0-9_])((?:GITSYNC|GIT)_[A-Z0-9_]{1,60})[\"']?\]?\s{0,5}(?:=(?!=)|:|,)\s{0,5}"
    r"(?:\"([^\"\n]{0,2000})\"|'([^'\n]{0,2000})'|([^\s;&|\"')]{0,2000}))"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a variable is not harmless; `unreadable` if only because its value cannot be read."""

    message: str
    severity: Literal["error", "warning"] = "error"
    unreadable: bool = False


def is_verified_address(repository: str) -> bool:
    """Return whether git can verify the host of this address: it is SSH or HTTPS."""
    return _SECURE.match(repository) is not None


def refuse_variable(name: str, value: str | None, choice: Choice | None = None) -> Refusal | None:
    """Return why the variable may not stand in the environment of any container, or None.

    `value` is None if it cannot be read (a Secret, a template). `choice` is given for git-sync's
    own environment, which names the repository.
    """
    plain = _plain_name(name)
    if not plain.startswith(PREFIXES):
        return None
    pattern = _HARMLESS.get(plain)
    chosen = plain.removeprefix("GITSYNC_").removeprefix("GIT_SYNC_")
    if choice and value is not None and chosen in _CHOSEN and choice(chosen.lower(), value):
        return None
    if pattern is None:
        return Refusal("may change which Git host is used, or how it is verified")
    if pattern == _ANY or (value is not None and re.fullmatch(pattern, value.strip())):
        return None
    if value is None:
        message = "decides about the Git host, and its value cannot be read here"
        return Refusal(message, unreadable=True)
    return Refusal("with this value, the Git host may not be verified")


def refuse_sync_variable(
    name: str, value: str | None, choice: Choice | None = None
) -> Refusal | None:
    """Return why the variable may not stand in the environment of git-sync itself, or None.

    There every name counts: PATH, HOME, LD_PRELOAD and their like choose programs and files.
    """
    plain = _plain_name(name)
    if plain.startswith(PREFIXES):
        return refuse_variable(name, value, choice)
    if plain in _PROXIES:
        return Refusal("git-sync clones through this proxy; the host stays verified", "warning")
    pattern = _HARMLESS_TO_SYNC.get(plain)
    if pattern is None:
        return Refusal("may change which programs, files or hosts git-sync uses")
    if pattern == _ANY or (value is not None and re.fullmatch(pattern, value.strip())):
        return None
    return Refusal("has a value that git-sync does not need", unreadable=value is None)


def flag_variable(flag: str) -> str:
    """Return the variable that sets the same as a flag of git-sync: `--ssh-key-file`."""
    name = flag.lstrip("-").replace("-", "_").upper()
    return f"GITSYNC_{'VERBOSE' if name == 'V' else name}"


def find_assignments(text: str) -> Iterator[tuple[str, str]]:
    """Yield the Git variables that a script, a program or a configuration sets in this text."""
    for match in _ASSIGNMENT.finditer(text):
        before = text[match.start() - 1 : match.start()]
        if match[4] is not None and before and before in "\"'":  # "NAME=all up to the quote"
            yield match[1], text[match.start(4) : match.start(4) + 2000].partition(before)[0]
            continue
        yield match[1], next((part for part in match.groups()[1:] if part is not None), "")


def has_loose_options(text: str) -> bool:
    """Return whether the text has an option of ssh or git that loosens the verification."""
    return _LOOSE.search(text) is not None


def _plain_name(name: str) -> str:
    return name.strip().upper().removeprefix(_POD_VARIABLE)
