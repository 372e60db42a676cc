"""Whose a secret in AWS is: its tag names the installation that made it.

Source: AWS documentation, "Tagging your AWS resources" (characters and lengths).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from wizard.manifests.ownership import Ownership, judge_source, owner_label

SOURCE_TAG, KEY_TAG = "airflow-wizard-source", "airflow-wizard-key"
_VALUE = re.compile(r"[A-Za-z0-9 _.:/=+@-]{1,256}")


def source_tag(source: str) -> str:
    """Return the value of the tag: the source with @ for #, or its hash if no tag can hold it."""
    text = source.replace("#", "@")
    if "@" not in source and _VALUE.fullmatch(text):
        return text
    return f"sha256-{owner_label(source)}"


def make_tags(source: str, key: str) -> dict[str, str]:
    """Return the tags of a secret that this installation makes for a key of the payload."""
    return {KEY_TAG: key, **({SOURCE_TAG: source_tag(source)} if source else {})}


def judge_tags(tags: Mapping[str, str], source: str) -> Ownership:
    """Return whose a secret with these tags is; `source` is that of this installation."""
    own = source_tag(source) if source else ""
    return judge_source(str(tags.get(SOURCE_TAG) or "").replace("@", "#"), own.replace("@", "#"))
