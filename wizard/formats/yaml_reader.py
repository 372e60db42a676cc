"""Reading YAML that people wrote: bounded, without duplicate keys, anchors or tags.

Errors name the file, line and column and never quote the text: it may hold a secret.
"""

from __future__ import annotations

from typing import Any

from wizard.errors import AnswersError
from wizard.formats import yaml_fast_reader

MAX_BYTES = 1_000_000
_MAX_DEPTH = 30
_TAGS = frozenset({"null", "bool", "int", "float", "str", "map", "seq"})
_TIMESTAMP, _TEXT = "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:str"


def read_mapping(text: str, name: str) -> dict[str, Any]:
    """The mapping a YAML text holds; empty text is an empty mapping.

    `name` is the file as the operator knows it. Raises AnswersError for text that is too large,
    no YAML, no mapping, nested too deeply, or holds duplicate keys, anchors, aliases or tags.
    """
    data = read_yaml(text, name)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise AnswersError(f"{name}: the file must be a mapping of keys to values")
    return data


def read_yaml(text: str, name: str) -> Any:
    """Like `read_mapping` for any YAML value."""
    if len(text) > MAX_BYTES:
        raise AnswersError(f"{name}: the file is larger than {MAX_BYTES} bytes")
    try:
        # Most files read here are the wizard's own.
        data = yaml_fast_reader.load_own_yaml(text)
    except yaml_fast_reader.ForeignYamlError:
        data = _read_any(text, name)
    _check_keys(data, name)
    return data


def _read_any(text: str, name: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="safe", pure=True)
    try:
        # Composed first and constructed only once nothing in it can surprise: aliases are still
        # one node each here, so nothing has grown yet.
        node = yaml.compose(text)
        if node is None:
            return None
        _refuse_unsafe_nodes(node, name)
        return yaml.constructor.construct_document(node)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise AnswersError(f"{name}{where}: {_describe_yaml_error(error)}") from None
    except (YAMLError, ValueError, RecursionError, OverflowError, KeyError, TypeError):
        raise AnswersError(f"{name}: the file is no YAML that can be read") from None


def _describe_yaml_error(error: Exception) -> str:
    if type(error).__name__ == "DuplicateKeyError":
        return "a key stands twice"
    if type(error).__name__ == "ComposerError" and "single document" in str(error):
        return "the file must hold one YAML document"
    return "this is no YAML that can be read"


def _refuse_unsafe_nodes(root: Any, name: str) -> None:
    """Anchors could grow without bound, and tags could make objects."""
    todo = [(root, 1)]
    while todo:
        node, depth = todo.pop()
        line = node.start_mark.line + 1
        if node.anchor:
            raise AnswersError(
                f"{name}, line {line}: anchors and aliases are not read; write the value out"
            )
        if str(node.tag) == _TIMESTAMP:
            # YAML 1.2 has no dates; what looks like one is the text it is written as.
            node.ctag = type(node.ctag)(suffix=_TEXT)
        if str(node.tag).rpartition(":")[2] not in _TAGS:
            raise AnswersError(f"{name}, line {line}: tags are not read; write plain values")
        if depth > _MAX_DEPTH:
            raise AnswersError(f"{name}, line {line}: nested deeper than {_MAX_DEPTH} levels")
        if node.id == "mapping":
            todo += [(part, depth + 1) for pair in node.value for part in pair]
        elif node.id == "sequence":
            todo += [(part, depth + 1) for part in node.value]


def _check_keys(data: Any, name: str) -> None:
    if isinstance(data, dict):
        for key, value in data.items():
            if not isinstance(key, str):
                raise AnswersError(f"{name}: a key is no text; quote it")
            _check_keys(value, name)
    elif isinstance(data, list):
        for item in data:
            _check_keys(item, name)
