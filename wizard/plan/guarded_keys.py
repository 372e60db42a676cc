"""Refuses hand edits of guarded content: these would break trust or links to the Secrets."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wizard.chart.guarded import (
    HOST_VALUES,
    SOURCE_VALUES,
    explain_guarded_value,
    find_guarded_values,
)
from wizard.deliveries.registry import delivery_kind
from wizard.errors import AnswersError, Problem
from wizard.findings import Finding
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.git.changes import Conflict, FileChange
from wizard.manifests.kustomize import kustomize, list_objects
from wizard.manifests.objects import MANIFESTS
from wizard.manifests.transformations import TRANSFORMATION_KEYS, Manifest, is_owned_key
from wizard.plan.overrides import check_overrides
from wizard.secrets.scan import withhold_secrets

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.render import Rendering

_VAULT = "the store could read more or less than its payload"
_MANIFEST = "the Secrets would not come from the place that the answers name"
_UNREADABLE = "programs cannot read the file, or read it differently"
_YAML = (".yaml", ".yml", ".json")
_UNLISTED = "kustomize would leave it out, so the Secrets would be missing"
Read = Callable[[str], bytes | None]


def find_guarded_edits(
    kept: Sequence[FileChange],
    base: Mapping[str, bytes],
    rendering: Rendering,
    read: Read = lambda _path: None,
) -> list[Conflict]:
    """Return conflicts for hand edits of guarded content in the rendered files.

    `kept` are the files with their edits. They are compared with the rendering, or with `base` by
    path: the last rendering of files that are not merged with the new one. `read` returns the other
    files of the repository, which a kustomization may name.
    """
    found = []
    edits = _Edits(kept, rendering, read)
    for change in kept:
        file = rendering.tree.get(change.path)
        if file is None or change.new is None or change.new == file.data:
            continue
        rendered = base.get(change.path, file.data)
        if fault := _find_fault(change.path, change.new):
            found.append(_unreadable(fault))
            continue
        found += [
            _conflict(change.path, *item)
            for item in edits.find(change.logical, change.path, change.new, rendered)
        ]
    return found


def find_guarded_differences(
    files: Mapping[str, bytes], rendering: Rendering, read: Read
) -> Iterator[tuple[str, str, str]]:
    """Yield path, place and consequence where guarded content is not what the answers give.

    The merge base plays no part: whoever edits a file can edit its copy there, too. `files` are
    the committed files by path. Spelling and comments do not count.
    """
    changes = [
        FileChange(path, file.logical, "same", data, data)
        for path, file in rendering.tree.items()
        if (data := files.get(path)) is not None and not _is_same(data, file.data)
    ]
    edits = _Edits(changes, rendering, read)
    for change in changes:
        rendered, data = rendering.tree[change.path].data, files[change.path]
        for where, breaks in edits.find(change.logical, change.path, data, rendered):
            yield change.path, where, breaks


def _is_same(mine: bytes, ours: bytes) -> bool:
    if mine == ours:
        return True
    found = _read_documents(mine)
    return bool(found) and found == _read_documents(ours)


def _read_documents(data: bytes) -> list[Any]:
    """Return the documents of a file; none if a reader may see others, as with a key twice."""
    documents, findings = parse_yaml("", data)
    return [] if any(finding.is_error for finding in findings) else documents


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
        Problem(f"values.{withhold_secrets(path)}", f"remove it: {explain_guarded_value(path)}")
        for path in changed
        if path not in HOST_VALUES | SOURCE_VALUES
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


class _Edits:
    """Judges the edited files of one rendering, each with the others as they are now."""

    def __init__(self, kept: Sequence[FileChange], rendering: Rendering, read: Read) -> None:
        self.rendering = rendering
        self.files = {change.path: change.new for change in kept}
        self.below = read
        self.guard = delivery_kind(rendering.release.delivery).find_edits

    def find(
        self, logical: str, path: str, data: bytes, rendered: bytes
    ) -> Iterator[tuple[str, str]]:
        """Yield place and consequence of every edit of guarded content in one file."""
        if _find_fault(path, data):
            yield "", _UNREADABLE
        elif logical.startswith("vault/"):
            if not _is_same_text(data, rendered, path):
                yield "", _VAULT
        elif logical.startswith(MANIFESTS):
            yield from _find_manifest_edits(data, rendered)
        elif logical == "values":
            mine, ours = _guarded_leaves(data), _guarded_leaves(rendered)
            for leaf in sorted({*mine, *ours}):
                if mine.get(leaf) != ours.get(leaf):
                    yield leaf, explain_guarded_value(leaf)
        elif logical == "kustomization":
            yield from self._kustomization(path)
        else:
            values = self.read(self.rendering.release.paths.values)
            yield from self.guard(logical, data, rendered, values=values, objects=self._manifests)

    def read(self, path: str) -> bytes | None:
        """Return a file as it is after the change; rendered files may be edited or unchanged."""
        if path in self.files:
            return self.files[path]
        file = self.rendering.tree.get(path)
        return self.below(path) if file is None else file.data

    @cached_property
    def _manifests(self) -> list[Manifest]:
        return [
            one
            for file in self.rendering.tree.values()
            if file.logical.startswith(MANIFESTS)
            for one in list_objects(file.path, file.data)
        ]

    def _kustomization(self, path: str) -> Iterator[tuple[str, str]]:
        guarded = frozenset(one.path for one in self._manifests)
        found = kustomize(path, self.read, guarded)
        for file, where, message in found.faults:
            yield (where if file == path else f"{where} in {file}".strip()), message
        folder = posixpath.dirname(path)
        for missing in sorted(guarded - found.paths):
            yield f"resources ({posixpath.relpath(missing, folder)})", _UNLISTED


def _find_fault(path: str, data: bytes) -> Finding | None:
    """Return the first fault of a YAML or JSON file, because of which it cannot be judged."""
    if not path.endswith(_YAML):
        return None
    _, findings = parse_yaml(path, data)
    return next((one for one in findings if one.is_error), None)


def _is_same_text(mine: bytes, ours: bytes, path: str) -> bool:
    """Return whether a policy or role differs only in comment lines, or in the spelling of JSON."""
    if path.endswith(".json"):
        return _is_same(mine, ours)
    return _code_lines(mine) == _code_lines(ours)


def _code_lines(data: bytes) -> list[bytes]:
    return [
        line.rstrip() for line in data.splitlines() if line.strip()[:1] != b"#" and line.strip()
    ]


def _find_manifest_edits(data: bytes, rendered: bytes) -> Iterator[tuple[str, str]]:
    """Yield the edits of one object, except comments and labels and annotations of others."""
    mine, ours = _read_documents(data), _read_documents(rendered)
    if len(mine) != 1 or len(ours) != 1 or not isinstance(mine[0], dict):
        yield "", _MANIFEST
        return
    found = dict(mine[0])
    wanted = ours[0]
    if isinstance(found.get("metadata"), dict):
        found["metadata"] = _without_additions(found["metadata"], wanted["metadata"])
    for key in sorted({*found, *wanted}, key=str):
        if found.get(key) != wanted.get(key):
            yield str(key), _MANIFEST


def _without_additions(mine: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata without the labels and annotations that no program obeys."""
    found = dict(mine)
    for part in ("labels", "annotations"):
        names, known = mine.get(part), ours.get(part, {})
        if isinstance(names, dict):
            kept = {k: v for k, v in names.items() if k in known or is_owned_key(str(k))}
            kept |= {k: v for k, v in names.items() if not isinstance(v, str)}
            found[part] = kept
            if not kept and part not in ours:
                del found[part]
    return found


def _guarded_leaves(data: bytes) -> dict[str, Any]:
    """Return the guarded values of a values file, by dotted path."""
    # The checks report an unreadable values file. Its guarded values count as removed.
    documents = _read_documents(data)
    return dict(find_guarded_values(documents[0])) if len(documents) == 1 else {}


def _unreadable(fault: Finding) -> Conflict:
    where = withhold_secrets(fault.where, TRANSFORMATION_KEYS)
    place = f"{where}: " if where else ""
    return Conflict(
        fault.path,
        f"was edited by hand, and cannot be read: {place}{fault.message}",
        f"{fault.fix}, and plan again",
        where,
    )


def _conflict(path: str, leaf: str, breaks: str) -> Conflict:
    key = withhold_secrets(leaf, TRANSFORMATION_KEYS)
    subject = f"{key} was" if key else "was"
    return Conflict(
        path,
        f"{subject} edited by hand, and this edit cannot be kept: {breaks}",
        "undo the edit, commit that, and change the answer instead (`airflow-wizard set`)",
        key,
    )
