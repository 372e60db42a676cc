"""Finds the real programs, or builds them once; safe while several processes look at once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

# As it was when the tests started: a test's own environment has another HOME, and with it other
# caches of the Go tools.
ENVIRONMENT: Mapping[str, str] = dict(os.environ)
HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
SYSTEM_FOLDERS = "/usr/sbin:/sbin:/usr/local/sbin"
BUILD_SECONDS = 60 * 60
# What a first build takes on 2 cores, in minutes: with nothing else to do, and beside other work.
BUILD_MINUTES = {
    "helm": (2, 3),
    "eso-template": (3, 6),
    "kube-apiserver": (8, 15),
    "vault": (4, 8),
    "PgBouncer": (1, 2),
    "Azurite": (1, 2),
    "airflow-2-11": (1, 3),
    "airflow-3-2": (1, 3),
    "airflow-3-3": (1, 3),
    "object-storage": (1, 2),
    "oauth2-proxy": (5, 25),
    "sops": (4, 8),
}
HELM_MODULE = "helm.sh/helm/v3/cmd/helm@v3.22.0"
SOPS_MODULE = "github.com/getsops/sops/v3/cmd/sops@v3.13.3"


class MissingError(Exception):
    """A program is not there and cannot be built here; the message says what would help."""


def required() -> bool:
    """Whether a missing program is a failure (CI) instead of a skipped test."""
    return ENVIRONMENT.get("WIZARD_REQUIRE_ALL") == "1"


def cache() -> Path:
    """The folder of what we build; it outlives the run and is ignored by Git."""
    chosen = ENVIRONMENT.get("WIZARD_TESTBED_CACHE")
    folder = Path(chosen) if chosen else TOP / ".cache" / "testbed"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def named(variable: str) -> Path | None:
    """What the environment variable names, if it is set; MissingError when that is not there."""
    value = ENVIRONMENT.get(variable)
    if not value:
        return None
    path = Path(value).expanduser().resolve()
    if not path.exists():
        raise MissingError(f"{variable} names {value}, which does not exist")
    return path


def on_path(program: str) -> Path | None:
    """The program on PATH or in the system folders that PATH often leaves out."""
    found = shutil.which(program, path=f"{ENVIRONMENT.get('PATH', '')}:{SYSTEM_FOLDERS}")
    return Path(found) if found else None


def helm() -> Path:
    """Helm 3 or later; MissingError without it and without Go."""
    return named("WIZARD_HELM") or on_path("helm") or go_install("helm", HELM_MODULE)


def sops() -> Path:
    """SOPS 3.10 or later; MissingError without it and without Go."""
    return named("WIZARD_SOPS") or on_path("sops") or go_install("sops", SOPS_MODULE)


def eso_template() -> Path:
    """The program in eso_template/, built; MissingError without Go."""
    return named("WIZARD_ESO_TEMPLATE") or go_build("eso-template", HERE / "eso_template")


def kube_apiserver() -> Path:
    """An API server, which also is its own etcd when we built it; MissingError without Go."""
    assets = kubebuilder_assets()
    if assets is not None:
        return assets / "kube-apiserver"
    return go_build("kube-apiserver", HERE / "kube_apiserver")


def kubebuilder_assets() -> Path | None:
    """The folder with kube-apiserver and etcd that KUBEBUILDER_ASSETS names, if it is set."""
    assets = named("KUBEBUILDER_ASSETS")
    for program in ("kube-apiserver", "etcd"):
        if assets is not None and not (assets / program).exists():
            raise MissingError(f"KUBEBUILDER_ASSETS names {assets}, which has no {program}")
    return assets


def vault() -> Path:
    """The program in vault_server/, built; MissingError without Go.

    Not the one on PATH: that is another version, and takes other arguments.
    """
    return named("WIZARD_VAULT") or go_build("vault", HERE / "vault_server")


def redis_server() -> Path:
    """Redis, or what is compatible; MissingError when it is not installed."""
    found = named("WIZARD_REDIS") or on_path("redis-server") or on_path("valkey-server")
    if found is None:
        raise MissingError("redis-server is not installed (Debian: apt install redis-server)")
    return found


def sshd() -> Path:
    """OpenSSH's server; MissingError when it is not installed."""
    found = named("WIZARD_SSHD") or on_path("sshd")
    if found is None:
        raise MissingError("sshd is not installed (Debian: apt install openssh-server)")
    return found


