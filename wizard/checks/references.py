"""Every Secret that the values or a manifest name exists, with the keys that are read.

What a value names is never quoted: somebody may have pasted the secret itself where its name
belongs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.chart.contract import CONTRACT, PULL_SECRET_KEYS, get
from wizard.checks.subject import Document, Subject, below, items, mapping
from wizard.findings import Finding, Severity
from wizard.formats.nested import dotted, walk
from wizard.formats.yaml_untrusted import parse_text

Path = tuple[str | int, ...]
_TEXT_KEYS = ("extraEnv", "extraEnvFrom", "envFrom")
_NO_PODS = ("ExternalSecret", "ClusterExternalSecret", "SecretStore", "ClusterSecretStore")


@dataclass(frozen=True, slots=True)
class Reference:
    """One place that names a Secret, and the keys it reads (none: all of them)."""

    path: str
    where: str
    name: str
    keys: tuple[str, ...]
    namespace: str
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Produced:
    """A Secret that will exist; `keys` is None where they cannot be known."""

    keys: frozenset[str] | None


def check(subject: Subject) -> Iterator[Finding]:
    """Every reference against every producer."""
    known = dict(producers(subject))
    for reference in references(subject):
        found = known.get((reference.namespace, reference.name))
        if found is None:
            message = "names a Secret that nothing here makes and that is not known to exist"
            fix = "add an ExternalSecret for it, or correct the name"
            yield Finding(
                "reference.secret",
                reference.severity,
                reference.path,
                reference.where,
                message,
                fix,
            )
        elif found.keys is not None:
            missing = [key for key in reference.keys if key not in found.keys]
            if missing:
                yield Finding(
                    "reference.key",
                    reference.severity,
                    reference.path,
                    reference.where,
                    "the Secret named here lacks a key that is read from it",
                    f"let it have the keys {', '.join(_printable(missing, reference))}",
                )


def _printable(missing: Iterable[str], reference: Reference) -> list[str]:
    """Keys of the chart's contract are ours to print; those that a file names are not."""
    ours = {key for use in CONTRACT for key in use.keys} | {*PULL_SECRET_KEYS, "password"}
    return [key if key in ours else f"that {reference.where} reads" for key in missing]


def producers(subject: Subject) -> Iterator[tuple[tuple[str, str], Produced]]:
    """(namespace, name) of every Secret the tree makes or the layout says exists."""
    for name, keys in subject.layout.secrets.items():
        yield (
            (subject.layout.namespace, name),
            Produced(None if keys is None else frozenset(keys)),
        )
    for document in subject.documents:
        namespace = subject.namespace(document)
        if document.kind == "ExternalSecret":
            name = below(document.spec, "target", "name") or document.name
            yield (namespace, str(name)), Produced(external_keys(document))
        elif document.kind == "SealedSecret":
            name = below(document.spec, "template", "metadata", "name") or document.name
            sealed = mapping(document.spec.get("encryptedData"))
            yield (namespace, str(name)), Produced(frozenset(sealed))
        elif document.kind == "Secret":
            data, text = (mapping(document.data.get(key)) for key in ("data", "stringData"))
            yield (namespace, document.name), Produced(frozenset((*data, *text)))
        elif document.kind == "Certificate" and document.group == "cert-manager.io":
            name = str(document.spec.get("secretName"))
            yield (namespace, name), Produced(frozenset(("tls.crt", "tls.key", "ca.crt")))
    for name in mapping(below(subject.values, "extraSecrets")):
        yield (subject.layout.namespace, _templated(name, subject)), Produced(None)


def external_keys(document: Document) -> frozenset[str] | None:
    """The keys of the Secret an ExternalSecret makes; None when only the store knows."""
    template = mapping(below(document.spec, "target", "template"))
    if items(template.get("templateFrom")):
        return None
    data = {str(below(item, "secretKey")) for item in items(document.spec.get("data"))}
    composed = mapping(template.get("data"))
    if composed and template.get("mergePolicy", "Replace") == "Replace":
        return frozenset(composed)
    if items(document.spec.get("dataFrom")):
        return None
    return frozenset(data | set(composed))


