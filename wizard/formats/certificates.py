"""PEM certificates in text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


_BLOCK = re.compile(
    r"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----", re.ASCII
)


def extract_certificates(text: str) -> str:
    """The certificates in a PEM text, each rewritten by us; everything else is left out.

    Raises ValueError when there is none, or a block is no X.509 certificate: a private key or a
    token in the file can then not reach the repository.
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
            raise ValueError("a CERTIFICATE block in it is not a certificate") from None
        body = base64.b64encode(der).decode("ascii")
        lines = [body[at : at + 64] for at in range(0, len(body), 64)]
        found.append(
            "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----"])
        )
    if not found:
        raise ValueError("it holds no CERTIFICATE block; give the CA's certificate as PEM")
    return "\n".join(found) + "\n"
