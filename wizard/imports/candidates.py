"""Lists what in a folder can be imported, for a start page that offers it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.declarations.catalogue import read_declarations
from wizard.declarations.tree import Tree
from wizard.imports.source import read_documents, read_source

if TYPE_CHECKING:
    from wizard.imports.result import Imported


@dataclass(frozen=True, slots=True)
class Candidate:
    """A declaration of a release: what declares it, its file below `folder`, and the release."""

    folder: Path
    kind: str
    path: str
    release: str

    @property
    def title(self) -> str:
        """Return the file, with what it is."""
        return f"{self.path} ({self.kind}{f' {self.release}' if self.release else ''})"


def list_candidates(folder: Path) -> list[Candidate]:
    """Return the releases of Airflow's chart that files of a folder declare; raises nothing.

    Only files that mention Airflow are parsed, because the folder may be a large repository.
    """
    files, documents = read_documents(folder, mention=b"airflow")
    found = read_declarations(Tree(files, tuple(documents)))
    return [Candidate(folder, one.kind, one.path, one.release) for one in found]


def import_candidate(one: Candidate) -> Imported:
    """Return the answers that a candidate gives, and the fate of its values; takes seconds.

    Raises AnswersError, RefusedError and UsageError as `import` does.
    """
    from wizard.imports.importer import import_declaration

    source = read_source(one.folder / one.path, one.release)
    return import_declaration(source.declaration, known=source.known)
