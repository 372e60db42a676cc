"""Host keys in the answers: the public keys of a Git host, with the reason for their trust."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from wizard.formats.types import Text
from wizard.hostkeys.trust import format_known_hosts
from wizard.hostkeys.verdict import Evidence, KnownHost
from wizard.questions.section import Model

TAKES_HOST_KEYS = (
    "the output of ssh-keyscan (several lines: host_keys: |), a list of its "
    "lines, or a list of {host, type, key}, which is the saved form"
)


class EvidenceRecord(Model):
    """Why a key was accepted. The record is verified again at every run (`wizard.hostkeys`)."""

    kind: Literal["published", "fingerprint"]
    sha256: Text = ""
    by: Text = ""
    date: Text = ""
    source: Text = ""


class HostKeyEntry(Model):
    """One public host key of the repository's host."""

    host: Text
    type: Text
    key: Text
    evidence: EvidenceRecord | None = None


def known_hosts_text(entries: Iterable[HostKeyEntry], port: int) -> str:
    """Return known_hosts lines for the keys with evidence; empty without a trusted key."""
    trusted = [
        KnownHost(item.host, item.type, item.key, Evidence(**item.evidence.model_dump()))
        for item in entries
        if item.evidence is not None
    ]
    return format_known_hosts(trusted, port=port) if trusted else ""
