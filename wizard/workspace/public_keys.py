"""Writes the public parts of deploy keys into an answers file, without any other change.

People edit this file, so it is not generated again: comments and layout stay. The key is inserted
into the text, and the result is parsed and compared before it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import WizardError
from wizard.formats.input_files import read_input_file
from wizard.formats.yaml_reader import MAX_BYTES
from wizard.workspace.deploy_keys import QUESTIONS

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.workspace.workspace import Workspace

_QUESTIONS = tuple(question for question, _ in QUESTIONS.values())
_PUBLIC_KEY_LINE = re.compile(rb"public: *[\"']?(ssh-|ecdsa-)")


Place = tuple[str | int, ...]


def _resolve(data: Mapping[str, Any], name: str) -> Place:
    """Return the path of a dotted name, in which an item of a list has the name of the item."""
    path: list[str | int] = []
    node: Any = data
    for part in name.split("."):
        at: str | int = part
        if isinstance(node, list):
            names = [one.get("name") if isinstance(one, Mapping) else None for one in node]
            at = names.index(part) if part in names else part
        path.append(at)
        node = _get(node, (at,))
    return tuple(path)


def _get(data: Any, path: Place) -> Any:
    for part in path:
        if isinstance(part, int):
            data = data[part] if isinstance(data, list) and part < len(data) else None
        else:
            data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _put(data: Any, path: Place, value: object) -> Any:
    """Return a copy with the value at the path; the items of lists exist."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    below = _put(_get(data, (head,)), rest, value)
    if isinstance(head, int):
        return [below if number == head else one for number, one in enumerate(data)]
    return {**(data if isinstance(data, Mapping) else {}), head: below}


def set_public_key(text: str, name: str, public: str, question: str = "dags.key") -> str:
    """Return the answers file's text with this question's `public` set; unchanged if it is set.

    `question` is a dotted key; an item of a list has its name there. Raises AnswersError for a text
    that is not an answers file, and WizardError if the place for the key is not found; the hint
    says what to write by hand.
    """
    from wizard.answers.files import parse_answers

    before = parse_answers(text, name)
    path = _resolve(before, question)
    key = _get(before, path)
    if isinstance(key, Mapping) and key.get("public") == public:
        return text
    key = {"generate": True} if key is None else key
    fits = isinstance(key, Mapping)
    wanted = _put(before, path, {**key, "public": public}) if fits else {}
    after = _splice_public_key(text, path, public) if fits else None
    try:
        sound = after is not None and parse_answers(after, name) == wanted
    except WizardError:
        sound = False
    if after is None or not sound:
        raise _manual_edit_error(f"{name}: {question}.public could not be written", public)
    return after


def _manual_edit_error(message: str, public: str) -> WizardError:
    return WizardError(message, f"write it there yourself: {public}")


def _splice_public_key(text: str, path: Place, public: str) -> str | None:
    from ruamel.yaml import YAML

    key = YAML(typ="safe", pure=True).compose(text)
    end = "\r\n" if "\r\n" in text else "\n"
    for number, part in enumerate((*path, "")):
        if isinstance(part, int):
            if key is None or key.id != "sequence":
                return None
            key = key.value[part]
            continue
        if key is None or key.id != "mapping" or not key.value:
            return None
        below = _value(key, part) if part else key
        if below is None:
            return _insert_first(text, key, _flow(path[number:], public), end)
        key = below
    scalar = _scalar(public, flow=key.flow_style)
    old = _value(key, "public")
    if old is None:
        return _insert_last(text, key, f"public: {scalar}", end)
    start, stop = old.start_mark.index, old.end_mark.index
    if start == stop:
        # The value is empty, so the parser may report its position anywhere after the colon.
        name = next(name for name, _ in key.value if name.value == "public")
        colon = text.index(":", name.end_mark.index) + 1
        return f"{text[:colon]} {scalar}{text[colon:]}"
    return text[:start] + scalar + text[stop:]


def _value(mapping: Any, name: str) -> Any:
    return next((value for key, value in mapping.value if key.value == name), None)


def _scalar(public: str, *, flow: bool) -> str:
    """Format the key exactly as a commit of the wizard writes it."""
    from wizard.formats.yaml_writer import dump_yaml, quote_yaml

    return quote_yaml(public) if flow else dump_yaml(public).rstrip("\n")


