"""The encrypted files that `secrets` writes to disk: the next commit includes them as they are.

They are no part of a rendering, because encryption gives other bytes each time. So they have no
merge base, and no question is asked about them.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from wizard.errors import RefusedError
from wizard.git.changes import FileChange, name_kind
from wizard.manifests.contribution import EncryptedFile
from wizard.manifests.objects import COMPOSITION_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from wizard.git.repository import WorkTree
    from wizard.plan.render import Rendering


def compare_encrypted_files(
    repository: WorkTree, rendering: Rendering, former_values: str = ""
) -> Iterator[FileChange]:
    """Yield each encrypted file that is committed or on disk, and those of Secrets without use.

    A file that exists on disk only as a link, or not at all, stays as it is committed. If the
    answers lead to another folder than the last ones, the files move there with the bytes that they
    have: `former_values` is the path that the Helm values had, in the same folder.
    """
    files = rendering.total.encrypted
    if not files:
        return
    folders = (
        posixpath.dirname(rendering.tree.by_logical("values").path),
        posixpath.dirname(former_values),
    )
    former = {one.path: _find_former(one, *folders) for one in files if former_values}
    committed = repository.read_many([*(one.path for one in files), *filter(None, former.values())])
    for one in files:
        old = committed[one.path]
        new = _read_disk(repository, one.path)
        new = old if new is None else new
        note = ""
        before = former.get(one.path, "")
        if new is None and before and (earlier := committed[before]) is not None:
            new = _read_disk(repository, before) or earlier
            note = f"moved from {before}"
        if new is not None:
            yield FileChange(one.path, one.logical, name_kind(old, new), old, new, note=note)
    wanted = {one.path for one in files} | set(rendering.tree)
    first = next((one for one in files if one.secret), None)
    for path in dict.fromkeys((first.path, former.get(first.path, "")) if first else ()):
        yield from _find_unused(repository, path, first.secret if first else "", wanted)


def _find_former(file: EncryptedFile, folder: str, former: str) -> str:
    """Return the path that a file had while its folder was `former`; empty if it is the same."""
    if folder == former or not file.path.startswith(f"{folder}/"):
        return ""
    return f"{former}{file.path.removeprefix(folder)}"


def _find_unused(
    repository: WorkTree, example: str, secret: str, wanted: Collection[str]
) -> Iterator[FileChange]:
    """Yield the deletion of files beside `example`, the path for `secret`, that nothing needs."""
    folder, name = posixpath.split(example)
    suffix = name.removeprefix(secret)
    for path in repository.head_tree(folder) if example else ():
        if path in wanted or not path.endswith(suffix) or posixpath.dirname(path) != folder:
            continue
        old = repository.read(path)
        if old is not None and _is_composed(path, old, posixpath.basename(path)[: -len(suffix)]):
            yield FileChange(path, "", "delete", old, None)


def _is_composed(path: str, data: bytes, secret: str) -> bool:
    """Return whether a file holds the Secret that it is named after, as the wizard composes it.

    Somebody else's Secret may be a copy of one of ours under another name.
    """
    from wizard.formats.yaml_untrusted import parse_yaml

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
