"""What may stand in a container that clones DAGs: environment, commands, mounts and image.

Source: chart 1.22.0 rendered with every value that its `git_sync_container` uses (facts on the
chart, section 7; git-sync 4.4.2).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.chart.contract import get_chart_value
from wizard.chart.images import GIT_SYNC
from wizard.checks.git_variables import GitValues, Path, Variable, read_env, read_sources
from wizard.checks.subject import as_list, as_mapping, get_nested
from wizard.checks.values import Report
from wizard.findings import Finding, Severity
from wizard.formats.images import name_copy, split_reference
from wizard.formats.nested import format_path, walk
from wizard.hostkeys.git_environment import (
    Choice,
    Refusal,
    flag_variable,
    is_verified_address,
    refuse_sync_variable,
)

SYNC: Path = ("dags", "gitSync")
VOLUME_LISTS = ("volumes", "extraVolumes")
PIN = "remove it: the Git host is verified by dags.gitSync.knownHosts"
_UNQUOTED = "the chart writes it unquoted, so its text becomes part of the container"
# Where, and which volume and part of it.
_CHART_MOUNTS = {
    "/git": ("dags", None),
    "/etc/git-secret/ssh": ("git-sync-ssh-key", "gitSshKey"),
    "/etc/git-secret/known_hosts": ("config", "known_hosts"),
}
_PROTECTED = re.compile(
    r"/(?:etc(?:/(?:git-secret|ssh|gitconfig|passwd|group|hosts|resolv\.conf|nsswitch\.conf"
    r"|ld\.so[^/]*)(?:/.*)?)?|(?:usr|bin|sbin|lib|lib64|git-sync|git|root|home|tmp|proc|sys|dev|var)"
    r"(?:/.*)?)?\Z"
)
_AUTHORITIES = re.compile(
    r"/(?:etc/(?:ssl|pki|ca-certificates)|usr/(?:local/)?share/ca-certificates)(?:/.*)?\Z"
)
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*\Z")


@dataclass(frozen=True, slots=True)
class GitReport:
    """Creates the findings about one file's containers."""

    report: Report

    def error(self, rule: str, path: Path, message: str, fix: str = PIN) -> Finding:
        """Return an error of the rule `git-sync.<rule>`."""
        return self.finding(rule, "error", path, message, fix)

    def warning(self, rule: str, path: Path, message: str, fix: str) -> Finding:
        """Return a warning of the rule `git-sync.<rule>`."""
        return self.finding(rule, "warning", path, message, fix)

    def finding(self, rule: str, severity: Severity, path: Path, message: str, fix: str) -> Finding:
        """Return a finding of the rule `git-sync.<rule>`."""
        return self.report.finding(f"git-sync.{rule}", severity, format_path(path), message, fix)

    def variable(self, variable: Variable, refusal: Refusal) -> Finding:
        """Return the finding for a refused variable; it names the variable, never its value."""
        rule = "unreadable" if refusal.unreadable else "verification"
        name = variable.name
        message = f"{name}: {refusal.message}" if name.isidentifier() else refusal.message
        return self.finding(rule, refusal.severity, variable.path, message, PIN)


def clones_dags(values: Mapping[str, Any]) -> bool:
    """Return whether pods of this installation clone DAGs."""
    return uses_git_sync(values) or bool(get_nested(values, "dagProcessor", "dagBundleConfigList"))


def uses_git_sync(values: Mapping[str, Any]) -> bool:
    """Return whether the chart adds git-sync: Helm takes any text but an empty one for true."""
    return bool(get_chart_value(values, "dags.gitSync.enabled"))


def is_sync_container(container: Mapping[str, Any]) -> bool:
    """Return whether the container runs git-sync, by its name, image or environment."""
    texts = (container.get("name"), container.get("image"))
    if any("git-sync" in text or "gitsync" in text for text in texts if isinstance(text, str)):
        return True
    names = [str(get_nested(item, "name")) for item in as_list(container.get("env"))]
    return any(name.startswith(("GITSYNC_", "GIT_SYNC_")) for name in names)


def own_choice(values: Mapping[str, Any]) -> Choice:
    """Return the rule for repository and ref in git-sync's environment: those of the values."""
    sync = as_mapping(get_nested(values, "dags", "gitSync"))
    return lambda key, value: key in sync and str(sync[key]) == value


