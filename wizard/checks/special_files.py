"""Files of others whose name or place alone has an effect; found without reading any."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from wizard.manifests.objects import KUSTOMIZATION_NAMES

_YAML = (".yaml", ".yml", ".json")
_SPECIAL_NAMES = (*KUSTOMIZATION_NAMES, "Chart.yaml")


def find_special_files(folder: str, listed: Iterable[str]) -> list[str]:
    """Return the files directly in `folder` whose name alone changes how it is applied."""
    return [
        path
        for path in listed
        if posixpath.dirname(path) == folder
        and (
            posixpath.basename(path) in _SPECIAL_NAMES
            or posixpath.basename(path).startswith(".argocd-source")
        )
    ]


def find_manifests(folder: str, listed: Iterable[str]) -> list[str]:
    """Return the YAML files directly in the folder of the manifests, or in its `secrets` folder.

    They may be manifests of others, whether a kustomization lists them or not.
    """
    folders = (folder, f"{folder}/secrets")
    return [path for path in listed if posixpath.dirname(path) in folders and path.endswith(_YAML)]


def find_neighbours(folder: str, listed: Iterable[str]) -> list[str]:
    """Return the YAML files of the folder with the Applications; a parent may apply all of them."""
    names = [path for path in listed if path.startswith(f"{folder}/")]
    return [
        path
        for path in names
        if path.endswith(_YAML) or posixpath.basename(path) in KUSTOMIZATION_NAMES
    ]
