"""Rules against secrets in Git, by the structure of objects and values, and by pattern.

The leak gate (wizard/secrets/leak_gate.py) finds the secret values that this process knows. These
rules find secrets that a person pasted or another tool wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.chart.contract import INLINE_SECRETS, SENSITIVE_OPTIONS, Path, find_inline_secrets
from wizard.checks.subject import Document, Subject, as_list, as_mapping, get_nested
from wizard.deliveries.argocd.effective_values import list_sources
from wizard.errors import Fix
from wizard.findings import Finding
from wizard.formats.nested import format_path
from wizard.formats.yaml_untrusted import parse_yaml_text
from wizard.secrets import names, patterns

_FIX = "keep the value in the secret store and name the Secret here; rotate a real secret"
_LITERAL = "a secret in plain text; keep it in the store and name the Secret here"
_ENCRYPTED = "ENC[AES256_GCM,"
# Objects that compose Secrets or have rules of their own; they hold only templates and names.
_SKIPPED_KINDS = (
    "",
    "Application",
    "HelmRelease",
    "Secret",
    "SealedSecret",
    "ExternalSecret",
    "ClusterExternalSecret",
    "SecretStore",
    "ClusterSecretStore",
)
# Arguments of the secrets backends (of Airflow's providers) that are credentials.
_BACKEND_SECRETS = frozenset(
    ("token", "secret_id", "password", "client_secret", "aws_secret_access_key", "keyfile_dict")
)


def check_secrets(subject: Subject) -> Iterator[Finding]:
    """Run all structural rules on objects and values, and the patterns on every file."""
    for path, data in subject.files.items():
        yield from _check_patterns(path, data)
    for document in subject.documents:
        if document.kind == "Secret" and document.api_version == "v1":
            yield from _check_secret(document)
        if document.kind == "Application":
            for where, values in application_values(document):
                yield from _check_values(document.path, document.where(where), values)
            yield from _parameters(document)
        if document.kind == "HelmRelease":
            values = as_mapping(document.spec.get("values"))
            yield from _check_values(document.path, document.where("spec.values"), values)
        ours = document.path == subject.layout.values
        if document.kind not in _SKIPPED_KINDS and not ours:
            yield from _check_object(document)
    if subject.values is not None:
        yield from _check_values(subject.layout.values, "", subject.values)


def application_values(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each set of Helm values inside an Argo CD Application, with its place."""
    for where, source in application_sources(document):
        helm = as_mapping(source.get("helm"))
        text = helm.get("values")
        if isinstance(text, str):
            yield f"{where}.helm.values", as_mapping(parse_yaml_text(text))
        yield f"{where}.helm.valuesObject", as_mapping(helm.get("valuesObject"))


def application_sources(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield an Application's sources; as in Argo CD, `sources` overrides `source`."""
    return list_sources(document.spec)


def _check_patterns(path: str, data: bytes) -> Iterator[Finding]:
    text = data.decode("utf-8", "replace")
    for rule, offset, what in patterns.find_secrets(text):
        line = text.count("\n", 0, offset) + 1
        yield Finding(rule, "error", path, f"line {line}", f"the line contains {what}", Fix(_FIX))
    for rule, _, what in patterns.find_secrets(path):
        yield Finding(rule, "error", "(a file name)", "", f"a file name contains {what}", Fix(_FIX))


def _check_secret(document: Document) -> Iterator[Finding]:
    for field in ("data", "stringData"):
        values = as_mapping(document.data.get(field))
        if values and not all(_is_encrypted(value) for value in values.values()):
            message = "a Secret with its values: base64 is not encryption"
            fix = "write an ExternalSecret, or encrypt the values with SOPS"
            yield Finding(
                "secret.manifest", "error", document.path, document.where(field), message, Fix(fix)
            )


def _is_encrypted(value: object) -> bool:
    return isinstance(value, str) and value.startswith(_ENCRYPTED)


def _check_values(path: str, where: str, values: Mapping[str, Any]) -> Iterator[Finding]:
    known = {*find_inline_secrets(values), *_backend(values)}
    for found in sorted(known, key=str):
        place = ".".join(part for part in (where, format_path(found)) if part)
        message = "the chart reads this value as a secret"
        yield Finding("secret.inline-value", "error", path, place, message, Fix(_FIX))
    for found in dict.fromkeys(names.find_secret_paths(values)):
        if not any(found[: len(other)] == other for other in known):
            place = ".".join(part for part in (where, format_path(found)) if part)
            yield Finding("secret.literal", "error", path, place, _LITERAL, Fix(_FIX))


def _check_object(document: Document) -> Iterator[Finding]:
    """Check the data of a ConfigMap, and the environment of hand-written pods."""
    parts = ("data", "binaryData") if document.kind == "ConfigMap" else ("spec",)
    for part in parts:
        for found in dict.fromkeys(names.find_secret_paths({part: document.data.get(part)})):
            if part != "spec" or found[-1] == "value":
                place = document.where(format_path(found))
                yield Finding("secret.literal", "error", document.path, place, _LITERAL, Fix(_FIX))


def _backend(values: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the credentials in the arguments of Airflow's secrets backend."""
    for section in ("secrets", "workers"):
        option = "backend_kwargs" if section == "secrets" else "secrets_backend_kwargs"
        text = get_nested(values, "config", section, option)
        try:
            arguments = json.loads(text) if isinstance(text, str) else {}
        except ValueError:
            continue
        for name, value in as_mapping(arguments).items():
            if name in _BACKEND_SECRETS and value and not patterns.is_placeholder(str(value)):
                yield ("config", section, option)
                break


def _parameters(document: Document) -> Iterator[Finding]:
    secret = {tuple(name.split(".")) for name in INLINE_SECRETS}
    secret |= {("config", section, option) for section, option in SENSITIVE_OPTIONS}
    for where, source in application_sources(document):
        for number, parameter in enumerate(as_list(get_nested(source, "helm", "parameters"))):
            name = str(as_mapping(parameter).get("name", ""))
            if as_mapping(parameter).get("value") and _matches(tuple(name.split(".")), secret):
                place = document.where(f"{where}.helm.parameters[{number}]")
                message = "a Helm parameter sets a value that the chart reads as a secret"
                yield Finding("secret.parameter", "error", document.path, place, message, Fix(_FIX))


def _matches(name: tuple[str, ...], known: set[tuple[str, ...]]) -> bool:
    return any(
        len(name) >= len(other)
        and all(want in ("*", part) for part, want in zip(name, other, strict=False))
        for other in known
    )
