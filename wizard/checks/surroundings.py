"""The files of others that take effect together with the wizard's: which must be read, too.

A kustomization lists manifests and patches, an Application names value files, and some file names
have an effect wherever they are.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.checks.subject import as_list, as_mapping
from wizard.declarations.argocd import list_sources
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.manifests.kustomize import is_remote
from wizard.manifests.objects import KUSTOMIZATION_NAMES


def find_named_files(files: Mapping[str, bytes | None], prefix: str) -> set[str]:
    """Return the paths that kustomizations and Applications among `files` name.

    A named path may be a folder: then the paths of the kustomizations it may contain are returned.
    `prefix` is the folder of the Git repository in which all paths are.
    """
    found: set[str] = set()
    for path, data in files.items():
        if data is None or not path.endswith((".yaml", ".yml", "Kustomization")):
            continue
        if posixpath.basename(path) in KUSTOMIZATION_NAMES:
            for document in parse_yaml(path, data)[0]:
                found.update(_find_in_kustomization(path, as_mapping(document)))
        elif b"kind: Application" in data or b'kind: "Application"' in data:
            for document in parse_yaml(path, data)[0]:
                found.update(_find_in_application(as_mapping(document), prefix))
    return {path for path in found if not path.startswith(("../", "/"))}


def _find_in_kustomization(path: str, data: Mapping[str, Any]) -> Iterator[str]:
    folder = posixpath.dirname(path)
    named = [*as_list(data.get("resources")), *as_list(data.get("bases"))]
    for item in named:
        if isinstance(item, str) and not is_remote(item):
            place = posixpath.normpath(posixpath.join(folder, item))
            yield place
            if not item.endswith((".yaml", ".yml", ".json")):
                yield from (posixpath.join(place, name) for name in KUSTOMIZATION_NAMES)
    for key in ("patches", "patchesJson6902", "patchesStrategicMerge", "replacements"):
        for item in as_list(data.get(key)):
            name = as_mapping(item).get("path") if isinstance(item, Mapping) else item
            if isinstance(name, str) and "\n" not in name:
                yield posixpath.normpath(posixpath.join(folder, name))
    for _, name in list_generator_files(data):
        yield posixpath.normpath(posixpath.join(folder, name))


def list_generator_files(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield place and path of every file whose content the generators of a kustomization use.

    Paths are relative to the kustomization. Source: kustomize 5, `files` and `envs`.
    """
    for key in ("configMapGenerator", "secretGenerator"):
        for number, item in enumerate(as_list(data.get(key))):
            entry, place = as_mapping(item), f"{key}[{number}]"
            for part in ("files", "envs"):
                for at, name in enumerate(as_list(entry.get(part))):
                    if isinstance(name, str) and name:
                        named = name.partition("=")[2] if part == "files" and "=" in name else name
                        yield f"{place}.{part}[{at}]", named
            if isinstance(entry.get("env"), str) and entry["env"]:
                yield f"{place}.env", entry["env"]


def _find_in_application(data: Mapping[str, Any], prefix: str) -> Iterator[str]:
    below = f"{prefix}/" if prefix else ""
    for _, source in list_sources(as_mapping(data.get("spec"))):
        helm = as_mapping(source.get("helm"))
        named = [*as_list(helm.get("valueFiles"))]
        named += [as_mapping(item).get("path") for item in as_list(helm.get("fileParameters"))]
        for name in named:
            if isinstance(name, str) and name.startswith("$"):
                path = posixpath.normpath(name.partition("/")[2])
                if path.startswith(below):
                    yield path.removeprefix(below)
