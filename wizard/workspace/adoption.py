"""Makes hand edits of the Helm values answers: those of the questions that own them, or `values:`.

Which question owns a value is found by trying: its answer is set to the person's value, and the
rendering must then have that value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.answers.files import dump_value, validate_answers
from wizard.answers.questions import FieldSpec, field_specs
from wizard.errors import UsageError, WizardError
from wizard.formats.nested import get_value, put_value
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.plan.merge.sides import MISSING, format_key, is_same
from wizard.plan.merge_base import base_folder, read_base
from wizard.plan.render import render
from wizard.secrets.scan import withhold_secrets

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.workspace.workspace import Workspace

_VALUES = "values"
# Questions whose answers are single values of the chart.
_KINDS = frozenset({"text", "int", "bool", "choice", "list", "mapping"})


@dataclass(frozen=True, slots=True)
class Adoption:
    """The answers with hand edits in them, and the answer that each one became."""

    data: dict[str, Any]
    keys: Mapping[str, str]


def adopt_edits(
    workspace: Workspace, data: Mapping[str, Any], existing: str, keys: Sequence[str]
) -> Adoption:
    """Return the raw answers with the hand edits of these values, by their keys in the file.

    A key in a list adopts the whole list. Raises UsageError for a key without a hand edit.
    """
    if not existing:
        raise UsageError("--adopt is for an installation that is committed")
    base, mine = _read_values(workspace, existing)
    committed = workspace.committed_answers(existing) or {}
    found: dict[str, str] = {}
    result = dict(data)
    for key in keys:
        path = _find_path({**base, **mine}, key.partition("[")[0])
        before, edited = get_value(base, path, MISSING), get_value(mine, path, MISSING)
        if not path or is_same(before, edited):
            raise UsageError(
                f"--adopt {withhold_secrets(key)}: the values file has no hand edit of this key",
                "`airflow-wizard plan` shows the keys that conflict",
            )
        if edited is MISSING:
            raise UsageError(
                f"--adopt {withhold_secrets(key)}: the key was deleted by hand, and no answer can "
                "say that",
                "take what the answers give with `--on-conflict new`, or keep it deleted with "
                "`--on-conflict mine`",
            )
        versions = (committed, result)
        item = _find_question(workspace, versions, existing, path, before, edited)
        target = item.path if item else (_VALUES, *path)
        result = put_value(result, target, edited)
        found[key] = item.key if item else f"{_VALUES}.{format_key(path)}"
    return Adoption(result, found)


def _read_values(workspace: Workspace, existing: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values that the wizard wrote last, and those in the repository."""
    repository = workspace.repository
    base = read_base(existing, repository.read_under(base_folder(existing)))
    path, written = base.files.get(_VALUES, ("", b""))
    committed = repository.read(path) if path else None
    found = []
    for data in (written, committed or b""):
        documents, findings = parse_yaml(path, data)
        broken = len(documents) != 1 or any(one.is_error for one in findings)
        if broken or not isinstance(documents[0], dict):
            raise UsageError(
                f"{path or 'the values file'} cannot be read, so no edit of it can be adopted",
                "`airflow-wizard check` says why",
            )
        found.append(documents[0])
    return found[0], found[1]


def _find_path(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the path of a dotted key in data whose keys may have dots, too; () if it has none."""
    for name, below in data.items():
        if key in (name, f'"{name}"'):
            return (name,)
        for start in (f"{name}.", f'"{name}".'):
            if key.startswith(start) and isinstance(below, Mapping):
                rest = _find_path(below, key.removeprefix(start))
                if rest:
                    return (name, *rest)
    return ()


def _find_question(
    workspace: Workspace,
    versions: tuple[Mapping[str, Any], Mapping[str, Any]],
    existing: str,
    path: tuple[str, ...],
    before: object,
    edited: object,
) -> FieldSpec | None:
    """Return the question whose answer gives this value, and changes the fewest others.

    `versions` are the committed and the current raw answers; in one of them, its answer is the
    value that the wizard wrote, `before`, or would write now.
    """
    data = versions[1]
    answers = validate_answers(data).answers
    if answers is None or before is MISSING:
        return None
    start = _render_values(workspace, answers, existing)
    best: tuple[int, FieldSpec] | None = None
    known = {str(before), str(get_value(start, path, MISSING))}
    for item in _list_candidates(answers, versions, known):
        tried = validate_answers(put_value(data, item.path, edited))
        if tried.problems or tried.answers is None:
            continue
        try:
            values = _render_values(workspace, tried.answers, existing)
        except WizardError:
            continue
        if not is_same(get_value(values, path, MISSING), edited):
            continue
        others = sum(not is_same(values.get(key), start.get(key)) for key in {*values, *start})
        if best is None or others < best[0]:
            best = others, item
    return best[1] if best else None


def _list_candidates(
    answers: Answers, versions: tuple[Mapping[str, Any], ...], known: set[str]
) -> Iterator[FieldSpec]:
    """Yield the questions whose answer is or was one of these texts."""
    for item in field_specs(type(answers)):
        if item.kind in _KINDS and item.section != _VALUES and item.applies(answers):
            default = dump_value(item.default)
            if known & {str(get_value(data, item.path, default)) for data in versions}:
                yield item


def _render_values(workspace: Workspace, answers: Answers, existing: str) -> dict[str, Any]:
    answers, assets = workspace.with_assets(answers, existing, None)
    rendering = render(answers, assets)
    documents, _ = parse_yaml("", rendering.tree[rendering.release.paths.values].data)
    return documents[0] if documents and isinstance(documents[0], dict) else {}
