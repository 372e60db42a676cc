"""Checks values against the chart's schema, and objects against their CRDs as an API server does.

The messages are the wizard's own: the validator's messages quote the rejected value, which may be
a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from wizard.checks.subject import Subject, as_list, as_mapping, get_nested
from wizard.errors import Fix, WizardError
from wizard.findings import Finding
from wizard.formats.input_files import is_existing, read_input_file, show_option
from wizard.formats.messages import UNKNOWN_KEY, show_name
from wizard.formats.nested import format_path, walk
from wizard.formats.yaml_untrusted import parse_yaml

Crds = Mapping[tuple[str, str], Mapping[str, Any]]

_FILE_LIMIT = 16 * 1024 * 1024
MAX_ARCHIVE = 64 * 1024 * 1024
_TOTAL_LIMIT = 256 * 1024 * 1024
_MEMBER_LIMIT = 20_000
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
# The schema of ObjectMeta, which CRDs do not contain (apimachinery meta/v1).
_METADATA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **{key: {"type": "string"} for key in ("name", "generateName", "namespace")},
        **dict.fromkeys(("labels", "annotations"), _TEXTS),
        "finalizers": {"type": "array", "items": {"type": "string"}},
        "ownerReferences": {"type": "array"},
        "managedFields": {"type": "array"},
        "creationTimestamp": {},
        **{key: {"type": "string"} for key in ("uid", "resourceVersion")},
        **{key: {"type": "integer"} for key in ("generation", "deletionGracePeriodSeconds")},
    },
}
_COMBINATORS = ("allOf", "anyOf", "oneOf", "not")
_KEYWORDS = (
    "type", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength",
    "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties",
    "maxProperties", "required", "multipleOf",
)  # fmt: skip


class ChartPackage(NamedTuple):
    """A chart folder or archive: the chart's name, version and values schema."""

    name: str
    version: str
    schema: Mapping[str, Any]


def load_chart_schema(path: Path) -> ChartPackage:
    """Read Chart.yaml and values.schema.json of a chart folder or .tgz; extracts no file.

    Raises WizardError if the path is not a chart, is too large, or has no schema.
    """
    try:
        files = _read_folder(path) if path.is_dir() else _read_archive(path)
    except (OSError, EOFError, ValueError) as error:
        hint = "give the chart folder or its .tgz archive"
        message = f"{show_option('--chart', path)}: cannot be read as a Helm chart"
        raise WizardError(message, hint) from error
    return _parse_package(path, files)


