"""Lists of Helm values to which `values:` of the answers adds items, instead of replacing them.

Helm replaces a whole list, so a variable or a mount of one's own would otherwise remove those that
questions give. Each item has an identity; two different items with one identity are not joined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wizard.formats.yaml_writer import dump_yaml

# The last part of a list's key, and the field that no two of its items share; "": the whole item.
_IDENTITIES: Mapping[str, str] = {
    "env": "name",
    "extraEnv": "name",
    "extraEnvFrom": "",
    "extraVolumeMounts": "mountPath",
    "extraVolumes": "name",
    "secret": "envName",
    "volumeMounts": "mountPath",
    "volumes": "name",
}

# Lists that only a merge with hand edits takes item by item.
_MERGED: Mapping[str, str] = {
    **_IDENTITIES,
    "clusterResourceWhitelist": "",
    "destinations": "",
    "finalizers": "",
    "imagePullSecrets": "name",
    "namespaceResourceWhitelist": "",
    "resources": "",
    "sourceRepos": "",
    "syncOptions": "",
    "tolerations": "",
}


def find_identity(key: str) -> str | None:
    """Return the field that identifies the items of a list, by the last part of its key.

    The field is empty if whole items are compared. None if the list is one value in a merge.
    """
    return _MERGED.get(key)


def join_lists(key: str, ours: object, given: object) -> object | None:
    """Return the list with our items and then the other given ones; None if they cannot be joined.

    `key` is the last part of the list's key. The chart has some lists as text, which stay text.
    """
    if key not in _IDENTITIES:
        return None
    if isinstance(ours, str) and isinstance(given, str):
        return _join_texts(key, ours, given)
    return _join(key, ours, given)


def _join(key: str, ours: object, given: object) -> list[Any] | None:
    if not (isinstance(ours, list) and isinstance(given, list) and given):
        return None
    more = [item for item in given if item not in ours]
    identity = _IDENTITIES[key]
    if identity:
        names = [_identify(item, identity) for item in more]
        taken = {_identify(item, identity) for item in ours}
        if not all(names) or taken.intersection(names):
            return None
    return [*ours, *more]


def _identify(item: object, identity: str) -> str:
    found = item.get(identity) if isinstance(item, Mapping) else None
    return found if isinstance(found, str) else ""


def _join_texts(key: str, ours: str, given: str) -> str | None:
    # Most answers add to no list that is text, and a plan without changes needs no parser.
    from wizard.formats.yaml_untrusted import parse_yaml_text

    mine, more = parse_yaml_text(ours), parse_yaml_text(given)
    joined = _join(key, mine, more)
    if joined is None or not isinstance(mine, list) or not isinstance(more, list):
        return None
    if more[: len(mine)] == mine:
        # It keeps the text as it was written, with its comments and templates.
        return given
    if _is_block(given) and not any(item in mine for item in more):
        return f"{ours.rstrip()}\n{given}"
    return dump_yaml(joined)


def _is_block(text: str) -> bool:
    """Return whether every item of a list begins in the first column, as in ours."""
    lines: Sequence[str] = [line for line in text.splitlines() if line.strip()]
    return bool(lines) and all(line[0] in "- #" for line in lines) and lines[0][0] in "-#"
