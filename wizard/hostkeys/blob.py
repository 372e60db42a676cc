"""Validates public key blobs byte by byte: a blob is exactly one valid key, or an error.

Sources: RFC 4251 (strings and numbers), RFC 4253 (blobs, RSA), RFC 5656 (ECDSA) and RFC 8709
(Ed25519). Does not use cryptography; see test_a_plan_with_host_keys_loads_no_cryptography.
"""

from __future__ import annotations

import base64
import binascii
import struct

MIN_RSA_BITS = 2048
_MAX_RSA_BITS = 16384  # OpenSSH's limit (SSHBUF_MAX_BIGNUM)

# p = 2^256 - 2^224 + 2^192 + 2^96 - 1 etc., and b of y^2 = x^3 - 3x + b (FIPS 186-4, D.1.2).
_CURVES = {
    "nistp256": (
        256,
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    ),
    "nistp384": (
        384,
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        int(
            "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875a"
            "c656398d8a2ed19d2a85c8edd3ec2aef",
            16,
        ),
    ),
    "nistp521": (
        521,
        2**521 - 1,
        int(
            "0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef1"
            "09e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
            16,
        ),
    ),
}


def decode_key(text: str) -> bytes:
    """Return the bytes of canonical base64; ValueError names the problem and the fix."""
    try:
        blob = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        blob = b""
    if not blob or base64.b64encode(blob).decode() != text:
        raise ValueError(
            "the key is not complete base64: copy the whole line again, without line breaks"
        )
    return blob


class _Reader:
    """Reads RFC 4251 strings from a blob, never past its end."""

    def __init__(self, blob: bytes) -> None:
        self.rest = blob

    def string(self) -> bytes:
        if len(self.rest) < 4:
            raise ValueError("the key is truncated: copy the whole line again")
        (size,) = struct.unpack(">I", self.rest[:4])
        if size > len(self.rest) - 4:
            raise ValueError("the key is truncated: copy the whole line again")
        value, self.rest = self.rest[4 : 4 + size], self.rest[4 + size :]
        return value

    def mpint(self) -> int:
        value = self.string()
        minimal = value[:1] != b"\0" or value[1:2] >= b"\x80"
        if not value or value[0] >= 0x80 or not minimal:
            raise ValueError("the key is damaged (a number is not in its shortest form)")
        return int.from_bytes(value, "big")


def check_blob(name: str, blob: bytes) -> int:
    """Return the key's size in bits; ValueError unless the blob is exactly one key of this type."""
    reader = _Reader(blob)
    if reader.string() != name.encode():
        raise ValueError("the key's type does not match its bytes: copy the whole line again")
    if name == "ssh-ed25519":
        if len(reader.string()) != 32:
            raise ValueError("an ssh-ed25519 key has 32 bytes: copy the whole line again")
        bits = 256
    elif name == "ssh-rsa":
        bits = _check_rsa(reader)
    else:
        bits = _check_ecdsa(reader, name.removeprefix("ecdsa-sha2-"))
    if reader.rest:
        raise ValueError("there is data after the end of the key: copy the line again")
    return bits


def _check_rsa(reader: _Reader) -> int:
    exponent, modulus = reader.mpint(), reader.mpint()
    bits = modulus.bit_length()
    if bits < MIN_RSA_BITS:
        raise ValueError(
            f"this ssh-rsa key has {bits} bits, but at least {MIN_RSA_BITS} are required: paste "
            "a different key of the host, or have its owner create an ssh-ed25519 key"
        )
    if bits > _MAX_RSA_BITS or exponent < 3 or exponent % 2 == 0 or modulus % 2 == 0:
        raise ValueError("the ssh-rsa key is damaged: copy the whole line again")
    return bits


def _check_ecdsa(reader: _Reader, curve: str) -> int:
    bits, prime, b = _CURVES[curve]
    size = (bits + 7) // 8
    if reader.string() != curve.encode():
        raise ValueError("the key's curve does not match its type: copy the whole line again")
    point = reader.string()
    if len(point) != 1 + 2 * size or point[0] != 4:
        raise ValueError(f"the ECDSA key needs {1 + 2 * size} bytes: copy the whole line again")
    x = int.from_bytes(point[1 : 1 + size], "big")
    y = int.from_bytes(point[1 + size :], "big")
    # A made-up point after a correct prefix is not on the curve, so it fails here.
    if max(x, y) >= prime or (y * y - (x * x * x - 3 * x + b)) % prime:
        raise ValueError("the ECDSA key is damaged (not a point of its curve): copy it again")
    return bits
