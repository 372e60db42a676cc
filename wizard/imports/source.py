"""Finds the declaration to import: in one file and what it names, or in a folder."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wizard.declarations.catalogue import read_declarations
from wizard.declarations.declaration import Declaration, names_airflow
from wizard.declarations.tree import Parsed, Tree, as_mapping, as_text
from wizard.declarations.values import EffectiveValues, Layer, is_encrypted
from wizard.errors import AnswersError, Problem, UsageError
from wizard.formats.input_files import read_input_file, show_path
from wizard.formats.yaml_untrusted import SIZE_LIMIT, parse_yaml

_KINDS = (".yaml", ".yml", ".json", ".toml", ".lock")
_MAX_FILES = 2000
_SKIPPED = ("charts", "node_modules", "templates")
_VALUES = "values file"
_NO_VALUES = (
    "no release of Apache's Airflow chart is declared here",
    "give a file of Helm values, an Argo CD Application, a Flux HelmRelease, a Helmsman file, or "
    "the folder of a chart that depends on it",
)


@dataclass(frozen=True)
class Source:
    """The declaration to import, and the raw answers that it says besides the values."""

    declaration: Declaration
    known: Mapping[str, Any] = field(default_factory=dict)


def read_source(path: Path, release: str = "") -> Source:
    """Return what a file or folder declares; `release` chooses one of several releases.

    Raises UsageError if there is no such file, or several releases are declared, and AnswersError
    with file, place and remedy for content that cannot be read.
    """
    top, named = (path, "") if path.is_dir() else (path.parent, path.name)
    files = dict(_read_files(top, named))
    if named:
        files = {named: _read(path), **{key: data for key, data in files.items() if key != named}}
    documents = _parse(files, named, path)
    tree = Tree(files, tuple(documents))
    found = [one for one in read_declarations(tree) if not named or _belongs(one, named)]
    if named and not found:
        found = [_read_plain(named, documents, path)]
    return _choose(found, tree, release, path)


def read_documents(top: Path, mention: bytes) -> tuple[dict[str, bytes], list[Parsed]]:
    """Return the readable files of a folder that contain these bytes, and their documents."""
    files = {name: data for name, data in _read_files(top, "") if mention in data.lower()}
    return files, _parse(files, "", top)


def _read_files(top: Path, named: str) -> Iterator[tuple[str, bytes]]:
    """Yield the YAML and TOML files that a declaration may name, by their path below the folder."""
    count = 0
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(one for one in folders if one[0] != "." and one not in _SKIPPED)
        for name in sorted(names):
            relative = posixpath.relpath(posixpath.join(folder, name), top)
            if not name.endswith(_KINDS) or relative == named:
                continue
            count += 1
            if count > _MAX_FILES:
                return
            try:
                yield relative, read_input_file(Path(folder, name), SIZE_LIMIT)
            except OSError:
                continue


def _read(path: Path) -> bytes:
    try:
        return read_input_file(path, SIZE_LIMIT, pipe=True)
    except OSError as error:
        raise UsageError(
            f"import {show_path(str(path))}: {error.strerror}".replace(" :", ":"),
            "give a file or folder that can be read",
        ) from None


def _parse(files: Mapping[str, bytes], named: str, path: Path) -> list[Parsed]:
    documents: list[Parsed] = []
    for name, data in files.items():
        if name.endswith((".toml", ".lock")):
            continue
        parsed, findings = parse_yaml(name, data)
        problems = [
            Problem(f"{name}: {one.where}".rstrip(": "), f"{one.message}; {one.fix.text}")
            for one in findings
            if one.is_error
        ]
        if name == named and problems:
            if b"{{" in data and not parsed:
                problems = [
                    Problem(name, "a template; import the output of the program that renders it")
                ]
            raise AnswersError(f"import {path}: it cannot be read", problems)
        if not problems:
            documents += [
                Parsed(name, number, one)
                for number, one in enumerate(parsed)
                if isinstance(one, Mapping)
            ]
    return documents


def _belongs(one: Declaration, named: str) -> bool:
    """Return whether a declaration is of the named file, or of the chart that it describes."""
    if one.path == named or named in one.found.files:
        return True
    return named in ("Chart.yaml", "values.yaml") and posixpath.dirname(one.path) == ""


def _read_plain(named: str, documents: list[Parsed], path: Path) -> Declaration:
    """Return the values of a file that is named as such, whatever its keys are."""
    own = [one for one in documents if one.path == named]
    if len(own) > 1:
        problem = Problem(named, "it has several YAML documents; give a file with one")
        raise AnswersError(f"import {path}: it cannot be read", [problem])
    if not own or own[0].kind or "apps" in own[0].data:
        message = "it is no mapping of Helm values" if not own else _NO_VALUES[0]
        raise AnswersError(f"import {path}: it cannot be read", [Problem(named, message)],
                           _NO_VALUES[1])  # fmt: skip
    if is_encrypted(own[0].data):
        problem = Problem(named, "SOPS encrypted it; import the decrypted file (`sops -d`)")
        raise AnswersError(f"import {path}: it cannot be read", [problem])
    layer = Layer(named, "", own[0].data)
    return Declaration(_VALUES, named, found=EffectiveValues(dict(own[0].data), [layer]))


def _choose(found: list[Declaration], tree: Tree, release: str, path: Path) -> Source:
    if release:
        found = [one for one in found if one.release == release]
    if not found:
        raise UsageError(f"import {path}: {_NO_VALUES[0]}", _NO_VALUES[1])
    if len(found) > 1:
        names = sorted({one.release for one in found if one.release})
        files = sorted({one.path for one in found})
        hint = f"give one of these files: {', '.join(files)}" if len(files) > 1 else (
            f"name one with --installation: {', '.join(names)}")  # fmt: skip
        raise UsageError(f"import {path}: {len(found)} releases are declared here", hint)
    one = found[0]
    return Source(one, dict(_read_application(one, tree)))


def _read_application(one: Declaration, tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield the answers that an Argo CD Application says outside the values."""
    for document in tree.objects("Application", "argoproj.io"):
        if (document.path, document.number) != (one.path, one.number):
            continue
        spec = document.spec
        yield "delivery.argocd.namespace", document.namespace
        yield "delivery.argocd.project", as_text(spec.get("project"))
        yield (
            "delivery.argocd.destination",
            as_text(as_mapping(spec.get("destination")).get("server")),
        )
        for source in spec.get("sources") or ():
            if isinstance(source, Mapping) and source.get("ref"):
                yield "delivery.argocd.repo_url", as_text(source.get("repoURL"))
                yield "delivery.argocd.revision", as_text(source.get("targetRevision"))
        for source in (spec.get("source"), *(spec.get("sources") or ())):
            repository = as_text(as_mapping(source).get("repoURL"))
            if names_airflow(as_mapping(source).get("chart")) and repository:
                yield "installation.chart_repository", repository
