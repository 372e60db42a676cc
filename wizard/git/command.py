"""Runs git without a shell, with an environment that contains no secret.

There are two ways to run git. `Git.read` only reads: everything that the repository's configuration
could start (hooks, filters, fsmonitor, pagers, external diffs, transports) is off. `Git.act` does
what the user would do (add, commit, push): hooks, signing and credential helpers run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from wizard.errors import WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.git.remotes import redact

READ_SECONDS = 60.0
ACT_SECONDS = 1800.0
_GRACE_SECONDS = 3.0
# The output of hooks and remotes: what is read of it, and what of it is shown.
_MAX_OUTPUT = 1_000_000
_SHOWN_LINES = 200
_SHOWN_CHARACTERS = 1000

_NAMES = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TERM", "TZ", "TMPDIR",
        "SSH_AUTH_SOCK", "GPG_TTY", "GNUPGHOME", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
        "DBUS_SESSION_BUS_ADDRESS", "SKIP", "HUSKY", "SUDO_UID",
        "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CEILING_DIRECTORIES",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT",
    }
)  # fmt: skip
_PREFIXES = ("LC_", "XDG_", "GIT_AUTHOR_", "GIT_COMMITTER_", "PRE_COMMIT_")
_NETWORK = frozenset(
    {
        "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY",
        "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "KRB5CCNAME", "KRB5_CONFIG",
    }
)  # fmt: skip

# Git attributes stay on: check-attr runs nothing, and shows what a commit will do.
_READ_OPTIONS = (
    "--no-pager",
    "--no-optional-locks",
    "--no-replace-objects",
    *(
        part
        for setting in (
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            "core.pager=cat",
            "core.editor=false",
            "core.askPass=",
            "core.sshCommand=false",
            "core.alternateRefsCommand=false",
            "core.gitProxy=",
            "credential.helper=",
            "diff.external=",
            "protocol.allow=never",
            "submodule.recurse=false",
        )
        for part in ("-c", setting)
    ),
)
# Background maintenance would run longer than the command. The user's next git command runs it.
_ACT_OPTIONS = (
    "--no-pager",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=0",
)


def git_environment(*, network: bool = False) -> dict[str, str]:
    """Return the environment of git and hooks: an allow-list, without tokens and passwords.

    With `network`, it includes the variables for proxies and certificate files.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _NAMES or name.startswith(_PREFIXES) or (network and name in _NETWORK)
    }
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": ""}


