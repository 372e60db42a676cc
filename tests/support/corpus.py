"""The corpus of leaks and clean texts: reads it, and expands what stands for a secret.

The bodies are put together at run time, so that no scanner takes this repository for a leak. They
are shaped like real ones, and belong to nobody.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from wizard.checks.engine import run_checks
from wizard.checks.subject import Layout
from wizard.findings import Finding

_FOLDER = Path(__file__).parents[1] / "unit/secrets/corpus"
_DASHES = "-" * 5
ALNUM = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Sample:
    """One text of the corpus, as a file of this name."""

    kind: str
    file: str
    text: str


def body(name: str, length: int, alphabet: str = ALNUM) -> str:
    """Text that looks random and is always the same for a name."""
    numbers = b"".join(hashlib.sha512(f"{name}{n}".encode()).digest() for n in range(5))
    return "".join(alphabet[number % len(alphabet)] for number in numbers[:length])


def _key(label: str) -> str:
    text = base64.b64encode(hashlib.sha512(label.encode()).digest() * 4).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"{_DASHES}BEGIN {label}{_DASHES}\n{lines}\n{_DASHES}END {label}{_DASHES}\n"


def _encode(data: bytes | str) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


@cache
def bodies() -> Mapping[str, str]:
    """What stands for each `<<name>>`."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    der = serialization.Encoding.DER
    plain = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    traditional = serialization.PrivateFormat.TraditionalOpenSSL
    rsa_key = rsa.generate_private_key(65537, 2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    ed_key = ed25519.Ed25519PrivateKey.generate()
    pem = _key("PRIVATE" + " KEY")
    lower, upper = string.ascii_lowercase + string.digits, string.ascii_uppercase + string.digits
    hexadecimal = "0123456789abcdef"
    weak, strong = "hunter2" + "pw", body("strong", 32)
    claims = _encode('{"iss":"a","sub":"b"}').rstrip("=")
    openssh = b"openssh-key-v1\0" + hashlib.sha512(b"o").digest() * 3
    public = serialization.PublicFormat
    return {
        "weak": weak,
        "strong": strong,
        "hex": body("hex", 40, hexadecimal),
        "github": "gh" + "p_" + body("github", 36),
        "github_fine": "github_" + "pat_" + body("a", 22) + "_" + body("b", 59),
        "gitlab": "gl" + "pat-" + body("gitlab", 20),
        "gitlab_deploy": "gl" + "dt-" + body("gldt", 20),
        "gitlab_runner": "gl" + "rt-" + body("glrt", 20),
        "vault": "hv" + "s." + body("vault", 90),
        "vault_batch": "hv" + "b." + body("batch", 120),
        "vault_old": "s" + "." + "aB3" + body("old", 21),
        "aws": "AK" + "IA" + body("aws", 16, string.ascii_uppercase + "234567"),
        "slack": "xo" + "xb-" + "123456789012-1234567890123-" + body("slack", 24),
        "slack_hook": "hooks." + "slack.com/services/T0123ABCD/B0123ABCD/" + body("hook", 24),
        "google": "AI" + "za" + body("google", 35),
        "google_client": "GOC" + "SPX-" + body("gclient", 28),
        "stripe": "sk_" + "live_" + body("stripe", 24),
        "pypi": "pypi-" + "AgEIcHlwaS5vcmc" + body("pypi", 120),
        "npm": "npm" + "_" + body("npm", 36),
        "sendgrid": "SG" + "." + body("sga", 22) + "." + body("sgb", 43),
        "databricks": "da" + "pi" + body("dapi", 32, hexadecimal),
        "huggingface": "hf" + "_" + body("hf", 34, string.ascii_letters),
        "openai": "sk-" + "proj-" + body("openai", 120),
        "anthropic": "sk-" + "ant-" + "api03-" + body("anthropic", 93) + "AA",
        "docker": "dckr" + "_pat_" + body("docker", 27),
        "grafana": "gl" + "sa_" + body("grafana", 32) + "_" + body("g", 8, hexadecimal),
        "atlassian": "ATA" + "TT3" + body("atlassian", 180),
        "bitbucket": "AT" + "BB" + body("bitbucket", 32),
        "digitalocean": "do" + "p_v1_" + body("do", 64, hexadecimal),
        "terraform": body("tfa", 14) + ".atlas" + "v1." + body("tfb", 67),
        "twilio": "S" + "K" + body("twilio", 32, hexadecimal),
        "telegram": "1234567890" + ":A" + "A" + body("telegram", 33),
        "age": "AGE-SECRET" + "-KEY-1" + body("age", 58, upper),
        "jwt": "ey" + "JhbGciOiJSUzI1NiJ9." + claims + "." + body("jwt", 86),
        "azure_storage": "Account" + "Key=" + body("storage", 86) + "==",
        "azure_key": _encode(hashlib.sha512(b"azure").digest()),
        "slack_path": "T0123" + "ABCD/B0123" + "ABCD/" + body("path", 24),
        "azure_client": body("az", 3) + "8" + "Q~" + body("azure", 34),
        "openshift": "sha256" + "~" + body("openshift", 43),
        "bcrypt": "$2" + "b$12$" + body("bcrypt", 53),
        "pem": pem,
        "pem_json": json.dumps(pem),
        "pem_base64": _encode(pem),
        "pkcs8": _encode(rsa_key.private_bytes(der, pkcs8, plain)),
        "pkcs8_ed25519": _encode(ed_key.private_bytes(der, pkcs8, plain)),
        "pkcs1": _encode(rsa_key.private_bytes(der, traditional, plain)),
        "sec1": _encode(ec_key.private_bytes(der, traditional, plain)),
        "gzip_pem": _encode(gzip.compress(pem.encode(), mtime=0)),
        "openssh_body": _encode(openssh),
        "jwk": body("jwk", 43),
        "login_base64": _encode(f"ada:{weak}"),
        "sas": body("sas", 40) + "%3D",
        "fernet": base64.urlsafe_b64encode(hashlib.sha256(b"fernet").digest()).decode(),
        "dsn_base64": _encode(f"postgresql://u:{weak}@db/airflow"),
        "dotenv_base64": _encode(f"USER=ada\nDB_PASSWORD={weak}\nX=1\n"),
        # What is public.
        "sha256": hashlib.sha256(b"digest").hexdigest(),
        "sha1": hashlib.sha1(b"digest").hexdigest(),
        "fingerprint": "SHA256:" + _encode(hashlib.sha256(b"f").digest()).rstrip("="),
        "ed25519_public": _encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + hashlib.sha256(b"p").digest()),
        "spki": _encode(rsa_key.public_key().public_bytes(der, public.SubjectPublicKeyInfo)),
        "certificate": _key("CERTIFICATE"),
        "gzip_text": _encode(gzip.compress(b"nothing secret in it, only text\n" * 3, mtime=0)),
        "text_base64": _encode("nothing secret in it, only some text of a chart"),
        "random_base64": _encode(hashlib.sha512(b"r").digest() * 6),
        "uuid": "6b1f0b52-9d3c-4c0f-8f43-" + body("uuid", 12, hexadecimal),
        "lower": body("lower", 24, lower),
    }


_NAME = re.compile(r"<<(\w+)>>")


def expand(text: str) -> str:
    """The text with each `<<name>>` replaced."""
    known = bodies()
    replace: Callable[[re.Match[str]], str] = lambda match: known[match[1]]  # noqa: E731
    return _NAME.sub(replace, text)


def samples(half: str) -> list[Sample]:
    """The texts of `leaks` or `clean`."""
    entries: list[dict[str, Any]] = yaml.safe_load((_FOLDER / f"{half}.yaml").read_text("utf-8"))
    return [Sample(entry["kind"], entry["file"], expand(entry["text"])) for entry in entries]


def findings(sample: Sample) -> list[Finding]:
    """What the product's checks say about secrets in this text, as a file of a repository."""
    values = sample.file if sample.file == "values.yaml" else ""
    found = run_checks(
        {sample.file: sample.text.encode()},
        chart="1.22.0",
        airflow="3.2.2",
        installation=Layout(values=values),
    )
    return [one for one in found if one.rule.startswith("secret.")]
