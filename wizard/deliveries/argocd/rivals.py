"""Applications of others, anywhere in the repository, that deploy an installation a second time."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from wizard.deliveries.record import Place
from wizard.formats.addresses import IN_CLUSTER_SERVER
from wizard.formats.nested import format_path, get_value, walk
from wizard.manifests.ownership import repository_place

# What every file with an Application or ApplicationSet contains: their API group, and a kind.
MARKS = ("argoproj.io/", "Application")
_WORD = re.compile(r"[\w./$-]+")
# What makes an Application or ApplicationSet apply folders that it does not name in full.
_UNNAMED = ("recurse", "directories")


class ApplicationIndex:
    """The committed files that may hold Applications, by path from the root of the repository.

    The words of each file are indexed, so that an installation has only those files parsed that
    name it; parsing takes a millisecond a file.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._parsed: dict[str, list[Mapping[str, Any]]] = {}
        self._by_word: dict[str, list[str]] = {}
        for path, data in files.items():
            for word in _list_words(data.decode("utf-8", "replace")):
                self._by_word.setdefault(word, []).append(path)

    def __call__(self, place: Place, own: Iterable[bytes]) -> frozenset[str]:
        """Return the files that deploy the installation too; `own` are our Applications."""
        wanted = {place.values, place.folder, place.namespace, *_UNNAMED}
        paths = {path for word in wanted for path in self._by_word.get(word, ())}
        paths -= place.applications
        if not paths:
            return frozenset()
        ours = read_deployment(one for data in own for one in _parse("", data))
        return frozenset(
            path
            for path in paths
            if any(find_second_installation(place, one, ours) for one in self._documents(path))
        )

    def _documents(self, path: str) -> list[Mapping[str, Any]]:
        if path not in self._parsed:
            self._parsed[path] = _parse(path, self._files[path])
        return self._parsed[path]


def _parse(path: str, data: bytes) -> list[Mapping[str, Any]]:
    """Return the documents of a file without projects, which deploy nothing."""
    # Most plans find no file to parse, and do not need the parser.
    from wizard.formats.yaml_untrusted import parse_yaml

    return [
        one
        for one in parse_yaml(path, data)[0]
        if isinstance(one, Mapping) and one.get("kind") != "AppProject"
    ]


def _list_words(text: str) -> set[str]:
    """Return the words of a text as the paths that they may be, with and without `$ref/`."""
    words = set(_WORD.findall(text))
    words |= {word.partition("/")[2] for word in words if word.startswith("$")}
    return {posixpath.normpath(word.strip("/")) if "/" in word else word for word in words}


@dataclass(frozen=True, slots=True)
class Deployment:
    """The repositories from which our Applications take files, and the clusters they deploy to."""

    repositories: frozenset[str]
    servers: frozenset[str]


def read_deployment(applications: Iterable[Mapping[str, Any]]) -> Deployment:
    """Return what our Applications say of their sources and destinations."""
    found = list(applications)
    sources = (one for data in found for one in _list_sources(data))
    servers = (get_value(data, ("spec", "destination", "server")) for data in found)
    return Deployment(
        frozenset(repository_place(str(one["repoURL"])) for one in sources if "chart" not in one),
        frozenset(one.rstrip("/") for one in servers if isinstance(one, str)),
    )


def find_second_installation(place: Place, data: Mapping[str, Any], ours: Deployment) -> str:
    """Return the place that names our values or manifests, or installs our chart; else "".

    The same path in another repository is not ours, nor the same namespace of another cluster.
    """
    values, folder = place.values, place.folder
    others = {
        f"${source.get('ref')}"
        for source in _list_sources(data)
        if _is_elsewhere(source, ours.repositories)
    }
    for path, value in walk(data):
        if isinstance(value, str) and len(path) > 1 and path[-2] == "valueFiles":
            root, _, file = value.partition("/")
            if root not in others and _resolve(file) == values:
                return format_path(path)
        elif isinstance(value, Mapping):
            if _installs_chart(place, value, ours.servers):
                return format_path(path)
            if not _is_elsewhere(value, ours.repositories):
                if _generates_folder(value, folder):
                    return format_path((*path, "directories"))
                if _names_folder(value, folder):
                    return format_path((*path, "path"))
                if _applies_above(place, value):
                    return format_path(path)
    return ""


def _list_sources(data: object) -> Iterator[Mapping[str, Any]]:
    """Yield the sources of an Application or of a template of one."""
    for _, value in walk(data):
        if isinstance(value, Mapping) and isinstance(value.get("repoURL"), str):
            yield value