def _reading_environment() -> dict[str, str]:
    kept = git_environment()
    for name in ("GIT_SSH", "GIT_SSH_COMMAND"):
        kept.pop(name, None)
    # Make messages English, to recognise them; do not fetch missing blobs of a partial clone.
    quiet = {"LC_ALL": "C", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
    return {**kept, **quiet}


@cache
def find_git() -> str:
    """Return the path of git, from absolute PATH entries only (never from the repository)."""
    import shutil

    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    found = shutil.which("git", path=os.pathsep.join(p for p in folders if Path(p).is_absolute()))
    if not found:
        raise WizardError("git is not installed, or not in PATH", "install git 2.31 or newer")
    return found


@dataclass(frozen=True, slots=True)
class GitOutput:
    """The result of a git command; `err` is safe to show."""

    args: tuple[str, ...]
    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Return standard output as text without its last line end."""
        return self.out.decode("utf-8", "surrogateescape").removesuffix("\n")

    @property
    def display_text(self) -> str:
        """Return standard output for display: without credentials and control characters."""
        return _clean_message(self.out)

    def error(self, hint: str = "") -> WizardError:
        """Return an error for the failure, with the command and git's message."""
        message = self.err or f"exited with code {self.code}"
        return WizardError(f"git {self.args[0] if self.args else ''}: {message}", hint)


class Git:
    """Runs git in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, *args: str, stdin: bytes = b"", ok: Sequence[int] = (0,)) -> GitOutput:
        """Run a read-only command; WizardError unless its exit code is in `ok`."""
        command = [find_git(), *_READ_OPTIONS, *args]
        output = _run(command, self.folder, _reading_environment(), stdin, READ_SECONDS, args)
        if output.code not in ok:
            raise output.error()
        return output

    def plumb(self, *args: str, stdin: bytes = b"") -> GitOutput:
        """Change a ref or the index without any hook; WizardError on failure."""
        return self.read(*args, stdin=stdin)

    def act(
        self,
        *args: str,
        stdin: bytes = b"",
        network: bool = False,
        terminal: bool = False,
        started: Callable[[int], None] | None = None,
        seconds: float = ACT_SECONDS,
    ) -> GitOutput:
        """Run a command with the user's hooks, signing and helpers; returns any exit code.

        With `terminal`, git may prompt for a passphrase; otherwise nothing can prompt. `started`
        receives the process id before the command reads its input.
        """
        env = git_environment(network=network)
        if network:
            env["LC_ALL"] = "C"
        command = [find_git(), *_ACT_OPTIONS, *args]
        return _run(command, self.folder, env, stdin, seconds, args, started, terminal, own=True)


def _run(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    stdin: bytes,
    seconds: float,
    args: tuple[str, ...],
    started: Callable[[int], None] | None = None,
    terminal: bool = False,
    own: bool = False,
) -> GitOutput:
    with ExitStack() as stack:
        # A hook may leave a process behind that keeps a pipe open, so the output goes to files.
        files = [_sink(stack) for _ in range(2)] if own else [None, None]
        try:
            process = subprocess.Popen(  # noqa: S603 - a list without secrets
                command,
                cwd=folder,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=files[0] or subprocess.PIPE,
                stderr=files[1] or subprocess.PIPE,
                start_new_session=not terminal,
            )
        except OSError as error:
            raise WizardError(f"{folder}: git could not be started: {error.strerror}") from None
        try:
            if started:
                started(process.pid)
            piped = (process.communicate if own else partial(_communicate, process))(
                stdin, timeout=seconds
            )
        except subprocess.TimeoutExpired:
            _stop(process, group=not terminal)
            raise WizardError(
                f"git {args[0]} did not end within {seconds:.0f} seconds and was stopped",
                "run it yourself in the repository to see what it waits for",
            ) from None
        except BaseException:
            _stop(process, group=not terminal)
            raise
        out, err = (_contents(*pair) for pair in zip(files, piped, strict=True))
        return GitOutput(args, process.returncode, out, _clean_message(err))


def _communicate(
    process: subprocess.Popen[bytes], stdin: bytes, timeout: float
) -> tuple[bytes | None, bytes | None]:
    """Return git's output after it ends; raises TimeoutExpired.

    `communicate` is called without a timeout, because with one it sleeps between its checks whether
    the process has ended. Such a sleep takes longer than most git commands.
    """
    late = []

    def stop() -> None:
        late.append(True)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
        process.kill()

    watch = threading.Timer(timeout, stop)
    watch.daemon = True
    watch.start()
    try:
        piped = process.communicate(stdin)
    finally:
        watch.cancel()
    if late:
        raise subprocess.TimeoutExpired(process.args, timeout)
    return piped


def _sink(stack: ExitStack) -> IO[bytes] | None:
    """Return a temporary file for output; None (use a pipe) if the disk is full."""
    try:
        return stack.enter_context(TemporaryFile())
    except OSError:
        return None


def _contents(file: IO[bytes] | None, piped: bytes | None) -> bytes:
    """Return what a command wrote; of a file that a hook filled, only its two ends."""
    if file is None:
        return piped or b""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size <= _MAX_OUTPUT:
        return file.read()
    head = file.read(_MAX_OUTPUT // 2)
    file.seek(size - _MAX_OUTPUT // 2)
    # Lines that are cut go: what is left of them could be the part of a URL that has the password.
    return b"\n".join((head.rpartition(b"\n")[0], file.read().partition(b"\n")[2]))


def _stop(process: subprocess.Popen[bytes], *, group: bool) -> None:
    """Stop git and its children: first with SIGTERM, so that git removes its lock files."""

    def send(how: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if group:
                os.killpg(process.pid, how)
            else:
                process.send_signal(how)

    send(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)
    send(signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with suppress(OSError):
                stream.close()


def _clean_message(err: bytes) -> str:
    lines = err.decode("utf-8", "surrogateescape").splitlines()
    kept = [line for line in lines if line.strip() and not line.startswith("hint:")]
    if len(kept) > _SHOWN_LINES:
        half = _SHOWN_LINES // 2
        left_out = f"... ({len(kept) - 2 * half} more lines)"
        kept = [*kept[:half], left_out, *kept[-half:]]
    return "\n".join(_shorten(redact(line)) for line in kept).removeprefix("fatal: ")


def _shorten(line: str) -> str:
    """Return a line for the screen; call it after `redact`, which needs whole URLs."""
    shown = escape_unprintable(line[:_SHOWN_CHARACTERS])
    return shown if len(line) <= _SHOWN_CHARACTERS else f"{shown}..."
