"""Extracts PEM certificates from text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


_BLOCK = re.compile(
    r"-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]++)-----END CERTIFICATE-----", re.ASCII
)


def extract_certificates(text: str) -> str:
    """Return the certificates of a PEM text, each re-encoded, without any other text.

    Raises ValueError if there is none, or a block is not an X.509 certificate. Thus a private key
    or a token in the text cannot get into the repository.
    """
    import base64
    import binascii

    from cryptography.x509 import load_der_x509_certificate

    found = []
    for match in _BLOCK.finditer(text):
        try:
            der = base64.b64decode("".join(match[1].split()), validate=True)
            load_der_x509_certificate(der)
        except (binascii.Error, ValueError):
            raise ValueError("a CERTIFICATE block is not a valid certificate") from None
        body = base64.b64encode(der).decode("ascii")
        lines = [body[at : at + 64] for at in range(0, len(body), 64)]
        found.append(
            "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----"])
        )
    if not found:
        raise ValueError("no CERTIFICATE block found; give the CA's certificate as PEM")
    return "\n".join(found) + "\n"
