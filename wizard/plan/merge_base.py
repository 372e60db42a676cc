"""The merge base: the last pure rendering, stored beside the answers.

Layout of `.airflow-wizard/<installation>/base/`: one ``<logical id>.base`` a rendered file, and
``index``, which says where each was written and by which version. The suffix is nobody's: Argo
CD's directory sources take every ``*.yaml``, ``*.yml`` and ``*.json``, linters and editors go by
extension too, and Docker by the name `Dockerfile`; a copy under its own name would be applied,
linted and reported twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wizard.errors import ConflictError
from wizard.git.changes import BASE_PREFIX, FileChange
from wizard.manifests.tree import File, Tree
from wizard.plan.plan import compare_owned_files

STATE_DIR = ".airflow-wizard"
SUFFIX = ".base"
FORMAT = 1
_LOGICAL_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


def state_folder(installation: str) -> str:
    """Where an installation's answers and base are: `.airflow-wizard/<installation>`."""
    return f"{STATE_DIR}/{installation}"


def base_folder(installation: str) -> str:
    """Where an installation's merge base is."""
    return f"{state_folder(installation)}/base"


def base_path(installation: str, logical: str) -> str:
    """Where the base of one rendered file is kept; ValueError for an id that is no path.

    The suffix goes on every file, so that ids ``secrets`` and ``secrets/a`` do not collide.
    """
    if not _LOGICAL_ID.fullmatch(logical) or ".." in logical.split("/"):
        raise ValueError(f"not a logical file id: {logical!r}")
    return f"{base_folder(installation)}/{logical}{SUFFIX}"


def index_path(installation: str) -> str:
    """The list of base files; without the suffix, so that no logical id can take its place."""
    return f"{base_folder(installation)}/index"


def base_files(tree: Tree, installation: str, version: str = "") -> list[File]:
    """The files that record this rendering: exact bytes by logical id, and the index.

    Whatever lies in `.airflow-wizard/` (the answers, the CA beside them) is not rendered from the
    answers and so is left out. `version` is the wizard's, for the older one that must refuse.
    """
    rendered = [file for file in tree.values() if not file.path.startswith(f"{STATE_DIR}/")]
    lines = [f"format {FORMAT}", f"version {version}"] if version else [f"format {FORMAT}"]
    lines += sorted(f"file {file.logical} {file.path}" for file in rendered)
    index = File(f"{BASE_PREFIX}index", index_path(installation), "\n".join(lines) + "\n")
    return [
        index,
        *(
            File(BASE_PREFIX + file.logical, base_path(installation, file.logical), file.text)
            for file in rendered
        ),
    ]


@dataclass(frozen=True)
class MergeBase:
    """A base as it was read: the version that wrote it, and path and bytes by logical id."""

    version: str
    files: Mapping[str, tuple[str, bytes]]

    def by_path(self) -> dict[str, bytes]:
        """What `plan.compare` takes: the last rendered bytes by the path they were written to."""
        return dict(self.files.values())

    def logical(self, path: str) -> str:
        """The id of what was written to this path; empty when nothing was."""
        return next((name for name, (where, _) in self.files.items() if where == path), "")


def read_base(installation: str, stored: Mapping[str, bytes | None]) -> MergeBase:
    """Read a base from the repository's files below `base_folder` (path -> bytes).

    No index means no base: this installation was never committed. Raises ConflictError for an
    index that is not ours, of a newer format, or that names a file which is missing.
    """
    where = index_path(installation)
    data = stored.get(where)
    if data is None:
        return MergeBase("", {})
    version, paths = _parse_index(where, data)
    files: dict[str, tuple[str, bytes]] = {}
    for logical, path in paths.items():
        contents = stored.get(base_path(installation, logical))
        if contents is None:
            raise _damage_error(
                base_path(installation, logical), "is listed in the index, but missing"
            )
        files[logical] = (path, contents)
    return MergeBase(version, files)


def _parse_index(where: str, data: bytes) -> tuple[str, dict[str, str]]:
    version = ""
    paths: dict[str, str] = {}
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise _damage_error(where, "is not text") from None
    for number, line in enumerate(lines, 1):
        word, _, rest = line.partition(" ")
        if number == 1:
            _require_format(where, word, rest)
        elif word == "version":
            version = rest
        elif word == "file":
            logical, _, path = rest.partition(" ")
            if not path or not _LOGICAL_ID.fullmatch(logical) or logical in paths:
                raise _damage_error(where, f"line {number} does not name one file")
            paths[logical] = path
        else:
            raise _damage_error(where, f"line {number} is not understood")
    return version, paths


def _require_format(where: str, word: str, number: str) -> None:
    if word != "format" or not number.isdecimal():
        raise _damage_error(where, "does not start with its format")
    if int(number) > FORMAT:
        raise ConflictError(
            f"{where}: written by a newer Airflow Wizard (format {number}, this one knows "
            f"{FORMAT})",
            "use the newer version for this repository",
        )


def _damage_error(path: str, what: str) -> ConflictError:
    return ConflictError(
        f"{path}: {what}",
        "the merge base is written by Airflow Wizard alone; bring back the committed files with "
        f"`git checkout COMMIT -- {path.rpartition('/')[0]}` from a commit where they were whole",
    )


def base_changes(
    installation: str, files: Iterable[File], stored: Mapping[str, bytes | None]
) -> list[FileChange]:
    """Changes that bring the stored base to `files`; stale base files are deleted."""
    folder = base_folder(installation) + "/"
    stale = [path for path in stored if path.startswith(folder)]
    return compare_owned_files(Tree(files), stored, delete=stale)
