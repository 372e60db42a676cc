"""The source of an object: the installation of a repository that made it, recorded on the object.

Objects in the cluster have an annotation, policies in Vault a comment, and mounts a description.
The label `managed-by` only shows that a wizard made the object: two repositories may have
installations of the same name, while a cluster has only one object per name.

A source is a repository's address, its folder and the installation's name, for example
`git.example.com/platform/k8s-infra#airflow`. It is a function of the answers, so all clones render
the same bytes. `repository.source` keeps it stable when the repository moves.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wizard.formats.addresses import normalize_url, parse_git_url

# An annotation, because a label's value cannot be an owner id. Helm releases have only labels.
OWNER_ANNOTATION = "airflow-wizard/source"

Whose = Literal["ours", "unknown", "another's"]


@dataclass(frozen=True, slots=True)
class Ownership:
    """Whose an object is, and the evidence as the predicate of a sentence about the object.

    `source` is the source that the object names; empty if it names none. An object that is
    another's and names its source is never changed or deleted, whatever the operator accepts. An
    object whose owner is unknown is touched only after a yes to exactly the shown list.
    """

    whose: Whose
    reason: str
    source: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether this installation made the object."""
        return self.whose == "ours"

    @property
    def is_proven_foreign(self) -> bool:
        """Whether the object names another source, so that no yes may override it."""
        return self.whose == "another's" and bool(self.source)


def judge_source(source: str, own: str) -> Ownership:
    """Return whose an object is that names this source; `own` is that of this installation."""
    if not source:
        return Ownership("unknown", "does not say which repository it belongs to")
    if source == own:
        return Ownership("ours", "was made by this installation", source)
    return Ownership("another's", f"belongs to {describe_source(source)}", source)


def owner_id(url: str, prefix: str, installation: str) -> str:
    """Return the owner id of an installation, the same for all spellings of a repository's URL.

    The id is empty without a URL.
    """
    if not url:
        return ""
    folder = prefix.strip("/")
    return f"{repository_place(url)}{'' if folder in {'', '.'} else f'//{folder}'}#{installation}"


def repository_place(url: str) -> str:
    """Return host and path of a repository, the same for ssh://, user@host:path and https://."""
    try:
        found = parse_git_url(url)
    except ValueError:
        # For example a local folder, a host alias of the SSH configuration, or a place already.
        return re.sub(r"^[a-z+]+://", "", normalize_url(url.rstrip("/")))
    return normalize_url(f"{found.host}/{found.path.strip('/')}")


def clean_place(place: str) -> str:
    """Return a place with only the characters that the answer `repository.source` may have."""
    return re.sub(r"[^A-Za-z0-9_.~+:/-]", "-", place)


def owner_label(text: str) -> str:
    """Return an owner id as the value of a label: 20 characters of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:20] if text else ""


def source_manager(source: str) -> str:
    """Return the field manager of a source, so that those of two repositories conflict."""
    return f"airflow-wizard-{owner_label(source)[:12]}" if source else "airflow-wizard"


def apply_command(source: str, options: str) -> str:
    """Return the kubectl command that applies files as `apply` does, so that both may be used.

    Another repository's command is refused by the API server for what it would change.
    """
    return f"kubectl apply --server-side --field-manager={source_manager(source)} {options}"


def read_source(found: Mapping[str, Any]) -> str:
    """Return the source that an object of the cluster names; empty if it names none."""
    return str((found["metadata"].get("annotations") or {}).get(OWNER_ANNOTATION) or "")


def describe_source(source: str) -> str:
    """Return a source as words; the text comes from outside and is not safe to print."""
    place, _, installation = source.rpartition("#")
    return f"installation {installation} of {place}" if place else source
