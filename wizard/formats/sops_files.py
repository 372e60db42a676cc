"""Reads files that SOPS encrypted, without any key: who can decrypt them, and what is encrypted.

Only the form is judged here. That nothing was changed since is proven by decryption, which SOPS
refuses if the file's MAC does not fit. Source: SOPS 3.13, README and stores/stores.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.formats.nested import format_path

# Only these fields of a Secret are encrypted, so that Git shows its name and its keys.
SECRET_FIELDS = ("data", "stringData")
SECRET_REGEX = "^(data|stringData)$"  # noqa: S105 - a pattern of field names
METADATA = "sops"
_VALUE = re.compile(
    r"ENC\[AES256_GCM,data:[A-Za-z0-9+/]+={0,2},iv:[A-Za-z0-9+/]+={0,2},"
    r"tag:[A-Za-z0-9+/]+={0,2},type:(?:str|int|float|bool|bytes)\]"
)
_BLOCK = re.compile(
    r"-----BEGIN AGE ENCRYPTED FILE-----\n(?:[A-Za-z0-9+/=]{1,64}\n)+"
    r"-----END AGE ENCRYPTED FILE-----\n?"
)
# Everything by which SOPS may give the data key to somebody else.
_OTHER_KEYS = ("kms", "gcp_kms", "azure_kv", "hc_vault", "hckms", "pgp", "key_groups")
_HEADER = ("apiVersion", "kind", "metadata", "type")


def list_recipients(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the age public keys that a file is encrypted for; empty without any."""
    found = _mapping(data.get(METADATA)).get("age")
    items = found if isinstance(found, list) else []
    return tuple(str(_mapping(one).get("recipient") or "") for one in items)


def is_encrypted_value(value: object) -> bool:
    """Return whether a value is what SOPS writes for a value; it leaves an empty text empty."""
    return value == "" or (isinstance(value, str) and _VALUE.fullmatch(value) is not None)


def find_faults(data: Mapping[str, Any], *, secret: bool) -> Iterator[tuple[str, str]]:
    """Yield place and sentence of everything by which a file may not be in Git; no value is named.

    In a `secret`, the fields with values are encrypted, and it has no fields but those of a Secret;
    in any other file, every value is.
    """
    yield from _find_metadata_faults(_mapping(data.get(METADATA)), secret=secret)
    if not secret:
        yield from _find_plain({key: one for key, one in data.items() if key != METADATA}, ())
        return
    for key in data:
        if key in SECRET_FIELDS:
            yield from _find_plain(data[key], (key,))
        elif key not in (*_HEADER, METADATA):
            yield str(key), "is no field of a Secret with its values under stringData"


def _find_metadata_faults(sops: Mapping[str, Any], *, secret: bool) -> Iterator[tuple[str, str]]:
    if not sops:
        yield METADATA, "is missing: SOPS did not encrypt this file"
        return
    mac = sops.get("mac")
    if not mac or not is_encrypted_value(mac):
        yield f"{METADATA}.mac", "is missing or malformed, so a change of the file is not noticed"
    if sops.get("mac_only_encrypted"):
        yield f"{METADATA}.mac_only_encrypted", "is set: a change of name or labels is not noticed"
    if not isinstance(sops.get("lastmodified"), str):
        yield f"{METADATA}.lastmodified", "is missing: SOPS cannot check the MAC without it"
    for key in _OTHER_KEYS:
        if sops.get(key):
            yield f"{METADATA}.{key}", "gives the values to keys that no answer names"
    wanted = SECRET_REGEX if secret else None
    if sops.get("encrypted_regex") != wanted:
        yield f"{METADATA}.encrypted_regex", f"must be {wanted}" if wanted else "must not be set"
    items = sops.get("age")
    if not isinstance(items, list) or not items:
        yield f"{METADATA}.age", "names no recipient"
        return
    for number, one in enumerate(items):
        if not _BLOCK.fullmatch(str(_mapping(one).get("enc") or "")):
            yield f"{METADATA}.age[{number}].enc", "is not the data key, encrypted with age"


def _find_plain(value: object, path: tuple[str | int, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _find_plain(one, (*path, str(key)))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _find_plain(one, (*path, number))
    elif not is_encrypted_value(value):
        yield format_path(path), "is not encrypted"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
