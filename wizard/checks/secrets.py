"""Rules against secrets in Git, by the structure of objects and values, and by pattern.

The leak gate (wizard/secrets/leak_gate.py) finds the secret values that this process knows. These
rules find secrets that a person pasted or another tool wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import reduce
from itertools import pairwise
from typing import Any

from wizard.chart.contract import INLINE_SECRETS, SECRET_OPTIONS, Path, find_inline_secrets
from wizard.checks.subject import Document, Subject, as_list, as_mapping, get_nested
from wizard.declarations.argocd import list_sources
from wizard.errors import Fix
from wizard.findings import Finding
from wizard.formats.nested import format_path
from wizard.formats.yaml_untrusted import parse_yaml_text
from wizard.secrets import patterns, scan

_FIX = "keep the value in the secret store and name the Secret here; rotate a real secret"
_MESSAGES = {
    "secret.literal": (
        "a secret in plain text; keep it in the store and name the Secret here",
        f"{_FIX}. If it is not a secret, reword the line, or use another name for the value: no "
        "option turns this check off",
    ),
    scan.PLACEHOLDER: (
        "a placeholder where a program reads a secret: it would be used as the value",
        "remove it, and name the Secret here: the value goes into the secret store",
    ),
}
_ENCRYPTED = "ENC[AES256_GCM,"
# A Secret has a rule of its own, a SealedSecret is encrypted, and a definition describes fields.
_SKIPPED_KINDS = ("Secret", "SealedSecret", "CustomResourceDefinition")
_WITH_VALUES = ("Application", "HelmRelease")
_HELM = (("helm", "values"), ("helm", "valuesObject"), ("helm", "parameters"))
_ANSWERS = re.compile(r"(?:.*/)?\.airflow-wizard/[^/]+/answers\.yaml")
# Documentation: values in it are examples, and no program reads them.
_PROSE = (".md", ".txt", ".rst", ".adoc")
# Arguments of the secrets backends (of Airflow's providers) that are credentials.
_BACKEND_SECRETS = frozenset(
    ("token", "secret_id", "password", "client_secret", "aws_secret_access_key", "keyfile_dict")
)


def check_secrets(subject: Subject) -> Iterator[Finding]:
    """Run all structural rules on objects and values, and the search in the text of every file.

    In a parsed file, literals are searched by the paths of its values, and in its comments.
    """
    parsed = {document.path for document in subject.documents}
    for leak in scan.find_leaks("\n".join(subject.files), prose=True):
        message = f"a file name contains {leak.what}"
        yield Finding(leak.rule, "error", "(a file name)", "", message, Fix(_FIX))
    for path, data in subject.files.items():
        yield from _check_text(path, data, parsed=path in parsed)
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
        # The rules of the answers judge an answers file.
        apart = subject.is_values(document.path) or _ANSWERS.fullmatch(document.path)
        if document.kind not in _SKIPPED_KINDS and not apart and "$schema" not in document.data:
            yield from _check_object(subject, document)
    if subject.values is not None:
        yield from _check_values(subject.layout.values, "", subject.values)
    for layer in (layer for one in subject.declarations for layer in one.found.layers):
        if layer.nested and layer.path != subject.layout.values:
            yield from _check_values(layer.path, layer.place(""), layer.values)


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


def _check_text(path: str, data: bytes, *, parsed: bool) -> Iterator[Finding]:
    # Without NUL, UTF-16 reads like plain text.
    text = data.decode("utf-8", "replace").replace("\0", "")
    found = [*scan.find_shapes(text)]
    lines = {text.count("\n", 0, leak.offset) for leak in found}
    for leak in found:
        line = text.count("\n", 0, leak.offset) + 1
        message = f"the line contains {leak.what}"
        yield Finding(leak.rule, "error", path, f"line {line}", message, Fix(_FIX))
    searched = _keep_comments(text) if parsed else text
    for leak in scan.find_literals(searched, prose=parsed or path.endswith(_PROSE)):
        number = searched.count("\n", 0, leak.offset)
        if number not in lines:
            yield _literal_finding(leak.rule, path, f"line {number + 1}")


def _keep_comments(text: str) -> str:
    """Return the comments of a YAML text, each on its own line."""
    if "#" not in text:
        return ""
    lines = text.replace("\t", " ").split("\n")
    return "\n".join(f" {line}".partition(" #")[2] if "#" in line else "" for line in lines)


def _literal_finding(rule: str, path: str, place: str) -> Finding:
    message, fix = _MESSAGES[rule]
    return Finding(rule, "error", path, place, message, Fix(fix))


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
    known = {*find_inline_secrets(values), *find_backend_secrets(values)}
    for found in sorted(known, key=str):
        place = ".".join(part for part in (where, format_path(found)) if part)
        value = reduce(lambda node, part: node[part], found, values)  # type: ignore[index]
        if isinstance(value, str) and scan.judge("password", value) == scan.PLACEHOLDER:
            yield _literal_finding(scan.PLACEHOLDER, path, place)
            continue
        message = "the chart reads this value as a secret"
        yield Finding("secret.inline-value", "error", path, place, message, Fix(_FIX))
    for found, rule in dict(scan.find_secret_paths(values)).items():
        if not any(found[: len(other)] == other for other in known):
            place = ".".join(part for part in (where, format_path(found)) if part)
            yield _literal_finding(rule, path, place)


def _check_object(subject: Subject, document: Document) -> Iterator[Finding]:
    """Check every value of an object, except Helm values, which have a check of their own."""
    for found, rule in dict(scan.find_secret_paths(document.data)).items():
        place = format_path(found)
        if document.kind in _WITH_VALUES and _is_helm_value(found):
            continue
        if not subject.is_declared(document, place):
            yield _literal_finding(rule, document.path, document.where(place))


def _is_helm_value(path: Path) -> bool:
    if path[:2] == ("spec", "values"):
        return True
    return any(pair in _HELM for pair in pairwise(path))


def find_backend_secrets(values: Mapping[str, Any]) -> Iterator[Path]:
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
    secret |= {("config", section, option) for section, option in SECRET_OPTIONS}
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
