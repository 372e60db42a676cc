"""The encrypted files that `secrets` writes to disk: the next commit includes them as they are.

They are no part of a rendering, because encryption gives other bytes each time. So they have no
merge base, and no question is asked about them.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from wizard.errors import RefusedError
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.git.changes import ChangeKind, FileChange
from wizard.manifests.contribution import EncryptedFile
from wizard.manifests.objects import COMPOSITION_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wizard.git.repository import WorkTree
    from wizard.plan.render import Rendering


def compare_encrypted_files(repository: WorkTree, rendering: Rendering) -> Iterator[FileChange]:
    """Yield each encrypted file that is committed or on disk, and those of Secrets without use.

    A file that exists on disk only as a link, or not at all, stays as it is committed.
    """
    files = rendering.total.encrypted
    if not files:
        return
    committed = repository.read_many([one.path for one in files])
    for one in files:
        old = committed[one.path]
        new = _read_disk(repository, one.path)
        new = old if new is None else new
        if new is not None:
            kind: ChangeKind = "same" if new == old else "add" if old is None else "modify"
            yield FileChange(one.path, one.logical, kind, old, new)
    yield from _find_unused(repository, rendering, files)


def _find_unused(
    repository: WorkTree, rendering: Rendering, files: tuple[EncryptedFile, ...]
) -> Iterator[FileChange]:
    """Yield the deletion of files whose Secret the answers do not need any more."""
    first = next((one for one in files if one.secret), None)
    if first is None:
        return
    folder, name = posixpath.split(first.path)
    suffix = name.removeprefix(first.secret)
    wanted = {one.path for one in files} | set(rendering.tree)
    for path in repository.head_tree(folder):
        if path in wanted or not path.endswith(suffix) or posixpath.dirname(path) != folder:
            continue
        old = repository.read(path)
        if old is not None and _is_composed(path, old, posixpath.basename(path)[: -len(suffix)]):
            yield FileChange(path, "", "delete", old, None)


def _is_composed(path: str, data: bytes, secret: str) -> bool:
    """Return whether a file holds the Secret that it is named after, as the wizard composes it.

    Somebody else's Secret may be a copy of one of ours under another name.
    """
    documents, _ = parse_yaml(path, data)
    about = documents[0].get("metadata") if [*map(type, documents)] == [dict] else None
    if not isinstance(about, dict) or about.get("name") != secret:
        return False
    notes = about.get("annotations")
    return isinstance(notes, dict) and COMPOSITION_ANNOTATION in notes


def _read_disk(repository: WorkTree, path: str) -> bytes | None:
    try:
        return repository.read_from_disk(path)
    except RefusedError:
        # A link in the path: writing reports it.
        return None
