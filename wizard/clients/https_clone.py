"""Tests over HTTPS whether pods can clone with the token, the CA and the ref of the answers.

git itself connects. The token is in the environment of git and its credential helper only: never
in a command line, a URL or a file, and git asks the helper for the host of the answers only, so a
redirect receives no login. The user's configuration and helpers are off, but the proxies of this
machine are used. `git push --dry-run` finds out whether the token may write; it sends no update.

Sources: git-config(1) (credential.<url>.helper, http.sslCAInfo, http.followRedirects) and
gitcredentials(7); the messages of git 2.39 with libcurl and GnuTLS or OpenSSL.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.clients.ssh.clone import SECONDS, CloneResult, find_ref, refused_commit
from wizard.clients.ssh.routes import Deadline
from wizard.clients.ssh.session import CloneError, Kind
from wizard.clients.ssh.tree import MAX_FETCH_BYTES, bare_environment, count_fetched_dags
from wizard.formats.terminal import escape_unprintable
from wizard.git.command import find_git, git_environment
from wizard.git.remotes import redact
from wizard.git.wire import MOST_BYTES, Advertisement

if TYPE_CHECKING:
    from pydantic import SecretStr

_USER, _TOKEN = "AIRFLOW_WIZARD_GIT_USER", "AIRFLOW_WIZARD_GIT_TOKEN"
_HELPER = (
    '!f() { test "$1" = get || exit 0; '
    f'printf "username=%s\\npassword=%s\\n" "${_USER}" "${_TOKEN}"; }}; f'
)
# The shell ends git when a file grows beyond this number of blocks of 512 bytes.
_LIMITED = f'ulimit -f {MAX_FETCH_BYTES // 512}; exec "$@"'
_OPTIONS = (
    "-c", "http.sslVerify=true", "-c", "http.followRedirects=initial", "-c", "core.askPass=",
    "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
    "-c", "credential.helper=",
)  # fmt: skip
_FETCH = (
    "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-commit-graph",
    "--no-recurse-submodules", "--filter=blob:none",
)  # fmt: skip
_REF = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\t(\S+)")
_SYMREF = re.compile(r"ref: refs/heads/(\S+)\tHEAD")
_REDIRECT = re.compile(r"^warning: redirecting to (\S+)", re.MULTILINE)
# The branch that a dry run of a push names; nothing creates it.
_NEVER = "refs/heads/airflow-wizard-dry-run"
_MESSAGES: tuple[tuple[Kind, str], ...] = (
    ("certificate", r"certificate|self[- ]signed|unable to get local issuer|CAfile"),
    ("peer", r"wrong version number|gnutls_handshake|unexpected TLS packet|SSL_ERROR|SSL routines"),
    ("unreachable", r"returned error: 407|from proxy after CONNECT|CONNECT tunnel failed"),
    ("refused-login", r"Authentication failed"),
    ("login", r"could not read (?:Username|Password)|returned error: 401"),
    ("repository", r"returned error: (?:403|404|410)|not found"),
    ("unfinished", r"returned error: (?:429|5\d\d)"),
    (
        "unreachable",
        r"Could not resolve|Failed to connect|Couldn't connect|Connection (?:refused|timed out)"
        r"|timed out|No route to host|Network is unreachable",
    ),
    ("redirect", r"Protocol [^\n]{1,80} (?:not supported|disabled)"),
    ("redirect", r"[Tt]ransport '[^'\n]{1,80}' not allowed"),
    ("repository", r"valid: is this a git repository|bad line length|protocol error|not valid"),
)
_SIGNS = tuple((kind, re.compile(sign)) for kind, sign in _MESSAGES)


@dataclass(frozen=True, slots=True)
class HttpsTarget:
    """A repository over HTTPS. `ca` is the PEM of the only CA to trust; empty: this machine's.

    `username` is the login that belongs to the token; `dags`: the repository must contain DAGs.
    """

    url: str
    ref: str
    subpath: str
    username: str = ""
    ca: str = ""
    dags: bool = True

    @property
    def origin(self) -> str:
        """Return scheme, host and port as git writes them in its configuration."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def endpoint(self) -> str:
        """Return the host, with its port unless it is 443."""
        return urlsplit(self.url).netloc.removesuffix(":443")


