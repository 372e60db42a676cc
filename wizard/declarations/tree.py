"""The input of the readers: the files of a repository, and the documents parsed from them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from wizard.formats.yaml_untrusted import parse_yaml


class Parsed(NamedTuple):
    """One YAML document: its file, its number in the file from 0, and its data."""

    path: str
    number: int
    data: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Return the object's kind, or ""."""
        kind = self.data.get("kind")
        return kind if isinstance(kind, str) else ""

    @property
    def group(self) -> str:
        """Return the object's API group, or ""."""
        version = self.data.get("apiVersion")
        return version.partition("/")[0] if isinstance(version, str) and "/" in version else ""

    @property
    def spec(self) -> Mapping[str, Any]:
        """Return the object's spec."""
        return as_mapping(self.data.get("spec"))

    @property
    def name(self) -> str:
        """Return the object's name, or ""."""
        return as_text(as_mapping(self.data.get("metadata")).get("name"))

    @property
    def namespace(self) -> str:
        """Return the object's namespace as written, or ""."""
        return as_text(as_mapping(self.data.get("metadata")).get("namespace"))


@dataclass(frozen=True)
class Tree:
    """The files of one repository by path, and their YAML documents.

    `prefix` is the folder of the Git repository in which all paths are; with `exact`, it is known.
    `links` are symbolic links within the repository: path to target path.
    """

    files: Mapping[str, bytes]
    documents: tuple[Parsed, ...]
    prefix: str = ""
    exact: bool = False
    links: Mapping[str, str] = field(default_factory=dict)

    def objects(self, kind: str, group: str) -> Iterator[Parsed]:
        """Yield the objects of one kind."""
        for document in self.documents:
            if document.kind == kind and document.group == group:
                yield document

    def read(self, path: str) -> bytes | None:
        """Return a file by its path in this tree; a link is followed."""
        path = posixpath.normpath(path)
        for link, target in self.links.items():
            if path == link or path.startswith(f"{link}/"):
                path = posixpath.normpath(target + path[len(link) :])
                break
        return self.files.get(path)

    def find_from_top(self, path: str) -> str:
        """Return the path in this tree of a path from the top of the Git repository; else ""."""
        path = posixpath.normpath(path)
        prefix = f"{self.prefix}/" if self.prefix else ""
        if path.startswith(prefix) and self.read(path.removeprefix(prefix)) is not None:
            return path.removeprefix(prefix)
        if self.exact:
            return ""
        # The repository may be checked out from a folder above or below.
        ends = [name for name in self.files if path.endswith(f"/{name}")]
        return max(ends, key=len) if ends else ""

    def read_mapping(self, path: str) -> Mapping[str, Any] | None:
        """Return the only document of a YAML file if it is a mapping."""
        data = self.read(path)
        documents = parse_yaml(path, data)[0] if data is not None else []
        first = documents[0] if len(documents) == 1 else None
        return first if isinstance(first, Mapping) else None


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """Return a scalar as text; "" for null."""
    if value is None or isinstance(value, (Mapping, list)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
