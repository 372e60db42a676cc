"""Which installation of which repository an object belongs to, as the object itself says it.

The label `managed-by` tells that a wizard made it, not whose: two repositories may well have an
installation of the same name, and one Argo CD keeps one object of a name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from wizard.formats.addresses import normalize_url, parse_git_url

# An annotation, because a label's value could not hold it; Helm's releases have labels only.
OWNER_ANNOTATION = "airflow-wizard/source"


def owner_id(url: str, prefix: str, installation: str) -> str:
    """The installation of a repository, whichever way its URL is written; empty without a URL."""
    if not url:
        return ""
    folder = prefix.strip("/")
    return f"{_place(url)}{'' if folder in {'', '.'} else f'//{folder}'}#{installation}"


def _place(url: str) -> str:
    """Host and path of a repository, the same for ssh://, user@host:path and https://."""
    try:
        found = parse_git_url(url)
    except ValueError:
        # Such as a folder of this machine, or a host that only its SSH configuration knows.
        return re.sub(r"^[a-z+]+://", "", normalize_url(url.rstrip("/")))
    return normalize_url(f"{found.host}/{found.path.strip('/')}")


def owner_label(text: str) -> str:
    """The same as the value of a label."""
    return hashlib.sha256(text.encode()).hexdigest()[:20] if text else ""


def describe_other_owner(found: Mapping[str, Any], own: str) -> str:
    """Whose an object is that names another source than `own`; empty where it names none."""
    theirs = str((found["metadata"].get("annotations") or {}).get(OWNER_ANNOTATION) or "")
    if not theirs or theirs == own:
        return ""
    place, _, installation = theirs.rpartition("#")
    return f"installation {installation} of {place}" if place else theirs