def crd_schemas(documents: Iterable[object]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the schemas of all served versions in these CRDs, by (apiVersion, kind)."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for document in documents:
        if get_nested(document, "kind") != "CustomResourceDefinition":
            continue
        spec = as_mapping(get_nested(document, "spec"))
        for version in as_list(spec.get("versions")):
            schema = get_nested(version, "schema", "openAPIV3Schema")
            if get_nested(version, "served") is True and isinstance(schema, Mapping):
                api_version = f"{spec.get('group')}/{get_nested(version, 'name')}"
                found[api_version, str(get_nested(spec, "names", "kind"))] = schema
    return found


def check_schema(
    subject: Subject, chart_schema: Mapping[str, Any] | None, crds: Crds | None
) -> Iterator[Finding]:
    """Check the values against `chart_schema`, and each object of a known kind against its CRD."""
    if chart_schema is not None and subject.values is not None:
        values = _drop_nulls(subject.values)
        for where, message in _errors(chart_schema, values):
            fix = "see the chart's values.yaml for valid values"
            path = subject.layout.values
            yield Finding("schema.values", "error", path, format_path(where), message, Fix(fix))
    if not crds:
        return
    served = {api.partition("/")[0] for api, _ in crds}
    strict: dict[tuple[str, str], Mapping[str, Any]] = {}
    for document in subject.documents:
        key = (document.api_version, document.kind)
        if key in crds:
            schema = strict.setdefault(key, strict_schema(crds[key]))
            for where, message in _errors(schema, document.data):
                fix = "see `kubectl explain` for valid fields"
                place = document.where(format_path(where))
                yield Finding("schema.object", "error", document.path, place, message, Fix(fix))
        elif document.group in served and any(
            api.partition("/")[0] == document.group and kind == document.kind for api, kind in crds
        ):
            message = "the API server does not serve this version of the kind"
            versions = sorted(api for api, kind in crds if kind == document.kind)
            fix = f"use {' or '.join(versions)}"
            place = document.where("apiVersion")
            yield Finding("schema.object", "error", document.path, place, message, Fix(fix))


def strict_schema(schema: Mapping[str, Any], *, root: bool = True) -> dict[str, Any]:
    """Return a CRD's schema as JSON schema that refuses unknown fields, like strict validation."""
    strict: dict[str, Any] = {key: schema[key] for key in _KEYWORDS if key in schema}
    if schema.get("x-kubernetes-int-or-string"):
        strict["type"] = ["integer", "string"]
    for key in _COMBINATORS:
        # A structural schema declares its fields outside allOf, anyOf and so on; these only
        # validate.
        if key in schema and not schema.get("x-kubernetes-int-or-string"):
            part = schema[key]
            strict[key] = (
                [*map(_validation_schema, part)]
                if isinstance(part, list)
                else _validation_schema(part)
            )
    properties = {
        name: strict_schema(child, root=False)
        for name, child in as_mapping(schema.get("properties")).items()
    }
    embedded = root or schema.get("x-kubernetes-embedded-resource")
    if embedded:
        properties |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
        properties["metadata"] = _METADATA
    if properties:
        strict["properties"] = properties
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        strict["additionalProperties"] = strict_schema(extra, root=False)
    elif (
        schema.get("type") == "object"
        and extra is not True
        and not _may_have_unknown_fields(schema)
    ):
        strict["additionalProperties"] = False
    if isinstance(schema.get("items"), Mapping):
        strict["items"] = strict_schema(schema["items"], root=False)
    if schema.get("nullable"):
        types = strict.get("type", [])
        strict["type"] = [*([types] if isinstance(types, str) else types), "null"]
        if "enum" in strict:
            strict["enum"] = [*strict["enum"], None]
    return strict


def _may_have_unknown_fields(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("x-kubernetes-preserve-unknown-fields"))


def _validation_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    loose: dict[str, Any] = {key: schema[key] for key in _KEYWORDS if key in schema}
    for name in _COMBINATORS:
        part = schema.get(name)
        if part is not None:
            loose[name] = (
                [*map(_validation_schema, part)]
                if isinstance(part, list)
                else _validation_schema(part)
            )
    properties = as_mapping(schema.get("properties"))
    if properties:
        loose["properties"] = {
            name: _validation_schema(child) for name, child in properties.items()
        }
    if isinstance(schema.get("items"), Mapping):
        loose["items"] = _validation_schema(schema["items"])
    return loose


def _errors(schema: Mapping[str, Any], value: object) -> list[tuple[Sequence[str | int], str]]:
    import jsonschema_rs

    validator = jsonschema_rs.validator_for(dict(schema))
    found = [
        (tuple(error.instance_path), _message(error, schema))
        for error in validator.iter_errors(value)
    ]
    return sorted(found, key=lambda item: (format_path(item[0]), item[1]))


def _message(error: Any, schema: Mapping[str, Any]) -> str:
    """Return a message that says what is allowed, without the rejected value."""
    name, details = error.kind.name, error.kind.as_dict()
    match name:
        case "type":
            return f"must be {' or '.join(details['types'])}"
        case "enum":
            return f"must be one of {', '.join(map(str, details['options']))}"
        case "additionalProperties":
            known = frozenset(_list_properties(schema))
            shown = {show_name(name, known) or UNKNOWN_KEY for name in details["unexpected"]}
            return f"unknown field {', '.join(sorted(shown))}"
        case "required":
            return f"required field {details['property']} is missing"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            return f"violates {name} {details['limit']}"
        case (
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties"
        ):
            return f"violates {name} {details['limit']}"
        case "pattern":
            return f"must match {details['pattern']}"
        case "anyOf" | "oneOf" | "oneOfNotValid" | "oneOfMultipleValid":
            return "does not match any allowed form"
        case _:
            return f"violates the schema's rule {name}"


def _list_properties(schema: object) -> Iterator[str]:
    """Yield the names of all properties in a schema."""
    for path, node in walk(schema):
        if path[-1:] == ("properties",) and isinstance(node, Mapping):
            yield from node


def _drop_nulls(value: Any) -> Any:
    """Return the value without null values: Helm removes a null key and its default first."""
    if isinstance(value, Mapping):
        return {key: _drop_nulls(child) for key, child in value.items() if child is not None}
    if isinstance(value, list):
        return [_drop_nulls(child) for child in value]
    return value


def _read_folder(folder: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name in ("Chart.yaml", "values.schema.json"):
        file = folder / name
        if is_existing(file):
            found[name] = read_input_file(file, _FILE_LIMIT)
    return found


def _read_archive(path: Path) -> dict[str, bytes]:
    """Return Chart.yaml and values.schema.json from the archive's top folder, read as a stream."""
    import io
    import tarfile
    import zlib

    packed = io.BytesIO(read_input_file(path, MAX_ARCHIVE))
    found: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(fileobj=packed, mode="r|gz") as archive:
            for count, member in enumerate(archive):
                total += member.size
                if count > _MEMBER_LIMIT or total > _TOTAL_LIMIT:
                    raise ValueError("the archive is too large")
                folder, _, name = member.name.removeprefix("./").partition("/")
                if not (
                    folder and member.isfile() and name in ("Chart.yaml", "values.schema.json")
                ):
                    continue
                if member.size > _FILE_LIMIT or name in found:
                    raise ValueError(f"{name} is too large or occurs twice")
                stream = archive.extractfile(member)
                found[name] = stream.read(_FILE_LIMIT) if stream else b""
    except (tarfile.TarError, zlib.error, TypeError) as error:  # TypeError: truncated header
        raise ValueError("not a gzipped tar archive") from error
    return found


def _parse_package(path: Path, files: Mapping[str, bytes]) -> ChartPackage:
    import json

    documents, _ = parse_yaml("Chart.yaml", files.get("Chart.yaml", b""))
    chart = as_mapping(documents[0]) if documents else {}
    name, version = chart.get("name"), chart.get("version")
    if not (isinstance(name, str) and isinstance(version, str)):
        hint = "set a name and a version in Chart.yaml"
        raise WizardError(f"{path} is not a Helm chart: its Chart.yaml cannot be read", hint)
    if "values.schema.json" not in files:
        hint = "the Airflow chart has a schema since 1.0; use Apache's official chart"
        raise WizardError(f"chart {name} {version} has no values.schema.json", hint)
    try:
        schema = json.loads(files["values.schema.json"])
    except (ValueError, RecursionError) as error:
        raise WizardError(f"{path}: values.schema.json is not JSON") from error
    if not isinstance(schema, dict):
        raise WizardError(f"{path}: values.schema.json is not an object")
    return ChartPackage(name, version, schema)
