"""Whose a secret in a Key Vault is: its tag names the installation that made it."""

from __future__ import annotations

from collections.abc import Mapping

from wizard.manifests.ownership import Ownership, judge_source, owner_label

SOURCE_TAG, KEY_TAG = "airflow-wizard-source", "airflow-wizard-key"
# The longest value of a tag in Azure.
_MOST_TAG = 256


def source_tag(source: str) -> str:
    """Return the value of the tag: the source, or its hash if a tag cannot hold it."""
    return source if len(source) <= _MOST_TAG else f"sha256-{owner_label(source)}"


def make_tags(source: str, key: str) -> dict[str, str]:
    """Return the tags of a secret that this installation makes for a key of the payload."""
    return {KEY_TAG: key, **({SOURCE_TAG: source_tag(source)} if source else {})}


def judge_tags(tags: Mapping[str, str], source: str) -> Ownership:
    """Return whose a secret with these tags is; `source` is that of this installation."""
    return judge_source(str(tags.get(SOURCE_TAG) or ""), source_tag(source))