@dataclass(frozen=True, slots=True)
class ContainerRules:
    """The rules for one container that runs git-sync, or runs beside it."""

    git: GitValues
    report: GitReport

    @property
    def values(self) -> Mapping[str, Any]:
        """Return the values."""
        return self.git.values

    def check_own_values(self) -> Iterator[Finding]:
        """Judge what stands below dags.gitSync, and the image."""
        sync = as_mapping(get_nested(self.values, "dags", "gitSync"))
        repository = sync.get("repo")
        if isinstance(repository, str) and not is_verified_address(repository):
            message = "git cannot verify the host of this address"
            fix = "write an address that begins with https:// or ssh://"
            yield self.report.error("address", (*SYNC, "repo"), message, fix)
        for at, node in walk(sync, SYNC):
            if at[2:3] not in (("env",), ("envFrom",)) and not self.is_readable(node):
                yield self.report.error("unreadable", at, "a template whose result cannot be read")
        yield from self.check_environment(sync, SYNC)
        yield from self.check_mounts(sync.get("extraVolumeMounts"), (*SYNC, "extraVolumeMounts"))
        yield from self.check_commands(sync, SYNC)
        name = sync.get("containerName")
        if name is not None and not _PLAIN.match(str(name)):
            at = (*SYNC, "containerName")
            yield self.report.error("program", at, _UNQUOTED, "write a plain name")
        yield from self.check_image()

    def is_readable(self, node: object) -> bool:
        """Return whether the templates in a text can be read, and a mapping's keys have none."""
        if isinstance(node, Mapping):
            return not any("{{" in str(key) for key in node)
        return not isinstance(node, str) or self.git.expand(node)[1]

    def check_image(self) -> Iterator[Finding]:
        """Report an image of another program in place of git-sync."""
        image = as_mapping(get_nested(self.values, "images", "gitSync"))
        for key in ("repository", "tag", "pullPolicy"):
            if key in image and not _PLAIN.match(str(image[key])):
                at = ("images", "gitSync", key)
                yield self.report.error("program", at, _UNQUOTED, "write a plain name")
        repository = image.get("repository")
        if repository is not None and repository not in self._list_repositories():
            message = "another program than the chart's git-sync reads the deploy key and clones"
            fix = f"use {GIT_SYNC}, or make sure that this is a copy of it"
            at = ("images", "gitSync", "repository")
            yield self.report.warning("program", at, message, fix)

    def _list_repositories(self) -> tuple[str, ...]:
        """Return the repositories of git-sync: the public one, and its copy in our registry."""
        return GIT_SYNC, name_copy(GIT_SYNC, self.git.subject.layout.registry)

    def check_environment(self, node: Mapping[str, Any], path: Path) -> Iterator[Finding]:
        """Judge `env` and `envFrom` of a container that runs git-sync."""
        items, at = node.get("env"), (*path, "env")
        if items is not None and not isinstance(items, list):
            yield self.report.error(
                "unreadable", at, "not a list, so no variable in it can be read"
            )
        choice, facts = own_choice(self.values), self.git.facts
        for variable in read_env(items, facts, at):
            if refusal := refuse_sync_variable(variable.name, variable.value, choice):
                yield self.report.variable(variable, refusal)
        if not node.get("envFrom"):
            return
        for source in read_sources(node["envFrom"], self.git.subject, (*path, "envFrom")):
            if source.variables is None:
                message = "the names of the variables cannot be read here, and git-sync gets them"
                fix = "list each variable in dags.gitSync.env"
                yield self.report.error("unreadable", source.path, message, fix)
            for variable in source.variables or ():
                if refusal := refuse_sync_variable(variable.name, variable.value, choice):
                    yield self.report.variable(variable, refusal)

    def check_commands(self, node: Mapping[str, Any], path: Path) -> Iterator[Finding]:
        """Report commands that run in a container of git-sync: hooks and probes."""
        hooks = as_mapping(node.get("containerLifecycleHooks") or node.get("lifecycle"))
        key = "containerLifecycleHooks" if "containerLifecycleHooks" in node else "lifecycle"
        found = [((*path, key, name), hook) for name, hook in hooks.items()]
        probes = ("livenessProbe", "readinessProbe", "startupProbe")
        found += [((*path, probe), node.get(probe)) for probe in probes]
        for at, handler in found:
            if isinstance(handler, Mapping) and "exec" in handler:
                message = "runs a command in git-sync's container, which can change how it clones"
                fix = "use httpGet, or remove it"
                yield self.report.error("program", (*at, "exec"), message, fix)

    def check_mounts(self, mounts: object, path: Path) -> Iterator[Finding]:
        """Report mounts that replace files which git-sync, ssh or git read."""
        for number, mount in enumerate(as_list(mounts)):
            name, target = (str(get_nested(mount, key) or "") for key in ("name", "mountPath"))
            target = posixpath.normpath(f"/{target.strip().lstrip('/')}")
            at = (*path, number, "mountPath")
            part = get_nested(mount, "subPath")
            exact = get_nested(mount, "subPathExpr") is None
            if (exact and _CHART_MOUNTS.get(target) == (name, part)) or self.is_scratch(
                name, target
            ):
                continue
            if _AUTHORITIES.match(target):
                message = "git trusts every certificate authority in it"
                fix = "make sure that it holds only the authority of your Git host"
                yield self.report.warning("mount", at, message, fix)
            elif _PROTECTED.match(target):
                message = "replaces files that decide which host git-sync trusts, or what it runs"
                yield self.report.error("mount", at, message, "mount it in a folder of its own")

    def is_scratch(self, name: str, target: str) -> bool:
        """Return whether the mount is an empty folder for temporary files that only it uses."""
        uses, kinds = 0, []
        for path, node in self.git.nodes:
            if isinstance(node, Mapping) and node.get("name") == name:
                uses += "mountPath" in node
                if len(path) > 1 and path[-2] in VOLUME_LISTS:
                    kinds.append("emptyDir" in node)
        return target == "/tmp" and bool(kinds) and all(kinds) and uses == 1  # noqa: S108

    def check_container(self, container: Mapping[str, Any], path: Path) -> Iterator[Finding]:
        """Judge a container written by hand: git-sync itself, or one beside it."""
        for at, node in walk(container, path):
            if clones_dags(self.values) and not self.is_readable(node):
                yield self.report.error("unreadable", at, "a template whose result cannot be read")
        if not is_sync_container(container):
            yield from self.check_neighbour(container, path)
            return
        yield from self.check_environment(container, path)
        yield from self.check_mounts(container.get("volumeMounts"), (*path, "volumeMounts"))
        yield from self.check_commands(container, path)
        if container.get("command"):
            message = "runs another command than git-sync's own"
            yield self.report.error("program", (*path, "command"), message, "remove it")
        for name, value in _read_flags(as_list(container.get("args"))):
            if refusal := refuse_sync_variable(name, value, own_choice(self.values)):
                variable = Variable((*path, "args"), name, value)
                yield self.report.variable(variable, refusal)
        image = container.get("image")
        official = self._list_repositories()
        if isinstance(image, str) and split_reference(image)[0] not in official:
            message = "another program than the chart's git-sync clones the DAGs"
            yield self.report.warning("program", (*path, "image"), message, f"use {GIT_SYNC}")

    def check_neighbour(self, container: Mapping[str, Any], path: Path) -> Iterator[Finding]:
        """Report a container that can write what git-sync cloned, or read its key."""
        for number, mount in enumerate(as_list(container.get("volumeMounts"))):
            name = get_nested(mount, "name")
            writes = name == "dags" and get_nested(mount, "readOnly") is not True
            if clones_dags(self.values) and (writes or name == "git-sync-ssh-key"):
                message = (
                    "this container can change what git-sync cloned, and git's configuration there"
                    if writes
                    else "this container can read the deploy key"
                )
                fix = "set readOnly: true" if writes else "remove the mount"
                at = (*path, "volumeMounts", number)
                yield self.report.warning("mount", at, message, fix)


def _read_flags(args: list[Any]) -> Iterator[tuple[str, str | None]]:
    """Yield what the flags of git-sync set, as variables: `--flag=value`, `--flag value`."""
    pending = ""
    for item in args:
        text = str(item)
        if text.startswith("-"):
            if pending:
                yield flag_variable(pending), "true"
            flag, equals, value = text.partition("=")
            pending = "" if equals else flag
            if equals:
                yield flag_variable(flag), value
        elif pending:
            yield flag_variable(pending), text
            pending = ""
        else:
            yield "GITSYNC_ARGUMENT", text  # git-sync takes flags only
    if pending:
        yield flag_variable(pending), "true"