def _is_elsewhere(source: Mapping[str, Any], repositories: frozenset[str]) -> bool:
    """Return whether a source is certainly another repository; a template may be any."""
    url = source.get("repoURL")
    if not isinstance(url, str) or "{{" in url or not repositories:
        return False
    return repository_place(url) not in repositories


def _names_folder(source: Mapping[str, Any], folder: str) -> bool:
    """Return whether this is a source of our folder; a generator's `path` has no repoURL."""
    path = source.get("path")
    return "repoURL" in source and isinstance(path, str) and _resolve(path) == folder


def _generates_folder(generator: Mapping[str, Any], folder: str) -> bool:
    """Return whether this is a Git generator that makes an Application of our folder.

    Source: Argo CD 3.5, path.Match: `*` matches within one part of a path; `exclude` wins.
    """
    if "repoURL" not in generator:
        return False
    matching = [
        one
        for one in map(_as_mapping, _as_list(generator.get("directories")))
        if isinstance(one.get("path"), str) and _matches_parts(folder, _resolve(one["path"]))
    ]
    return bool(matching) and not any(one.get("exclude") is True for one in matching)


def _matches_parts(path: str, glob: str) -> bool:
    parts, patterns = path.split("/"), glob.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _applies_above(place: Place, source: Mapping[str, Any]) -> bool:
    """Return whether this source applies files of ours below a folder above our manifests."""
    path, directory = source.get("path"), _as_mapping(source.get("directory"))
    if directory.get("recurse") is not True or not isinstance(path, str):
        return False
    above = _resolve(path)
    inside = [
        one if above == "." else one.removeprefix(f"{above}/")
        for one in place.manifests
        if above == "." or one.startswith(f"{above}/")
    ]
    include, exclude = (str(directory.get(key) or "") for key in ("include", "exclude"))
    return any(
        (not include or _matches(one, include)) and not (exclude and _matches(one, exclude))
        for one in inside
    )


def _matches(path: str, glob: str) -> bool:
    """Return whether a path matches a glob of Argo CD, in which `{a,b}` is a choice."""
    head, brace, rest = glob.partition("{")
    inner, closed, tail = rest.partition("}")
    if brace and closed and "{" not in inner:
        return any(_matches(path, f"{head}{one}{tail}") for one in inner.split(",")[:50])
    return fnmatchcase(path, glob)


def _is_other_cluster(destination: Mapping[str, Any], servers: frozenset[str]) -> bool:
    """Return whether a destination is certainly another cluster than ours, by its address."""
    server = destination.get("server")
    if destination.get("name") == "in-cluster":
        server = IN_CLUSTER_SERVER
    if not isinstance(server, str) or "{{" in server or not servers:
        return False
    return server.rstrip("/") not in servers


def deploys_to(data: Mapping[str, Any], namespace: str, servers: frozenset[str]) -> bool:
    """Return whether an Application, or one of a set, may deploy to a namespace of our clusters."""
    return any(
        _is_here(value["destination"], namespace, servers)
        for _, value in walk(data)
        if isinstance(value, Mapping) and isinstance(value.get("destination"), Mapping)
    )


def _is_here(place: Mapping[str, Any], namespace: str, servers: frozenset[str]) -> bool:
    named = str(place.get("namespace") or "")
    return (named == namespace or "{{" in named) and not _is_other_cluster(place, servers)


def _installs_chart(place: Place, spec: Mapping[str, Any], servers: frozenset[str]) -> bool:
    """Return whether this is the spec of an Application with Airflow's chart in our namespace."""
    if get_value(spec, ("destination", "namespace")) != place.namespace:
        return False
    if _is_other_cluster(_as_mapping(spec.get("destination")), servers):
        return False
    sources = [*_as_list(spec.get("sources")), spec.get("source")]
    charts = [
        one
        for one in map(_as_mapping, sources)
        if str(one.get("chart") or "").rpartition("/")[2] == "airflow"
    ]
    return any(not place.release or _may_be_release(one, place.release) for one in charts)


def _may_be_release(source: Mapping[str, Any], release: str) -> bool:
    """Return whether a source may install this release; without a name it is the Application's."""
    named = _as_mapping(source.get("helm")).get("releaseName")
    return not named or "{{" in str(named) or str(named) == release


def _resolve(path: str) -> str:
    return posixpath.normpath(path.strip("/"))


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _as_mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
