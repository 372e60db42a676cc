"""The owner of an object: an installation of a repository, recorded on the object itself.

The label `managed-by` only shows that a wizard created the object. Two repositories may have
installations of the same name, while Argo CD has only one object per name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from wizard.formats.addresses import normalize_url, parse_git_url

# An annotation, because a label's value cannot be an owner id. Helm releases have only labels.
OWNER_ANNOTATION = "airflow-wizard/source"


def owner_id(url: str, prefix: str, installation: str) -> str:
    """Return the owner id of an installation, the same for all spellings of a repository's URL.

    The id is empty without a URL.
    """
    if not url:
        return ""
    folder = prefix.strip("/")
    return f"{_place(url)}{'' if folder in {'', '.'} else f'//{folder}'}#{installation}"


def _place(url: str) -> str:
    """Return host and path of a repository, the same for ssh://, user@host:path and https://."""
    try:
        found = parse_git_url(url)
    except ValueError:
        # For example a local folder, or a host alias of the SSH configuration.
        return re.sub(r"^[a-z+]+://", "", normalize_url(url.rstrip("/")))
    return normalize_url(f"{found.host}/{found.path.strip('/')}")


def owner_label(text: str) -> str:
    """Return an owner id as the value of a label: 20 characters of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:20] if text else ""


def describe_other_owner(found: Mapping[str, Any], own: str) -> str:
    """Return the owner of an object if it is not `own`; empty if the object names no owner."""
    owner = str((found["metadata"].get("annotations") or {}).get(OWNER_ANNOTATION) or "")
    if not owner or owner == own:
        return ""
    place, _, installation = owner.rpartition("#")
    return f"installation {installation} of {place}" if place else owner
