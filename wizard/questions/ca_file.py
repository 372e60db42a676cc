"""The questions about a private CA, shared by the sections that need one."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from wizard.formats.types import CertificateFile
from wizard.questions.assets import CERTIFICATES
from wizard.questions.section import Model, QuestionInfo


def ca_file_field() -> Any:
    """Return the question about the file, for models that find it in a place of their own."""
    return Field(
        default="",
        title="CA file",
        description="PEM file of your own CA. Only the certificates in it are used.",
    )


class CaFile(Model):
    """A PEM file with CA certificates, relative to the answers file."""

    file: Annotated[CertificateFile, QuestionInfo(asset=CERTIFICATES)] = ca_file_field()
