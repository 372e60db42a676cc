"""Checks that every Secret named in the values or a manifest exists and has the keys it needs.

Findings never quote the name from the values: a user may have pasted the secret itself there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wizard.chart.contract import CONTRACT, KEDA_KEY, PULL_SECRET_KEYS
from wizard.checks.subject import Document, Subject, as_list, as_mapping, get_nested
from wizard.errors import Fix
from wizard.findings import Finding, Severity
from wizard.formats.nested import format_path, walk
from wizard.formats.yaml_untrusted import parse_yaml_text

Path = tuple[str | int, ...]
_TEXT_KEYS = ("extraEnv", "extraEnvFrom", "envFrom", "podTemplate")
_FIX = Fix(
    "correct the name, or list the Secret in secrets.extra (from: store or from: existing)",
    "secrets.extra",
)
# The keys of a Secret that cert-manager makes, and the annotations by which it makes one for an
# Ingress. Source: https://cert-manager.io/docs/usage/ingress/
_ISSUED = frozenset(("tls.crt", "tls.key", "ca.crt"))
_ISSUER_ANNOTATIONS = frozenset(
    ("cert-manager.io/issuer", "cert-manager.io/cluster-issuer", "kubernetes.io/tls-acme")
)
_STORE_KINDS = ("ExternalSecret", "ClusterExternalSecret", "SecretStore", "ClusterSecretStore")


@dataclass(frozen=True, slots=True)
class Reference:
    """One place that names a Secret, and the keys it reads (empty: all keys).

    `fixed`: the name is the chart's own and not in the values.
    """

    path: str
    where: str
    name: str
    keys: tuple[str, ...]
    namespace: str
    severity: Severity = "error"
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class SecretProducer:
    """A Secret that will exist; `keys` is None if its keys are not known."""

    keys: frozenset[str] | None


def check_references(subject: Subject) -> Iterator[Finding]:
    """Compare every reference with the known Secrets."""
    known = dict(find_producers(subject))
    for reference in find_references(subject):
        found = known.get((reference.namespace, reference.name))
        if found is None:
            message, fix = _describe_missing(reference, subject)
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
                    "the Secret named here does not have all keys that are read from it",
                    Fix(_describe_missing_keys(missing, reference, subject)),
                )


def find_unknown_secrets(subject: Subject) -> Iterator[str]:
    """Yield the names of Secrets that the values read in the release's namespace and nobody makes.

    Names that the chart makes up itself are left out.
    """
    known = dict(find_producers(subject))
    for one in find_references(subject):
        ours = one.path == subject.layout.values and one.namespace == subject.layout.namespace
        if ours and not one.fixed and (one.namespace, one.name) not in known:
            yield one.name


def _describe_missing(reference: Reference, subject: Subject) -> tuple[str, Fix]:
    """Return message and fix for a Secret that is not there."""
    ours = bool(subject.layout.manifests)
    if not reference.fixed:
        message = "names a Secret that no file here creates and that is not known to exist"
        return message, _FIX if ours else Fix("add an ExternalSecret for it")
    message = (
        f"the chart reads Secret {reference.name}, which no file here creates and which is not "
        "known to exist"
    )
    keys = f"with the key {', '.join(reference.keys)}"
    if ours:
        return message, Fix(f"list it in secrets.extra by this name, {keys}", "secrets.extra")
    return message, Fix(f"add an ExternalSecret of this name, {keys}")


def _describe_missing_keys(missing: Sequence[str], reference: Reference, subject: Subject) -> str:
    pooled = "let KEDA connect through PgBouncer (usePgbouncer: true in its keda)"
    # No answer adds a key to a Secret that the wizard writes.
    ours = subject.layout.manifests and reference.name not in subject.layout.secrets
    if ours and KEDA_KEY in missing:
        return pooled
    keys = f"key{'s' * (len(missing) > 1)} {', '.join(_printable_keys(missing, reference))}"
    return f"add the {keys}, or {pooled}" if KEDA_KEY in missing else f"add the {keys}"


def _printable_keys(missing: Iterable[str], reference: Reference) -> list[str]:
    """Return the missing keys as text; keys that are not from the chart's contract are not named.

    A key that was read from a file could be a pasted secret.
    """
    ours = {key for use in CONTRACT for key in use.keys}
    ours |= {*PULL_SECRET_KEYS, "password", KEDA_KEY}
    return [key if key in ours else f"that {reference.where} reads" for key in missing]


def find_producers(subject: Subject) -> Iterator[tuple[tuple[str, str], SecretProducer]]:
    """Yield namespace, name and keys of every Secret the tree creates or the layout declares."""
    for name, keys in subject.layout.secrets.items():
        yield (
            (subject.layout.namespace, name),
            SecretProducer(None if keys is None else frozenset(keys)),
        )
    for document in subject.documents:
        namespace = subject.namespace(document)
        if document.kind == "ExternalSecret":
            name = get_nested(document.spec, "target", "name") or document.name
            yield (namespace, str(name)), SecretProducer(external_secret_keys(document))
        elif document.kind == "SealedSecret":
            name = get_nested(document.spec, "template", "metadata", "name") or document.name
            sealed = as_mapping(document.spec.get("encryptedData"))
            yield (namespace, str(name)), SecretProducer(frozenset(sealed))
        elif document.kind == "Secret":
            data, text = (as_mapping(document.data.get(key)) for key in ("data", "stringData"))
            yield (namespace, document.name), SecretProducer(frozenset((*data, *text)))
        elif document.kind == "Certificate" and document.group == "cert-manager.io":
            name = str(document.spec.get("secretName"))
            yield (namespace, name), SecretProducer(_ISSUED)
    for name in as_mapping(get_nested(subject.values, "extraSecrets")):
        yield (subject.layout.namespace, _expand_release(name, subject)), SecretProducer(None)
    for name in _list_issued(subject):
        yield (subject.layout.namespace, _expand_release(name, subject)), SecretProducer(_ISSUED)


def _list_issued(subject: Subject) -> Iterator[str]:
    """Yield the TLS Secrets that cert-manager makes for the Ingresses in the values."""
    for ingress in as_mapping(get_nested(subject.values, "ingress")).values():
        if not _ISSUER_ANNOTATIONS & as_mapping(get_nested(ingress, "annotations")).keys():
            continue
        for where, node in walk(ingress):
            name = node.get("secretName") if isinstance(node, Mapping) else None
            if "tls" in where and isinstance(name, str):
                yield name


def external_secret_keys(document: Document) -> frozenset[str] | None:
    """Return the keys of the Secret an ExternalSecret creates; None if they depend on the store."""
    template = as_mapping(get_nested(document.spec, "target", "template"))
    if as_list(template.get("templateFrom")):
        return None
    data = {str(get_nested(item, "secretKey")) for item in as_list(document.spec.get("data"))}
    composed = as_mapping(template.get("data"))
    if composed and template.get("mergePolicy", "Replace") == "Replace":
        return frozenset(composed)
    if as_list(document.spec.get("dataFrom")):
        return None
    return frozenset(data | set(composed))


def find_references(subject: Subject) -> Iterator[Reference]:
    """Yield every Secret named in the values and in pod manifests."""
    if subject.values is not None:
        yield from _contract(subject, subject.values)
        yield from _environment(subject, subject.layout.values, subject.values, "")
    for document in subject.documents:
        if not subject.is_values(document.path) and document.kind not in ("", *_STORE_KINDS):
            namespace = subject.namespace(document)
            for found in _environment(subject, document.path, document.data, namespace):
                place = document.where(found.where)
                yield Reference(found.path, place, found.name, found.keys, namespace)


def _contract(subject: Subject, values: Mapping[str, Any]) -> Iterator[Reference]:
    path, namespace = subject.layout.values, subject.layout.namespace
    found = list[tuple[str, str, tuple[str, ...]]]()
    for use in CONTRACT:
        if not use.applies(values, subject.airflow) or (use.suffix and not subject.knows_names):
            continue
        name = _expand_release(use.find_name(values, subject.layout.release), subject)
        if name and "{{" not in name:
            fixed = bool(use.suffix)
            yield Reference(path, use.value, name, use.keys_read(values), namespace, fixed=fixed)
    for number, item in enumerate(as_list(values.get("imagePullSecrets"))):
        name = item if isinstance(item, str) else get_nested(item, "name")
        if isinstance(name, str) and name:
            where = f"imagePullSecrets[{number}]"
            found.append((where, name, PULL_SECRET_KEYS))
    for number, item in enumerate(as_list(values.get("secret"))):
        name, key = get_nested(item, "secretName"), get_nested(item, "secretKey")
        if isinstance(name, str) and name:
            found.append((f"secret[{number}]", name, _keys(key)))
    for where, name, keys in found:
        name = _expand_release(name, subject)
        if "{{" not in name:
            yield Reference(path, where, name, keys, namespace)


def _environment(subject: Subject, path: str, data: object, namespace: str) -> Iterator[Reference]:
    """Yield secretKeyRef, secretRef and Secret volumes at any depth, and in templated text."""
    namespace = namespace or subject.layout.namespace
    for where, node in walk(data):
        if isinstance(node, str) and where and where[-1] in _TEXT_KEYS:
            for found in _environment(subject, path, parse_yaml_text(node), namespace):
                yield Reference(path, format_path(where), found.name, found.keys, namespace)
        if not isinstance(node, Mapping):
            continue
        for name, keys, optional in _secret_names(where, node):
            name = _expand_release(name, subject)
            if not optional and "{{" not in name:
                severity: Severity = "warning" if _is_tls(where) else "error"
                yield Reference(path, format_path(where), name, keys, namespace, severity)


def _secret_names(
    where: Path, node: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    last = where[-1] if where else ""
    optional = node.get("optional") is True
    name, secret_name = node.get("name"), node.get("secretName")
    if last == "secretKeyRef" and isinstance(name, str):
        yield name, _keys(node.get("key")), optional
    elif last == "secretRef" and isinstance(name, str):
        yield name, (), optional
    elif last == "secret" and isinstance(secret_name or name, str):
        keys = [get_nested(item, "key") for item in as_list(node.get("items"))]
        yield str(secret_name or name), tuple(str(key) for key in keys if key), optional
    elif _is_tls(where) and isinstance(secret_name, str) and node.get("enabled") is not False:
        # A default issuer may create this Secret, or a person; no file of the tree shows it.
        yield secret_name, ("tls.crt", "tls.key"), optional or not secret_name


def _is_tls(where: Path) -> bool:
    return bool(where) and where[0] == "ingress" and "tls" in where


def _keys(key: object) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) and key else ()


def _expand_release(name: str, subject: Subject) -> str:
    """Return the name with the release's name and namespace, as the chart's `tpl` expands it.

    What no file says stays a template: "{{" in the name.
    """
    for what, value, guessed in (
        ("Name", subject.layout.release, subject.guesses_release),
        ("Namespace", subject.layout.namespace, subject.guesses_namespace),
    ):
        if guessed:
            continue
        for form in (f"{{{{ .Release.{what} }}}}", f"{{{{.Release.{what}}}}}"):
            name = name.replace(form, value)
    return name