def references(subject: Subject) -> Iterator[Reference]:
    """Every Secret named in the values and in manifests of pods."""
    if subject.values is not None:
        yield from _contract(subject, subject.values)
        yield from _environment(subject, subject.layout.values, subject.values, "")
    for document in subject.documents:
        if document.path != subject.layout.values and document.kind not in ("", *_NO_PODS):
            namespace = subject.namespace(document)
            for found in _environment(subject, document.path, document.data, namespace):
                place = document.where(found.where)
                yield Reference(found.path, place, found.name, found.keys, namespace)


def _contract(subject: Subject, values: Mapping[str, Any]) -> Iterator[Reference]:
    path, namespace = subject.layout.values, subject.layout.namespace
    for use in CONTRACT:
        name = get(values, use.value)
        if name and isinstance(name, str) and use.applies(values, subject.airflow):
            name = _templated(name, subject)
            if "{{" not in name:
                yield Reference(path, use.value, name, use.keys_read(values), namespace)
    for number, item in enumerate(items(values.get("imagePullSecrets"))):
        name = item if isinstance(item, str) else below(item, "name")
        if isinstance(name, str) and name:
            where = f"imagePullSecrets[{number}]"
            yield Reference(path, where, _templated(name, subject), PULL_SECRET_KEYS, namespace)
    for number, item in enumerate(items(values.get("secret"))):
        name, key = below(item, "secretName"), below(item, "secretKey")
        if isinstance(name, str) and name:
            yield Reference(
                path, f"secret[{number}]", _templated(name, subject), _keys(key), namespace
            )


def _environment(subject: Subject, path: str, data: object, namespace: str) -> Iterator[Reference]:
    """secretKeyRef, secretRef and Secret volumes, at any depth and inside templated text."""
    namespace = namespace or subject.layout.namespace
    for where, node in walk(data):
        if isinstance(node, str) and where and where[-1] in _TEXT_KEYS:
            for found in _environment(subject, path, parse_text(node), namespace):
                yield Reference(path, dotted(where), found.name, found.keys, namespace)
        if not isinstance(node, Mapping):
            continue
        for name, keys, optional in _named(where, node):
            name = _templated(name, subject)
            if not optional and "{{" not in name:
                severity: Severity = "warning" if _is_tls(where) else "error"
                yield Reference(path, dotted(where), name, keys, namespace, severity)


def _named(where: Path, node: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    last = where[-1] if where else ""
    optional = node.get("optional") is True
    name, secret_name = node.get("name"), node.get("secretName")
    if last == "secretKeyRef" and isinstance(name, str):
        yield name, _keys(node.get("key")), optional
    elif last == "secretRef" and isinstance(name, str):
        yield name, (), optional
    elif last == "secret" and isinstance(secret_name or name, str):
        keys = [below(item, "key") for item in items(node.get("items"))]
        yield str(secret_name or name), tuple(str(key) for key in keys if key), optional
    elif _is_tls(where) and isinstance(secret_name, str) and node.get("enabled") is not False:
        # Usually cert-manager makes it from an annotation, which no file here can show.
        yield secret_name, ("tls.crt", "tls.key"), optional or not secret_name


def _is_tls(where: Path) -> bool:
    return bool(where) and where[0] == "ingress" and "tls" in where


def _keys(key: object) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) and key else ()


def _templated(name: str, subject: Subject) -> str:
    """The name with the release's name and namespace put in, as the chart's `tpl` does."""
    for what, value in (
        ("Name", subject.layout.release),
        ("Namespace", subject.layout.namespace),
    ):
        for form in (f"{{{{ .Release.{what} }}}}", f"{{{{.Release.{what}}}}}"):
            name = name.replace(form, value)
    return name
