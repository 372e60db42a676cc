"""Refuses hand edits of guarded values: these would break trust or links to the Secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard.deliveries.argocd.manifests import CREDENTIAL_PREFIX
from wizard.errors import AnswersError, Problem
from wizard.git.changes import Conflict, FileChange
from wizard.plan.overrides import check_overrides

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.render import Rendering

_BREAKS = {
    "knownHosts": "git-sync would trust a host key nobody verified, or none at all",
    "useHelmHooks": "the migration would wait for pods that wait for it",
    "applyCustomEnv": "the Job would get variables it must not have",
    "secret": "Airflow would read a different Secret than the one that is created",
    "vault": "the store could read more or less than its payload",
    "credential": "Argo CD's credential would not come from the place that the answers name",
    "manifest": "the Secrets would not come from the place that the answers name",
}
# Switches and names that decide which hosts exist; the Secrets contain their addresses.
_HOSTS = frozenset(
    (
        "postgresql.enabled",
        "pgbouncer.enabled",
        "redis.enabled",
        "fullnameOverride",
        "nameOverride",
        "useStandardNaming",
    )
)
_SECRET_NAMES = ("SecretName", "sshKeySecret", "credentialsSecret", "existingSecret")


def find_guarded_edits(
    kept: Sequence[FileChange], base: Mapping[str, bytes], rendering: Rendering
) -> list[Conflict]:
    """Return conflicts for hand edits of guarded values in the rendered files.

    `kept` are the files with their edits; `base` is the last rendering, by path.
    """
    found = []
    for change in kept:
        file = rendering.tree.get(change.path)
        if file is None or change.new is None or change.new == file.data:
            continue
        rendered = base.get(change.path, file.data)
        found += [_conflict(change.path, *item) for item in _find_edits(change, rendered)]
    return found


def refuse_guarded_values(
    answers: Answers, rendering: Rendering, assets: Mapping[str, str]
) -> list[str]:
    """Raise AnswersError if `values:` of the answers sets or removes a guarded value.

    Guarded values are links to Secrets, host keys, and settings that a question owns (see
    `wizard.plan.overrides`). Returns warnings about other values that `values:` overrides.
    """
    if not answers.values:
        return []
    from wizard.plan.render import render

    ours = render(answers.model_copy(update={"values": {}}), assets)
    mine, wanted = _values_leaves(rendering), _values_leaves(ours)
    changed = [path for path in sorted({*mine, *wanted}) if mine.get(path) != wanted.get(path)]
    problems = [
        Problem(f"values.{path}", f"remove it: {_break_reason(path)}")
        for path in changed
        if path not in _HOSTS
    ]
    named = {problem.key for problem in problems}
    contradictions, warnings = check_overrides(ours, answers.values)
    problems += [problem for problem in contradictions if problem.key not in named]
    if problems:
        raise AnswersError(
            "`values` may not change guarded settings",
            problems,
            "these follow from other answers: `airflow-wizard explain` lists them",
        )
    return warnings


def _values_leaves(rendering: Rendering) -> dict[str, Any]:
    return _guarded_leaves(rendering.tree[rendering.release.paths.values].data)


def _find_edits(change: FileChange, rendered: bytes) -> Iterator[tuple[str, str]]:
    if change.logical.startswith("vault/"):
        yield "", _BREAKS["vault"]
    elif change.logical.startswith("secrets/"):
        yield "", _BREAKS["manifest"]
    elif change.logical.startswith(CREDENTIAL_PREFIX):
        yield "", _BREAKS["credential"]
    elif change.logical == "values" and change.new is not None:
        mine, ours = _guarded_leaves(change.new), _guarded_leaves(rendered)
        for path in sorted({*mine, *ours}):
            if mine.get(path) != ours.get(path):
                yield path, _break_reason(path)


def _break_reason(path: str) -> str:
    name = path.rpartition(".")[2]
    if path in _HOSTS:
        return "the Secrets would contain addresses of hosts that do not exist or are not used"
    return _BREAKS.get(name, _BREAKS["secret"])


def _guarded_leaves(data: bytes) -> dict[str, Any]:
    """Return the guarded values of a values file, by dotted path."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        values = YAML(typ="safe", pure=True).load(data.decode("utf-8"))
    except (YAMLError, UnicodeDecodeError, ValueError):
        # The checks report an unreadable values file. Its guarded values count as removed.
        return {}
    return dict(_walk(values, ""))


def _walk(value: object, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _walk(below, f"{path}.{key}" if path else str(key))
        return
    name = path.rpartition(".")[2]
    if name in _BREAKS or path in _HOSTS or name.endswith(_SECRET_NAMES):
        yield path, value


def _conflict(path: str, leaf: str, breaks: str) -> Conflict:
    subject = f"{leaf} was" if leaf else "was"
    return Conflict(
        path,
        f"{subject} edited by hand, and this edit cannot be kept: {breaks}",
        "undo the edit, commit that, and change the answer instead (`airflow-wizard set`)",
    )
