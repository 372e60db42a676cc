"""Reading YAML that people wrote: bounded, without duplicate keys, anchors or tags.

Errors name the file, line and column and never quote the text: it may hold a secret.
"""

from __future__ import annotations

from typing import Any

from wizard.errors import AnswersError

_MAX_BYTES = 1_000_000
_MAX_DEPTH = 30


def read_mapping(text: str, name: str) -> dict[str, Any]:
    """The mapping a YAML text holds; empty text is an empty mapping.

    `name` is the file as the operator knows it. Raises AnswersError for text that is too large,
    no YAML, no mapping, nested too deeply, or holds duplicate keys, anchors, aliases or tags.
    """
    data = read(text, name)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise AnswersError(f"{name}: the file must be a mapping of keys to values")
    return data


def read(text: str, name: str) -> Any:
    """Like `read_mapping` for any YAML value."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if len(text) > _MAX_BYTES:
        raise AnswersError(f"{name}: the file is larger than {_MAX_BYTES} bytes")
    yaml = YAML(typ="safe", pure=True)
    yaml.version = "1.2"
    try:
        _refuse_tricks(yaml, text, name)
        data = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = "a key stands twice" if type(error).__name__ == "DuplicateKeyError" else "no YAML"
        raise AnswersError(f"{name}{where}: {what}") from None
    except (YAMLError, ValueError, RecursionError, OverflowError, KeyError, TypeError):
        raise AnswersError(f"{name}: the file is no YAML that can be read") from None
    _check_keys(data, name)
    return data


def _refuse_tricks(yaml: Any, text: str, name: str) -> None:
    """Anchors could grow without bound, and tags could make objects."""
    depth = 0
    from ruamel.yaml.events import AliasEvent, DocumentStartEvent, NodeEvent

    documents = 0
    for event in yaml.parse(text):
        documents += isinstance(event, DocumentStartEvent)
        starts = type(event).__name__ in {"MappingStartEvent", "SequenceStartEvent"}
        ends = type(event).__name__ in {"MappingEndEvent", "SequenceEndEvent"}
        depth += starts - ends
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise AnswersError(
                f"{name}, line {line}: anchors and aliases are not read; write the value out"
            )
        if getattr(event, "tag", None) and not getattr(event, "implicit", True):
            raise AnswersError(f"{name}, line {line}: tags are not read; write plain values")
        if depth > _MAX_DEPTH:
            raise AnswersError(f"{name}, line {line}: nested deeper than {_MAX_DEPTH} levels")
    if documents > 1:
        raise AnswersError(f"{name}: the file must hold one YAML document")


def _check_keys(data: Any, name: str) -> None:
    if isinstance(data, dict):
        for key, value in data.items():
            if not isinstance(key, str):
                raise AnswersError(f"{name}: a key is no text; quote it")
            _check_keys(value, name)
    elif isinstance(data, list):
        for item in data:
            _check_keys(item, name)
