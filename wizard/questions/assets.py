"""The kinds of public text files that answers name; each is saved beside the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wizard.formats.certificates import extract_certificates
from wizard.formats.input_files import MAX_CERTIFICATES, MAX_MANIFEST
from wizard.formats.types import has_hidden


def _read_certificates(data: bytes) -> str:
    return extract_certificates(data.decode("ascii", "replace"))


def _read_pod(data: bytes) -> str:
    # Loaded only where an answer names a template: every command imports this module.
    from wizard.chart.pod_template import parse_pod_template
    from wizard.secrets.scan import withhold_secrets

    try:
        text = "\n".join(data.decode("utf-8").splitlines()) + "\n"
    except UnicodeDecodeError:
        raise ValueError("the file is not UTF-8 text") from None
    if any(has_hidden(line) for line in text.split("\n")):
        raise ValueError("remove tabs, control and bidirectional characters from the file")
    try:
        parse_pod_template(text)
    except ValueError as error:
        # A place in the file could be a pasted secret.
        raise ValueError(withhold_secrets(str(error))) from None
    return text


@dataclass(frozen=True, slots=True)
class Asset:
    """One kind of file. `logical`: id of the saved file. `limit`: its most bytes.

    `read` takes the bytes of the file and returns the text to save. It raises ValueError if the
    file holds something else, and never repeats the text. `content` says what belongs in the file.
    """

    logical: str
    content: str
    limit: int
    read: Callable[[bytes], str]


CERTIFICATES = Asset("ca", "CA certificates", MAX_CERTIFICATES, _read_certificates)
POD_TEMPLATE = Asset("pod-template", "a pod template", MAX_MANIFEST, _read_pod)
