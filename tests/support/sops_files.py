"""Files in the form that SOPS writes; nobody encrypted them. For tests of what reads the form."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from wizard.formats.sops_files import SECRET_FIELDS, SECRET_REGEX


def sealed(seed: str = "x") -> str:
    """A value in the form of an encrypted one."""
    data = base64.b64encode(seed.encode() * 4).decode()
    return f"ENC[AES256_GCM,data:{data},iv:{data},tag:{data},type:str]"


def sops_metadata(recipients: Sequence[str], *, secret: bool = True) -> dict[str, Any]:
    """What SOPS writes under `sops`."""
    body = base64.b64encode(b"age-encryption.org/v1").decode()
    block = f"-----BEGIN AGE ENCRYPTED FILE-----\n{body}\n-----END AGE ENCRYPTED FILE-----\n"
    found = {
        "age": [{"enc": block, "recipient": one} for one in recipients],
        "lastmodified": "2026-11-30T10:00:00Z",
        "mac": sealed("mac"),
        "version": "3.13.3",
    }
    return found | ({"encrypted_regex": SECRET_REGEX} if secret else {})


def sealed_file(content: Mapping[str, Any], recipients: Sequence[str]) -> dict[str, Any]:
    """The content as a parsed file; of a Secret, only its values are in the encrypted form."""
    secret = content.get("kind") == "Secret"
    encrypted = {
        key: {name: sealed(name) for name in value} if secret else sealed(key)
        for key, value in content.items()
        if not secret or key in SECRET_FIELDS
    }
    return {**content, **encrypted, "sops": sops_metadata(recipients, secret=secret)}


def dump(data: Mapping[str, Any]) -> bytes:
    """The text of a file."""
    return yaml.safe_dump(dict(data), sort_keys=False).encode()