def _flow(names: Place, public: str) -> str:
    text = f"{{generate: true, public: {_scalar(public, flow=True)}}}"
    for name in reversed(names[1:]):
        text = f"{{{name}: {text}}}"
    return f"{names[0]}: {text}"


def _insert_first(text: str, mapping: Any, entry: str, end: str) -> str:
    """Insert the entry as the first one of a mapping."""
    mark = mapping.value[0][0].start_mark
    between = ", " if mapping.flow_style else end + " " * mark.column
    return text[: mark.index] + entry + between + text[mark.index :]


def _insert_last(text: str, mapping: Any, entry: str, end: str) -> str:
    """Insert the entry as the last one of a mapping whose values are scalars on one line."""
    stop = mapping.value[-1][1].end_mark.index
    if mapping.flow_style:
        return f"{text[:stop]}, {entry}{text[stop:]}"
    line = text.find("\n", stop)
    line = len(text) if line < 0 else line
    head = text[:line].removesuffix("\r")
    return f"{head}{end}{' ' * mapping.value[0][0].start_mark.column}{entry}{text[line:]}"


PublicKeys = Mapping[str, str]


def _set_public_keys(text: str, name: str, publics: PublicKeys) -> str:
    for question, public in publics.items():
        text = set_public_key(text, name, public, question)
    return text


def record_in_file(path: Path, publics: PublicKeys) -> bool:
    """Write public parts, by question, into an answers file; return whether the file changed.

    Either all parts are written or none. A symbolic link is followed and its target replaced.
    Raises WizardError, whose hint contains the lines to write by hand.
    """
    import os
    from contextlib import suppress

    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        text = read_input_file(target, MAX_BYTES).decode("utf-8")
        after = _set_public_keys(text, str(path), publics)
        if after == text:
            return False
        mode = target.stat().st_mode & 0o777
        try:
            with temporary.open("xb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(after.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise _manual_edit_error(f"{path}: cannot be written: {reason}", _lines(publics)) from None
    return True


def _lines(publics: PublicKeys) -> str:
    return "; ".join(publics.values())


def record_in_tree(repository: WorkTree, name: str, publics: PublicKeys) -> bool:
    """Write public parts into the installation's answers on disk; `commit` includes this edit.

    Raises WizardError, RefusedError and ConflictError as `write_changes` does.
    """
    from wizard.git.changes import FileChange
    from wizard.git.transaction import write_changes
    from wizard.plan.merge_base import state_folder

    path = f"{state_folder(name)}/answers.yaml"
    old = repository.read_from_disk(path)
    if old is None:
        raise _manual_edit_error(f"{path} is not on disk", _lines(publics))
    new = _set_public_keys(old.decode("utf-8"), path, publics).encode("utf-8")
    if new == old:
        return False
    write_changes(repository, [FileChange(path, "answers", "modify", old, new)])
    return True


def with_recorded_keys(
    workspace: Workspace, name: str, committed: dict[str, Any]
) -> dict[str, Any]:
    """Return the committed answers with the public parts that `secrets` wrote to the file on disk.

    Returns the committed answers unchanged if the file on disk has any other difference.
    """
    from wizard.answers.files import parse_answers
    from wizard.errors import AnswersError, RefusedError
    from wizard.plan.merge_base import state_folder

    path = f"{state_folder(name)}/answers.yaml"
    try:
        disk = workspace.repository.read_from_disk(path)
        # Search the text before parsing: most files have no new key.
        if disk is None or not _PUBLIC_KEY_LINE.search(disk):
            return committed
        found = parse_answers(disk.decode("utf-8"), path)
    except (AnswersError, RefusedError, UnicodeDecodeError):
        return committed
    wanted: Any = committed
    for key in (*_QUESTIONS, *_list_bundle_keys(found)):
        place = _resolve(found, key)
        public, known = _get(found, (*place, "public")), _resolve(committed, key)
        if isinstance(public, str) and isinstance(_get(committed, known), Mapping):
            wanted = _put(wanted, (*known, "public"), public)
    return wanted if found == wanted else committed


def _list_bundle_keys(data: Mapping[str, Any]) -> list[str]:
    """Return the dotted names of the logins of the bundles in raw answers."""
    listed = _get(data, ("dags", "bundles"))
    return [
        f"dags.bundles.{one['name']}.login"
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, Mapping) and isinstance(one.get("name"), str) and "." not in one["name"]
    ]
