"""Reads desired state files of Helmsman: `apps` with a chart, value files and `set`.

Source: Helmsman 4 (docs/desired_state_specification.md, internal/app/release_files.go). Paths are
relative to the file; `$NAME` and `${NAME}` come from the environment.
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.declarations.declaration import Declaration, names_airflow
from wizard.declarations.tree import Parsed, Tree, as_list, as_mapping, as_text
from wizard.declarations.values import Collector, number_place
from wizard.formats.nested import format_path

_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$[A-Za-z_][A-Za-z0-9_]*")


def read_desired_states(tree: Tree) -> Iterator[Declaration]:
    """Yield what every app with Airflow's chart declares, in YAML and TOML."""
    for document in (*tree.documents, *_read_toml(tree)):
        apps = document.data.get("apps")
        if document.kind or not isinstance(apps, Mapping):
            continue
        for name, app in apps.items():
            entry = as_mapping(app)
            if names_airflow(entry.get("chart")):
                yield _read(tree, document, str(name), entry)


def _read_toml(tree: Tree) -> Iterator[Parsed]:
    for path, data in tree.files.items():
        if path.endswith(".toml") and b"apps" in data and b"airflow" in data:
            try:
                yield Parsed(path, 0, tomllib.loads(data.decode("utf-8")))
            except (ValueError, RecursionError):
                continue


def _read(tree: Tree, document: Parsed, name: str, app: Mapping[str, Any]) -> Declaration:
    where = f"apps.{format_path([name])}"
    collector = Collector(
        document.path,
        tree.read,
        number=document.number,
        variable=_VARIABLE,
        what="a variable of the environment",
    )
    _collect_files(document, app, where, collector)
    _collect_lines(document, app, where, collector)
    repository = as_text(app.get("chart")).rpartition("/")[0]
    known = as_mapping(document.data.get("helmRepos"))
    place = number_place(document.number, f"{where}.version")
    return Declaration(
        "Helmsman app",
        document.path,
        where,
        document.number,
        as_text(app.get("version")),
        (document.path, place),
        as_text(known.get(repository)) or repository,
        as_text(app.get("name")) or name,
        as_text(app.get("namespace")),
        collector.result,
    )


def _collect_files(
    document: Parsed, app: Mapping[str, Any], where: str, collector: Collector
) -> None:
    named = [("valuesFile", app.get("valuesFile"))]
    named += [(f"valuesFiles[{at}]", one) for at, one in enumerate(as_list(app.get("valuesFiles")))]
    secret = [("secretsFile", app.get("secretsFile"))]
    secret += [
        (f"secretsFiles[{at}]", one) for at, one in enumerate(as_list(app.get("secretsFiles")))
    ]
    for key, item in (*named, *secret):
        name, place = as_text(item), f"{where}.{key}"
        if not name:
            continue
        if key.startswith("secrets"):
            collector.report(place, "the values in this file are encrypted")
            collector.result.files.add(_beside(document, name))
        elif not collector.is_variable(name, place):
            collector.add_file(_beside(document, name), place)


def _collect_lines(
    document: Parsed, app: Mapping[str, Any], where: str, collector: Collector
) -> None:
    for key, convert in (("set", None), ("setString", str)):
        for name, value in as_mapping(app.get(key)).items():
            line = f"{name}={as_text(value).replace(',', chr(92) + ',')}"
            collector.set(f"{where}.{key}.{format_path([str(name)])}", line, convert)
    for name, value in as_mapping(app.get("setFile")).items():
        place = f"{where}.setFile.{format_path([str(name)])}"
        collector.set_content(place, str(name), _beside(document, as_text(value)))


def _beside(document: Parsed, name: str) -> str:
    """Return the path of a file that is named relative to the document; "" if it is elsewhere."""
    if "://" in name or name.startswith("/"):
        return ""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(document.path), name))
    return "" if path.startswith("../") else path