def postgres_bin() -> Path:
    """The folder with initdb, postgres and psql; MissingError when there is none."""
    chosen = named("WIZARD_POSTGRES_BIN")
    if chosen is not None:
        return chosen
    # Debian keeps the server programs off PATH, one folder a version; the newest first.
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name)
    )
    initdb = on_path("initdb")
    if initdb is not None:
        folders.append(initdb.resolve().parent)
    for folder in folders:
        if all((folder / program).exists() for program in ("initdb", "postgres", "psql")):
            return folder
    raise MissingError("PostgreSQL's server is not installed (Debian: apt install postgresql)")


def go_build(name: str, source: Path) -> Path:
    """Build the Go program in a folder; built again when a file in or below it changes."""
    digest = hashlib.sha256()
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    target = cache() / f"{name}-{digest.hexdigest()[:12]}"
    command = lambda out: ("build", "-o", str(out / name), ".")  # noqa: E731
    return _build(target, command, name, source, f"{source.relative_to(TOP)}/")


def go_install(name: str, module: str) -> Path:
    """Build a published Go command at the version its path names."""
    target = cache() / f"{name}-{module.rpartition('@')[2]}"
    return _build(target, lambda _: ("install", module), name, HERE, module)


def _build(
    target: Path, command: Callable[[Path], Sequence[str]], name: str, folder: Path, source: str
) -> Path:
    program = target / name
    with building(target, program) as needed:
        if needed:
            go = named("WIZARD_GO") or on_path("go")
            if go is None:
                raise MissingError(f"{name} is not there, and there is no Go to build it with")
            announce(target, name, source)
            with tempfile.TemporaryDirectory(dir=cache()) as temporary:
                out = Path(temporary)
                _go([str(go), *command(out)], out, folder, name)
                # Renaming is atomic: a killed build leaves nothing that looks finished.
                target.mkdir(exist_ok=True)
                (out / name).rename(program)
    return program


@contextmanager
def building(target: Path, finished: Path) -> Iterator[bool]:
    """Whether to build `target` now: `finished` is not there, and no other process builds it.

    `finished` must be what a build makes last.
    """
    if finished.exists():
        yield False
        return
    with _lock(target.with_suffix(".lock")), _no_test_timeout():
        yield not finished.exists()


def announce(target: Path, name: str, source: str) -> None:
    """Say what is about to be built, why, and about how long that takes."""
    quiet, busy = BUILD_MINUTES[name]
    print(
        f"{name}: building it from {source}, once: {target} is not there yet. "
        f"About {quiet} minutes on 2 quiet cores, {busy} on busy ones.",
        file=sys.stderr, flush=True,
    )  # fmt: skip


def build(
    command: Sequence[object],
    folder: Path,
    name: str,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run one command of a build; MissingError with the end of its output when it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=folder, env=environment or ENVIRONMENT, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=BUILD_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise MissingError(f"building {name} took longer than {BUILD_SECONDS} s") from None
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise MissingError(f"{name} did not build ({' '.join(words)}):\n{last}")


def _go(command: Sequence[str], out: Path, folder: Path, name: str) -> None:
    environment = {
        **ENVIRONMENT,
        "CGO_ENABLED": "0",
        "GOBIN": str(out),
        "GOFLAGS": "-buildvcs=false -trimpath -ldflags=-s",
        "GOWORK": "off",
    }
    build(command, folder, name, environment)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{path.stem}: another process is building it; waiting", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _no_test_timeout() -> Iterator[None]:
    """Stop the clock of pytest-timeout: a first build may take minutes, a test may not."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
