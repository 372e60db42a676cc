"""Whose an object in Vault is: by the source that it names, never by equal contents.

A policy names its source in a comment, a mount in its description, and a payload in its custom
metadata. A role has no field for it that every version of Vault keeps, and Vault's operators often
allow only the fields they know; so a role belongs to whoever wrote the policies that it gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from wizard.manifests.ownership import OWNER_ANNOTATION, Ownership, judge_source
from wizard.stores.vault.manifests import POLICY_SOURCE

MADE = "made by airflow-wizard for "


class Found(Protocol):
    """What a login sees at a path; see `wizard.systems.vault.looks.PathState`."""

    @property
    def data(self) -> Mapping[str, Any] | None:
        """The content; None if there is none."""

    @property
    def hidden(self) -> bool:
        """Whether the login may not read it."""


def mount_description(installation: str, source: str) -> str:
    """Return the description of a mount, which names its creator."""
    named = f"{MADE}{installation}"
    return f"{named}; {OWNER_ANNOTATION}: {source}" if source else named


def judge_policy(policy: str, own: str) -> Ownership:
    """Return whose a policy is; several sources that differ make it another's."""
    named = set(_list_sources(policy))
    others = sorted(named - {own})
    return judge_source(others[0] if others else own if named else "", own)


def _list_sources(policy: str) -> Iterator[str]:
    for line in policy.splitlines():
        comment = line.strip()
        name, _, source = comment.removeprefix("#").partition(":")
        if comment.startswith("#") and name.strip() == POLICY_SOURCE and source.strip():
            yield source.strip()


def judge_mount(entry: Mapping[str, Any], own: str) -> Ownership:
    """Return whose a mount is, from its description."""
    text = str(entry.get("description") or "")
    if text.startswith(MADE):
        return judge_source(text.partition(f"; {OWNER_ANNOTATION}: ")[2].strip(), own)
    return Ownership("another's", "was not created by this installation")


def is_kv_2(entry: Mapping[str, Any]) -> bool:
    """Return whether a mount is KV version 2, from its entry in Vault's list of mounts.

    A mount without a version is of version 1.
    """
    options = entry.get("options")
    version = options.get("version") if isinstance(options, Mapping) else None
    return (entry.get("type"), str(version or "")) == ("kv", "2")


def judge_role(role: Mapping[str, Any], own: str, read_policy: Callable[[str], Found]) -> Ownership:
    """Return whose a role is: that of all policies which it gives.

    `read_policy` returns a policy by its name.
    """
    listed = role.get("token_policies") or role.get("policies") or []
    verdict = Ownership("unknown", "gives no policy that says which repository it belongs to")
    for name in listed:
        found = read_policy(str(name))
        if found.hidden or found.data is None:
            why = "this token cannot read" if found.hidden else "does not exist"
            return Ownership("unknown", f"gives policy {name}, which {why}")
        owner = judge_policy(str(found.data.get("policy") or ""), own)
        if not owner.is_ours:
            reason = f"gives policy {name}, which {owner.reason}"
            return Ownership(owner.whose, reason, owner.source)
        verdict = owner
    return verdict


def judge_payload(metadata: Mapping[str, Any], own: str) -> Ownership:
    """Return whose a payload is, from its custom metadata."""
    custom = metadata.get("custom_metadata") or {}
    return judge_source(str(custom.get(OWNER_ANNOTATION) or ""), own)
