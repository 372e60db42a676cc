"""Runs the helm program of this machine against one kubeconfig context.

The program is looked up only in absolute PATH entries and runs in its own process group, which is
stopped together with the wizard. It gets no secret, neither in arguments nor in the environment;
the values on standard input contain none. Sources: Helm's help and source, 3.13 to 3.22 and 4.3.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.config import find_kubeconfigs, read_context
from wizard.clients.plugins import plugin_environment
from wizard.errors import WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.formats.yaml_reader import read_mapping
from wizard.git.command import git_environment

if TYPE_CHECKING:
    from pathlib import Path

    from wizard.clients.kube.config import KubeContext

# `--labels` and `--dry-run=server` exist since 3.13.
MIN_VERSION = (3, 13)
NEXT_MAJOR = 5
LOOK_SECONDS = 60.0
# The manifest after its length in bytes, then the hooks.
_MANIFESTS = (
    "{{len .Release.Manifest}}\n{{.Release.Manifest}}"
    "{{range .Release.Hooks}}\n---\n{{.Manifest}}{{end}}"
)
_INSTALL = "install Helm 3.13 or newer, or 4: https://helm.sh/docs/intro/install"
# An interrupted helm marks the release as failed. It gets this many seconds, then it is killed.
_GRACE_SECONDS = 0.5
_HELM_PATH_VARIABLES = (
    "HELM_CACHE_HOME",
    "HELM_CONFIG_HOME",
    "HELM_DATA_HOME",
    "HELM_REPOSITORY_CACHE",
    "HELM_REPOSITORY_CONFIG",
    "HELM_REGISTRY_CONFIG",
    "HELM_PLUGINS",
)
# These variables would make helm use a different cluster than the plan shows, or print more text.
_REDIRECTING_PREFIXES = (
    "HELM_KUBE",
    "HELM_NAMESPACE",
    "HELM_DRIVER",
    "HELM_DEBUG",
    "HELM_BURST",
    "HELM_QPS",
)


@dataclass(frozen=True, slots=True)
class HelmOutput:
    """The result of one helm command; `said` is its error message, safe to print."""

    code: int
    out: str
    said: str


@dataclass(frozen=True, slots=True)
class HelmRevision:
    """One revision of a release, from `helm history`."""

    revision: int
    status: str
    chart: str
    description: str


class Helm:
    """Runs helm against the cluster of one context; starts nothing before the first operation.

    `hidden` are the names of variables that hold secrets.
    """

    def __init__(self, access: KubeContext, *, hidden: Collection[str] = ()) -> None:
        self._access = access
        self._hidden = frozenset(hidden)

    @property
    def identity(self) -> str:
        """Return the program and the context, as the plan shows them; runs nothing."""
        return f"{_find_helm() or 'helm, which is not on PATH'}, context {self._access.context}"

    async def version(self) -> str:
        """Return the program's version; WizardError if it is missing or not supported."""
        done = await self._run("version", "--template", "{{.Version}}", context=False)
        found = re.match(r"v?(\d+)\.(\d+)", done.out.strip())
        if done.code or found is None:
            raise WizardError(f"helm reports no version: {done.said or done.out[:80]}", _INSTALL)
        number = (int(found[1]), int(found[2]))
        if number < MIN_VERSION or number[0] >= NEXT_MAJOR:
            kind = "too old" if number < MIN_VERSION else "newer than the supported versions"
            raise WizardError(f"helm {escape_unprintable(done.out.strip())} is {kind}", _INSTALL)
        return escape_unprintable(done.out.strip())

    async def history(self, release: str, namespace: str) -> list[HelmRevision]:
        """Return the newest revisions, the newest last."""
        found = await self._json("history", release, "--namespace", namespace, "--max", "20")
        try:
            return [
                HelmRevision(one["revision"], one["status"], one["chart"], one["description"])
                for one in found
            ]
        except (TypeError, KeyError):
            raise WizardError("helm history did not return a list of revisions") from None

    async def values(self, release: str, namespace: str, revision: int) -> Mapping[str, Any]:
        """Return a revision's user-supplied values, without the chart's defaults."""
        found = await self._json(
            "get", "values", release, "--namespace", namespace, "--revision", str(revision)
        )
        return found if isinstance(found, dict) else {}

    async def manifests(self, release: str, namespace: str, revision: int) -> tuple[str, str]:
        """Return the manifest of a revision, by which an uninstall deletes, and those of its hooks.

        They may hold Secrets and are never printed.
        """
        done = await self.act(
            "get", "all", release, "--namespace", namespace, "--revision", str(revision),
            "--template", _MANIFESTS, seconds=LOOK_SECONDS,
        )  # fmt: skip
        size, _, rest = done.out.partition("\n")
        if not size.isdecimal():
            raise WizardError("helm get all did not print the manifest")
        data = rest.encode()
        return data[: int(size)].decode(), data[int(size) :].decode()

    async def show_chart(self, path: Path) -> Mapping[str, Any]:
        """Return Chart.yaml of a chart on this machine."""
        done = await self.act("show", "chart", str(path), seconds=LOOK_SECONDS, context=False)
        return read_mapping(done.out, "Chart.yaml")

    async def act(
        self, *args: str, stdin: bytes = b"", seconds: float, context: bool = True
    ) -> HelmOutput:
        """Run a command; WizardError with helm's message if it fails or times out."""
        done = await self._run(*args, stdin=stdin, seconds=seconds, context=context)
        if done.code:
            raise WizardError(f"helm {args[0]}: {done.said or f'exited with code {done.code}'}")
        return done

    async def _json(self, *args: str) -> Any:
        done = await self.act(*args, "--output", "json", seconds=LOOK_SECONDS)
        try:
            return json.loads(done.out)
        except ValueError:
            raise WizardError(f"helm {args[0]} did not print JSON") from None

    async def _run(
        self, *args: str, stdin: bytes = b"", seconds: float = LOOK_SECONDS, context: bool = True
    ) -> HelmOutput:
        program = _find_helm()
        if not program:
            raise WizardError("helm is not on PATH", _INSTALL)
        words = [*args, "--kube-context", self._access.context] if context else list(args)
        try:
            process = await asyncio.create_subprocess_exec(
                program, *words, env=self._environment(), start_new_session=True,
                # helm would use a subfolder of the current folder that is named like the chart.
                cwd="/", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            raise WizardError(f"{program} cannot be run: {error.strerror}", _INSTALL) from None
        try:
            out, err = await asyncio.wait_for(process.communicate(stdin), seconds)
        except TimeoutError:
            await _stop_process(process)
            raise WizardError(
                f"helm {args[0]} did not end within {seconds:.0f} s and was stopped",
                "check that the cluster answers, then run it again",
            ) from None
        except BaseException:
            await _stop_process(process)
            raise
        return HelmOutput(
            process.returncode or 0, out.decode("utf-8", "replace"), _extract_error(err)
        )

    def _environment(self) -> dict[str, str]:
        """Return helm's environment variables: an allow-list.

        With a login plugin, all variables except those with secrets: the plugin may need them.
        """
        kept = git_environment(network=True)
        kept |= {name: os.environ[name] for name in _HELM_PATH_VARIABLES if name in os.environ}
        if self._access.plugin is not None:
            kept = plugin_environment(self._hidden)
        kept = {
            name: value
            for name, value in kept.items()
            if name not in self._hidden and not name.startswith(_REDIRECTING_PREFIXES)
        }
        paths = os.pathsep.join(str(path.absolute()) for path in find_kubeconfigs())
        return {**kept, "KUBECONFIG": paths, "HELM_DRIVER": "secret"}


def open_helm(context: str = "", *, hidden: Collection[str] = ()) -> Helm:
    """Return helm for a kubeconfig context (empty: the current one); raises as `read_context`."""
    return Helm(read_context(context), hidden=hidden)


def _find_helm() -> str:
    import shutil

    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    own = os.pathsep.join(one for one in folders if Path(one).is_absolute())
    return shutil.which("helm", path=own) or ""


async def _stop_process(process: asyncio.subprocess.Process) -> None:
    """Stop helm and its children, first with SIGTERM, so that helm can record the failure."""

    def send(how: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, how)

    send(signal.SIGTERM)
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
    send(signal.SIGKILL)
    await process.wait()


def _extract_error(err: bytes) -> str:
    """Return helm's error on one safe line, without earlier output (of a login plugin)."""
    text = err.decode("utf-8", "replace")
    start = text.find("Error: ")
    return escape_unprintable(" ".join(text[start + 7 if start >= 0 else 0 :].split()))[:4000]
