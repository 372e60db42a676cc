"""Reads YAML that users wrote: limited size, no duplicate keys, anchors or tags.

Errors name the file, line and column, and never quote the text, because it may contain a secret.
"""

from __future__ import annotations

from typing import Any

from wizard.errors import AnswersError
from wizard.formats import yaml_fast_reader
from wizard.formats.git_markers import RESOLVE, UNRESOLVED, find_git_marker

MAX_BYTES = 1_000_000
MAX_DEPTH = 30
# Go and JSON have no larger numbers, and Python refuses to print very large ones.
_MAX_BITS = 64
_TAGS = frozenset({"null", "bool", "int", "float", "str", "map", "seq"})
_TIMESTAMP, _TEXT = "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:str"


def read_mapping(text: str, name: str) -> dict[str, Any]:
    """Return the mapping in a YAML text; empty text is an empty mapping.

    `name` is the file name for messages. Raises AnswersError for text that is too large, not YAML,
    not a mapping, nested too deeply, or has duplicate keys, anchors, aliases or tags.
    """
    data = read_yaml(text, name)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise AnswersError(f"{name}: the file must be a mapping of keys to values")
    return data


def read_yaml(text: str, name: str) -> Any:
    """Return any YAML value; otherwise like `read_mapping`."""
    if len(text) > MAX_BYTES:
        raise AnswersError(
            f"{name}: the file is larger than {MAX_BYTES} bytes: it has {len(text)} characters"
        )
    try:
        # Most files read here were written by the wizard.
        data = yaml_fast_reader.load_own_yaml(text)
    except yaml_fast_reader.ForeignYamlError:
        data = _read_any(text, name)
    _check_content(data, name)
    return data


def _read_any(text: str, name: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.composer import Composer
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    class ShallowComposer(Composer):
        """Stops at the first node that is nested too deeply: ruamel's time grows with the depth."""

        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise _too_deep(name, self.parser.peek_event().start_mark.line + 1)
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = ShallowComposer
    try:
        # Compose the nodes first, and construct data only after the check. An alias is still a
        # reference to its node here, so nothing has been expanded yet.
        node = yaml.compose(text)
        if node is None:
            return None
        _refuse_unsafe_nodes(node, name)
        return yaml.constructor.construct_document(node)
    except MarkedYAMLError as error:
        if marker := find_git_marker(text.encode("utf-8", "replace")):
            raise AnswersError(f"{name}, line {marker}: {UNRESOLVED}", hint=RESOLVE) from None
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise AnswersError(f"{name}{where}: {_describe_yaml_error(error)}") from None
    except (YAMLError, ValueError, RecursionError, OverflowError, KeyError, TypeError):
        raise AnswersError(f"{name}: the file is not readable YAML") from None


def _too_deep(name: str, line: int) -> AnswersError:
    return AnswersError(f"{name}, line {line}: nested deeper than {MAX_DEPTH} levels")


def _describe_yaml_error(error: Exception) -> str:
    if type(error).__name__ == "DuplicateKeyError":
        return "a key occurs twice"
    if type(error).__name__ == "ComposerError" and "single document" in str(error):
        return "the file must contain one YAML document"
    return "not readable YAML"


def _refuse_unsafe_nodes(root: Any, name: str) -> None:
    """Refuse anchors, which could expand without limit, and tags, which could create objects."""
    todo = [root]
    while todo:
        node = todo.pop()
        line = node.start_mark.line + 1
        if node.anchor:
            raise AnswersError(
                f"{name}, line {line}: anchors and aliases are not supported; repeat the value"
            )
        if str(node.tag) == _TIMESTAMP:
            # YAML 1.2 has no dates, so a date stays text.
            node.ctag = type(node.ctag)(suffix=_TEXT)
        if str(node.tag).rpartition(":")[2] not in _TAGS:
            raise AnswersError(f"{name}, line {line}: tags are not supported; write plain values")
        if node.id == "mapping":
            todo += [part for pair in node.value for part in pair]
        elif node.id == "sequence":
            todo += node.value


def _check_content(data: Any, name: str) -> None:
    if isinstance(data, dict):
        for key, value in data.items():
            if not isinstance(key, str):
                raise AnswersError(f"{name}: a key is not text; quote it")
            _check_content(key, name)
            _check_content(value, name)
    elif isinstance(data, list):
        for item in data:
            _check_content(item, name)
    elif isinstance(data, str):
        try:
            data.encode()
        except UnicodeEncodeError:  # an escape such as `\ud800`, which no file can hold
            message = f"{name}: a text contains half of a character; correct its escape"
            raise AnswersError(message) from None
    elif isinstance(data, int) and data.bit_length() > _MAX_BITS:
        raise AnswersError(f"{name}: a whole number has more than {_MAX_BITS} bits; quote it")
