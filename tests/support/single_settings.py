"""What a change of one answer touches, as rows that a person can read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.support.rendered import assets
from tests.support.scenarios import SCENARIOS
from wizard.answers.files import validate_answers
from wizard.answers.model import Answers
from wizard.answers.questions import FieldSpec, field_specs
from wizard.formats.nested import get_value, put_value
from wizard.git.changes import ChangeKind, FileChange
from wizard.plan.consequences import Installed, derive_consequences
from wizard.plan.render import render

# Other values of questions that have no usable default.
_OTHERS: Mapping[str, Any] = {
    "access.annotations": {
        "service.beta.kubernetes.io/aws-load-balancer-ssl-cert": "arn:aws:acm:eu:1:certificate/2"
    },
    "access.oauth.client_id": "another-client",
    "access.oauth.roles": {"airflow-operators": "Op"},
    "access.oauth.tenant": "99999999-2222-3333-4444-555555555555",
    "access.sources": ["198.51.100.0/24"],
    "dags.credentials.username": "another-reader",
    "delivery.argocd.username": "another-reader",
    "delivery.argocd.vault.auth_mount": "kubernetes-argocd-2",
    "installation.image.tag": "3.2.2-r9",
    "logs.blob.account": "otherlogs",
    "logs.url": "s3://other-airflow-logs/prod",
    "logs.user": "another-writer",
    "secrets.aws.region": "eu-west-1",
    "secrets.aws.role_arn": "arn:aws:iam::123456789012:role/other-secrets",
    "secrets.azure.client_id": "99999999-2222-3333-4444-555555555555",
    "secrets.azure.tenant_id": "99999999-2222-3333-4444-555555555555",
    "secrets.azure.vault_url": "https://kv-other.vault.azure.net",
    "secrets.backend.vault_url": "https://kv-other.vault.azure.net",
}
_KEYS, _WIDTH = 8, 60
_MISSING = object()


def describe_settings(section: str) -> str:
    """Return a paragraph for each question of a section.

    The question goes from its default to the value that the first scenario with it has, or to
    another value if the default alone is refused; that refusal is in the row, too. A row lists the
    files that are added (+), deleted (-) and changed (~), the keys in them, and the consequences.
    """
    return "\n".join(
        _describe(item) for item in field_specs() if item.key.partition(".")[0] == section
    )


def _describe(item: FieldSpec) -> str:
    refusal, unset = "", ""
    for name, scenario in SCENARIOS.items():
        after = _validate(scenario.data)
        value = get_value(scenario.data, item.path, _MISSING)
        if not item.applies(after):
            continue
        if value is _MISSING:
            unset = unset or name
            continue
        found = validate_answers(_without(scenario.data, item.path))
        if found.answers is not None and not found.problems:
            return _compare(item, name, found.answers, after)
        refusal = refusal or f"  by itself refused: {found.problems[0]}\n"
        other = _OTHERS.get(item.key, _rename(value))
        found = validate_answers(put_value(scenario.data, item.path, other))
        if other != value and found.answers is not None and not found.problems:
            return _compare(item, name, after, found.answers) + refusal
    if refusal:
        return f"{item.key}\n{refusal}"
    # A text that every scenario leaves at its default.
    data = SCENARIOS[unset].data
    found = validate_answers(put_value(data, item.path, f"{item.default}-2"))
    if found.answers is None or found.problems:
        return f"{item.key}\n  another value is refused: {found.problems[0]}\n"
    return _compare(item, unset, _validate(data), found.answers)


def _rename(value: object) -> object:
    return value.replace("example", "other") if isinstance(value, str) else value


def _validate(data: Mapping[str, Any]) -> Answers:
    found = validate_answers(data).answers
    assert found is not None
    return found


def _without(data: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    rest = dict(data)
    if len(path) == 1:
        rest.pop(path[0], None)
        return rest
    below = _without(rest[path[0]], path[1:])
    return {**rest, path[0]: below} if below else {k: v for k, v in rest.items() if k != path[0]}


def _compare(item: FieldSpec, name: str, before: Answers, after: Answers) -> str:
    old, new = (Installed(one, render(one, assets(one))) for one in (before, after))
    trees = [
        {file.path: file for file in one.rendering.tree.values() if not file.beside}
        for one in (old, new)
    ]
    values = [_show(get_value(one, item.path)) for one in (before, after)]
    lines = [f"{item.key}: {values[0]} -> {values[1]}  ({name})"]
    changes = []
    same: dict[str, list[str]] = {}
    for path in sorted({*trees[0], *trees[1]}):
        was, now = (tree.get(path) for tree in trees)
        texts = [file.data if file else None for file in (was, now)]
        logical = (now or was).logical  # type: ignore[union-attr]
        kind: ChangeKind = "add" if was is None else "delete" if now is None else "modify"
        kind = "same" if texts[0] == texts[1] else kind
        changes.append(FileChange(path, logical, kind, texts[0], texts[1]))
        if kind == "same":
            continue
        if was is None or now is None:
            lines.append(f"  {'+' if now else '-'} {path}")
        elif logical != "answers":
            same.setdefault(_compare_texts(path, was.text, now.text), []).append(path)
    for text, paths in same.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        lines.append(f"  ~ {paths[0]}{more}: {text}")
    for one in derive_consequences(old, new, changes):
        lines.append(f"  ! {one.grade} ({one.name})")
    return "\n".join([*lines, ""])


def _compare_texts(path: str, old: str, new: str) -> str:
    """Return the keys whose values differ, and those below which the common keys moved."""
    if not path.endswith((".yaml", ".yml")):
        before, after = old.splitlines(), new.splitlines()
        return f"+{len(_minus(after, before))} -{len(_minus(before, after))} lines"
    trees = [yaml.safe_load(text) for text in (old, new)]
    found = list(dict.fromkeys(_find_keys((), *trees)))
    more = f", and {len(found) - _KEYS} more" if len(found) > _KEYS else ""
    return ", ".join(found[:_KEYS]) + more if found else "comments"


def _find_keys(path: tuple[str, ...], old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        kept = [[key for key in one if key in old and key in new] for one in (old, new)]
        if kept[0] != kept[1]:
            yield f"{'.'.join(path) or 'top level'} (keys moved)"
        for key in {**old, **new}:
            here = (*path, str(key))
            yield from _find_keys(here, old.get(key, _MISSING), new.get(key, _MISSING))
    elif old is _MISSING and isinstance(new, dict) and new:
        yield from (key for name in new for key in _find_keys((*path, str(name)), old, new[name]))
    elif new is _MISSING and isinstance(old, dict) and old:
        yield from (key for name in old for key in _find_keys((*path, str(name)), old[name], new))
    elif old != new or type(old) is not type(new):
        sign = "+" if old is _MISSING else "-" if new is _MISSING else ""
        yield sign + ".".join(path)


def _minus(some: list[str], others: list[str]) -> list[str]:
    rest = list(others)
    found = []
    for line in some:
        if line in rest:
            rest.remove(line)
        else:
            found.append(line)
    return found


def _show(value: object) -> str:
    dumped = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
    text = json.dumps(dumped, default=str, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}..."