@dataclass(frozen=True)
class HttpsClient:
    """Reads one repository; without a `token` it sends no login."""

    target: HttpsTarget
    token: SecretStr | None = None
    seconds: float = SECONDS

    def look(self) -> CloneResult:
        """Log in, fetch the commit's file names, and find out whether the token may push."""
        target = self.target
        with self._open() as session:
            told = session.list_refs()
            ref, commit = find_ref(told, target.ref, target.endpoint)
            session.fetch(ref or commit)
            files = 0
            if target.dags:
                files = count_fetched_dags(session.folder, target.subpath, session.deadline)
            writable = session.may_push() if self.token is not None else None
        return CloneResult(ref or commit, commit, files, writable)

    def greet(self) -> bool:
        """Return whether the host asks for a login; raises CloneError if it cannot be verified."""
        with self._open() as session:
            try:
                session.list_refs()
            except CloneError as error:
                # Some hosts hide that a private repository exists.
                if error.kind in {"login", "repository"}:
                    return True
                raise
        return False

    @contextmanager
    def _open(self) -> Iterator[_Session]:
        if self.token is not None and re.search(r"[\0\r\n]", self.token.get_secret_value()):
            raise CloneError("refused-login", "the token has a line break, so git cannot send it")
        with tempfile.TemporaryDirectory(prefix="clone-proof-") as name:
            session = _Session(self.target, self.token, Path(name), Deadline(self.seconds))
            try:
                session.run("init", "--quiet", "--bare", "--template=", ".")
                yield session
            except TimeoutError:
                raise CloneError(
                    "unfinished",
                    f"{self.target.endpoint} did not finish {session.deadline.text}",
                ) from None


