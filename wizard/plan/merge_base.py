"""The merge base: the last rendering, without hand edits, stored next to the answers.

Layout of `.airflow-wizard/<installation>/base/`: one ``<logical id>.base`` for each rendered
file, and ``index``, which lists the path of each file and the version that wrote it. No other
tool uses the suffix ``.base``. Argo CD's directory sources read every ``*.yaml``, ``*.yml`` and
``*.json``, linters and editors also select files by extension, and Docker uses the name
`Dockerfile`: a copy under the original name would be applied, linted and reported twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wizard.errors import ConflictError
from wizard.formats.git_markers import UNRESOLVED, find_git_marker
from wizard.git.changes import BASE_PREFIX, FileChange
from wizard.manifests.tree import File, Tree
from wizard.plan.plan import compare_owned_files

STATE_DIR = ".airflow-wizard"
SUFFIX = ".base"
FORMAT = 1
_LOGICAL_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


def state_folder(installation: str) -> str:
    """Return the folder of an installation's answers and base: `.airflow-wizard/<installation>`."""
    return f"{STATE_DIR}/{installation}"


def base_folder(installation: str) -> str:
    """Return the folder of an installation's merge base: `.airflow-wizard/<installation>/base`."""
    return f"{state_folder(installation)}/base"


def base_path(installation: str, logical: str) -> str:
    """Return the path of one file's copy in the base; ValueError if the id is not a relative path.

    Every file has the suffix: without it, the ids ``secrets`` and ``secrets/a`` would collide.
    """
    if not _LOGICAL_ID.fullmatch(logical) or ".." in logical.split("/"):
        raise ValueError(f"not a logical file id: {logical!r}")
    return f"{base_folder(installation)}/{logical}{SUFFIX}"


def index_path(installation: str) -> str:
    """Return the path of the index. It has no suffix, so no logical id collides with it."""
    return f"{base_folder(installation)}/index"


def base_files(tree: Tree, installation: str, version: str = "") -> list[File]:
    """Return the files that record this rendering: the index, and the exact bytes by logical id.

    Files in `.airflow-wizard/` (the answers, the CA certificates) are input, not rendered, so they
    are not included, and neither are files that others change. `version` is the wizard's version;
    an older wizard refuses to continue.
    """
    rendered = [
        file
        for file in tree.values()
        if not file.path.startswith(f"{STATE_DIR}/") and not file.beside
    ]
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
    """A merge base: the version that wrote it, and the path and bytes of each logical id."""

    version: str
    files: Mapping[str, tuple[str, bytes]]

    def by_path(self) -> dict[str, bytes]:
        """Return the last rendered bytes, by the path that they were written to."""
        return dict(self.files.values())

    def logical(self, path: str) -> str:
        """Return the logical id of the file written to this path; empty if there is none."""
        return next((name for name, (where, _) in self.files.items() if where == path), "")


def read_base(installation: str, stored: Mapping[str, bytes | None]) -> MergeBase:
    """Read a base from the repository's files below `base_folder` (path -> bytes).

    Without an index the base is empty: this installation was never committed. Raises ConflictError
    for an index that is damaged, has a newer format, or names a missing file.
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
                base_path(installation, logical), "is listed in the index but missing"
            )
        if find_git_marker(contents):
            raise _damage_error(base_path(installation, logical), UNRESOLVED)
        files[logical] = (path, contents)
    return MergeBase(version, files)


def _parse_index(where: str, data: bytes) -> tuple[str, dict[str, str]]:
    version = ""
    paths: dict[str, str] = {}
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise _damage_error(where, "is not text") from None
    if find_git_marker(data):
        raise _damage_error(where, UNRESOLVED)
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
            raise _damage_error(where, f"line {number} is not known to this version")
    return version, paths


def _require_format(where: str, word: str, number: str) -> None:
    if word != "format" or not number.isdecimal():
        raise _damage_error(where, "does not start with a format line")
    if int(number) > FORMAT:
        raise ConflictError(
            f"{where}: written by a newer Airflow Wizard (format {number}; this version supports "
            f"{FORMAT})",
            "use the newer version for this repository",
        )


def _damage_error(path: str, what: str) -> ConflictError:
    return ConflictError(
        f"{path}: {what}",
        "only Airflow Wizard writes the merge base; restore the files from a commit where they "
        f"were complete: `git checkout COMMIT -- {path.rpartition('/')[0]}`",
    )


def base_changes(
    installation: str, files: Iterable[File], stored: Mapping[str, bytes | None]
) -> list[FileChange]:
    """Return the changes that turn the stored base into `files`; stale base files are deleted."""
    folder = base_folder(installation) + "/"
    stale = [path for path in stored if path.startswith(folder)]
    return compare_owned_files(Tree(files), stored, delete=stale)
