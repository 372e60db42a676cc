"""The public part of the deploy key, written into an answers file and nothing else changed.

The file is a person's: it is never dumped again. The text is spliced where it belongs, and the
result is parsed and compared before anybody sees it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import WizardError

if TYPE_CHECKING:
    from wizard.repo import Repository
    from wizard.workflow import Workspace

_PATH = ("dags", "key", "public")
_RECORDED = re.compile(rb"public: *[\"']?(ssh-|ecdsa-)")


def with_public(text: str, name: str, public: str) -> str:
    """The answers file's text with `dags.key.public` set; the same text where it is already.

    Raises AnswersError for a text that is no answers file, WizardError where the place cannot be
    found in it; the hint says what to write by hand.
    """
    from wizard.answers import load_text
    from wizard.fields import get, put

    before = load_text(text, name)
    if get(before, _PATH) == public:
        return text
    key = get(before, _PATH[:2], {"generate": True})
    fits = isinstance(key, Mapping)
    wanted = put(before, _PATH[:2], {**key, "public": public}) if fits else {}
    after = _spliced(text, public) if fits else None
    try:
        sound = after is not None and load_text(after, name) == wanted
    except WizardError:
        sound = False
    if after is None or not sound:
        raise _by_hand(f"{name}: dags.key.public could not be written", public)
    return after


def _by_hand(message: str, public: str) -> WizardError:
    return WizardError(message, f"write it there yourself: {public}")


def _spliced(text: str, public: str) -> str | None:
    from ruamel.yaml import YAML

    root = YAML(typ="safe", pure=True).compose(text)
    end = "\r\n" if "\r\n" in text else "\n"
    if root is None or root.id != "mapping" or not root.value:
        return None
    dags = _value(root, "dags")
    if dags is None:
        return _first(text, root, _flow(("dags", "key"), public), end)
    if dags.id != "mapping" or not dags.value:
        return None
    key = _value(dags, "key")
    if key is None:
        return _first(text, dags, _flow(("key",), public), end)
    if key.id != "mapping" or not key.value:
        return None
    scalar = _scalar(public, flow=key.flow_style)
    old = _value(key, "public")
    if old is None:
        return _last(text, key, f"public: {scalar}", end)
    start, stop = old.start_mark.index, old.end_mark.index
    if start == stop:
        # Nothing stands after the colon: its mark may be anywhere behind.
        name = next(name for name, _ in key.value if name.value == "public")
        colon = text.index(":", name.end_mark.index) + 1
        return f"{text[:colon]} {scalar}{text[colon:]}"
    return text[:start] + scalar + text[stop:]


def _value(mapping: Any, name: str) -> Any:
    return next((value for key, value in mapping.value if key.value == name), None)


def _scalar(public: str, *, flow: bool) -> str:
    """As the wizard writes it, so that a commit finds the bytes it would write itself."""
    from wizard.yamltext import dump, quoted

    return quoted(public) if flow else dump(public).rstrip("\n")


def _flow(names: tuple[str, ...], public: str) -> str:
    text = f"{{generate: true, public: {_scalar(public, flow=True)}}}"
    for name in reversed(names[1:]):
        text = f"{{{name}: {text}}}"
    return f"{names[0]}: {text}"


def _first(text: str, mapping: Any, entry: str, end: str) -> str:
    """The entry before all others of a mapping."""
    mark = mapping.value[0][0].start_mark
    between = ", " if mapping.flow_style else end + " " * mark.column
    return text[: mark.index] + entry + between + text[mark.index :]


def _last(text: str, mapping: Any, entry: str, end: str) -> str:
    """The entry after the last one of a mapping whose values are scalars on one line."""
    stop = mapping.value[-1][1].end_mark.index
    if mapping.flow_style:
        return f"{text[:stop]}, {entry}{text[stop:]}"
    line = text.find("\n", stop)
    line = len(text) if line < 0 else line
    head = text[:line].removesuffix("\r")
    return f"{head}{end}{' ' * mapping.value[0][0].start_mark.column}{entry}{text[line:]}"


def record_in_file(path: Path, public: str) -> bool:
    """Write the public part into somebody's answers file, all of it or nothing; whether it changed.

    A link is followed: its target is replaced. Raises WizardError, whose hint holds the line.
    """
    import os
    from contextlib import suppress

    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        text = target.read_bytes().decode("utf-8")
        after = with_public(text, str(path), public)
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
        raise _by_hand(f"{path}: cannot be written: {reason}", public) from None
    return True


def record_in_tree(repository: Repository, name: str, public: str) -> bool:
    """Write it into the installation's answers on disk; `commit` takes that edit up.

    Raises WizardError, RefusedError and ConflictError as `Repository.write` does.
    """
    from wizard.base import state_folder
    from wizard.plan import Change

    path = f"{state_folder(name)}/answers.yaml"
    old = repository.working(path)
    if old is None:
        raise _by_hand(f"{path} is not on disk", public)
    new = with_public(old.decode("utf-8"), path, public).encode("utf-8")
    if new == old:
        return False
    repository.write([Change(path, "answers", "modify", old, new)])
    return True


def taken_up(workspace: Workspace, name: str, committed: dict[str, Any]) -> dict[str, Any]:
    """The committed answers with the public part that `secrets` wrote beside them.

    Only where the file on disk differs from the committed one in nothing else.
    """
    from wizard.answers import load_text
    from wizard.base import state_folder
    from wizard.errors import AnswersError, RefusedError
    from wizard.fields import get, put

    path = f"{state_folder(name)}/answers.yaml"
    try:
        disk = workspace.repository.working(path)
        # Read as text first: most answers on disk are the committed ones.
        if disk is None or not _RECORDED.search(disk):
            return committed
        found = load_text(disk.decode("utf-8"), path)
    except (AnswersError, RefusedError, UnicodeDecodeError):
        return committed
    public = get(found, _PATH)
    if not isinstance(public, str) or not isinstance(get(committed, _PATH[:2]), Mapping):
        return committed
    wanted = put(committed, _PATH, public)
    return wanted if found == wanted else committed