@dataclass(frozen=True)
class _Session:
    """The git commands of one client in a temporary bare repository."""

    target: HttpsTarget
    token: SecretStr | None
    folder: Path
    deadline: Deadline

    def list_refs(self) -> Advertisement:
        """Return the refs of the repository."""
        code, out, said = self.run("ls-remote", "--symref", "--", self.target.url)
        self._refuse_redirect(said)
        if code:
            raise self._read_error(said)
        text = out.decode("utf-8", "surrogateescape")
        refs = {match[2]: match[1] for match in map(_REF.fullmatch, text.splitlines()) if match}
        head = _SYMREF.search(text)
        default = (f"symref=HEAD:refs/heads/{head[1]}",) if head else ()
        # Protocol version 2 has no capability for it, so a fetch shows it.
        return Advertisement(refs, (*default, "allow-reachable-sha1-in-want"), b"")

    def fetch(self, ref: str) -> None:
        """Fetch one ref or commit."""
        code, _, said = self.run(*_FETCH, "--", self.target.url, ref)
        if not code:
            return
        if code in {-signal.SIGXFSZ, 128 + signal.SIGXFSZ} or "File too large" in said:
            raise CloneError(
                "unfinished", f"the newest commit alone is more than {MAX_FETCH_BYTES // 10**6} MB"
            )
        if re.search(r"not our ref|unadvertised object|couldn't find remote ref", said):
            raise refused_commit(self.target.endpoint)
        raise self._read_error(said)

    def may_push(self) -> bool | None:
        """Return whether the server would take a push; None if it does not say."""
        code, _, said = self.run(
            "push", "--dry-run", "--quiet", "--no-verify", "--", self.target.url,
            f"FETCH_HEAD:{_NEVER}",
        )  # fmt: skip
        if not code:
            return True
        return False if _kind(said) in {"refused-login", "login", "repository"} else None

    def run(self, *words: str) -> tuple[int, bytes, str]:
        """Run git; return its exit code and both outputs. Raises TimeoutError."""
        out, err = self.folder / ".out", self.folder / ".err"
        command = ["/bin/sh", "-c", _LIMITED, "sh", find_git(), *self._options(), *words]
        with out.open("wb") as output, err.open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603 - a list without secrets
                command, cwd=self.folder, env=self._environment(), stdin=subprocess.DEVNULL,
                stdout=output, stderr=errors, start_new_session=True,
            )  # fmt: skip
            try:
                code = process.wait(self.deadline.left)
            except BaseException as error:
                # git's helpers would outlive it.
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if isinstance(error, subprocess.TimeoutExpired):
                    raise TimeoutError from None
                raise
        return code, _read_part(out), _read_part(err).decode("utf-8", "replace")

    def _options(self) -> tuple[str, ...]:
        helper = ("-c", f"credential.{self.target.origin}.helper={_HELPER}")
        return (*_OPTIONS, *(helper if self.token is not None else ()))

    def _environment(self) -> dict[str, str]:
        own = bare_environment(self.folder)
        outside = git_environment(network=True)
        plain = git_environment()
        env = {**{k: v for k, v in outside.items() if k not in plain}, **own}
        env |= {"GIT_ASKPASS": "", "SSH_ASKPASS": "", "GIT_ALLOW_PROTOCOL": "https"}
        if self.target.ca:
            file = self.folder / ".ca"
            file.write_text(self.target.ca)
            env["GIT_SSL_CAINFO"] = str(file)
        if self.token is not None:
            env |= {_USER: self.target.username, _TOKEN: self.token.get_secret_value()}
        return env

    def _refuse_redirect(self, said: str) -> None:
        """Raise CloneError for a redirect to another host, which no network policy admits."""
        for match in _REDIRECT.finditer(said):
            parts = urlsplit(match[1])
            if f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" != self.target.origin:
                host = escape_unprintable(parts.hostname or "another address")
                raise CloneError(
                    "redirect",
                    f"{self.target.endpoint} redirects to {host}; no login was sent there",
                )

    def _read_error(self, said: str) -> CloneError:
        kind, endpoint = _kind(said), self.target.endpoint
        texts: dict[Kind, str] = {
            "certificate": f"the certificate of {endpoint} cannot be verified",
            "peer": f"the server at {endpoint} does not speak TLS",
            "refused-login": f"{endpoint} does not accept the token for {self.target.username}",
            "login": f"{endpoint} requires a login for this repository",
            "repository": f"{endpoint} has no such repository"
            + (" for this login" if self.token is not None else " without a login"),
            "redirect": f"{endpoint} redirects to an address that is not https://",
        }
        text = texts.get(kind)
        if text and kind not in {"certificate", "redirect"}:
            return CloneError(kind, text)
        reason = self._last_line(said)
        return CloneError(kind, f"{text or f'git could not read from {endpoint}'}: {reason}")

    def _last_line(self, said: str) -> str:
        """Return git's own last message; what the server says could repeat the login."""
        own = ("fatal:", "error:")
        lines = [line.strip() for line in said.splitlines() if line.startswith(own)]
        line = redact(lines[-1]) if lines else ""
        line = line.replace(self.target.url, "the repository")
        if self.token is not None and self.token.get_secret_value().strip() in line:
            line = ""
        line = re.sub(r"\A(?:fatal|error): (?:unable to access '[^']*': )?", "", line)
        return escape_unprintable(line[:200]) or "git printed no reason"


def _kind(said: str) -> Kind:
    """Return the kind of error for git's messages; lines of the server do not count."""
    own = "\n".join(line for line in said.splitlines() if not line.startswith("remote:"))
    return next((kind for kind, sign in _SIGNS if sign.search(own)), "unfinished")


def _read_part(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES)
