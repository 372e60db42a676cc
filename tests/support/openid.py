"""A stand-in for an identity provider: OpenID Connect's code flow, for `tests.support.servers`.

It is no real provider. It checks what Airflow sends (client, redirect URI, PKCE), signs ID tokens
with RS256, and can be told to misbehave.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.servers import Answer, Asked


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@dataclass
class IdentityProvider:
    """The provider; whoever asks next is the person with these `claims`.

    `hidden` are claims that only the userinfo endpoint tells. `fault` makes the next ID token
    wrong: "signature", "audience", "issuer", "nonce", "expired" or "missing".
    """

    client_id: str
    client_secret: str
    redirect_uri: str
    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    hidden: dict[str, Any] = field(default_factory=dict)
    fault: str = ""
    _key: rsa.RSAPrivateKey = field(default_factory=_new_key)
    _other: rsa.RSAPrivateKey = field(default_factory=_new_key)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Answer:
        """Answer one request; 400 for what a client does wrong."""
        path, query = urlsplit(asked.path).path, urlsplit(asked.path).query
        if path == "/.well-known/openid-configuration":
            return _json(self._metadata())
        if path == "/keys":
            return _json({"keys": [self._public_key()]})
        if path == "/authorize":
            return self._authorize(_single(query))
        if path == "/token":
            return self._give_tokens(_single(asked.body.decode()), dict(asked.headers))
        if path == "/userinfo" and asked.headers.get("Authorization") == "Bearer access":
            return _json({**self.claims, **self.hidden})
        return Answer(404)

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def _public_key(self) -> dict[str, str]:
        public = self._key.public_key().public_numbers()
        numbers = {"n": _number(public.n), "e": _number(public.e)}
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", **numbers}

    def _authorize(self, sent: dict[str, str]) -> Answer:
        wanted = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "code_challenge_method": "S256",
        }
        if not wanted.items() <= sent.items() or not {"state", "nonce"} <= sent.keys():
            return Answer(400, json.dumps(sent).encode())
        code = secrets.token_urlsafe(9)
        self._codes[code] = sent
        back = urlencode({"code": code, "state": sent["state"]})
        return Answer(302, headers={"Location": f"{self.redirect_uri}?{back}"})

    def _give_tokens(self, sent: dict[str, str], headers: dict[str, str]) -> Answer:
        # As it is, like Authlib, or encoded, like Go's library and RFC 6749.
        plain = f"{self.client_id}:{self.client_secret}"
        encoded = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        logins = [f"Basic {base64.b64encode(one.encode()).decode()}" for one in (plain, encoded)]
        asked = self._codes.pop(sent.get("code", ""), None)
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        if (
            headers.get("Authorization") not in logins
            or asked is None
            or asked["code_challenge"] != _encode(digest)
            or sent.get("redirect_uri") != self.redirect_uri
        ):
            return Answer(400, b'{"error": "invalid_grant"}')
        tokens = {"access_token": "access", "token_type": "Bearer", "expires_in": 300}
        if self.fault != "missing":
            tokens["id_token"] = self._sign(asked["nonce"])
        return _json(tokens)

    def _sign(self, nonce: str) -> str:
        now = int(time.time()) - (7200 if self.fault == "expired" else 0)
        claims = {
            "iss": "https://other.example" if self.fault == "issuer" else self.issuer,
            "aud": "another-client" if self.fault == "audience" else self.client_id,
            "nonce": "another" if self.fault == "nonce" else nonce,
            "iat": now,
            "exp": now + 300,
            **self.claims,
        }
        parts = ({"alg": "RS256", "kid": "one", "typ": "JWT"}, claims)
        text = ".".join(_encode(json.dumps(part).encode()) for part in parts)
        key = self._other if self.fault == "signature" else self._key
        return f"{text}.{_encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _single(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text).items()}


def _json(data: object) -> Answer:
    return Answer(200, json.dumps(data).encode(), {"Content-Type": "application/json"})
