"""The chart's schema and CRDs: as strict as Helm and the API server, without quoting values."""

import io
import json
import shutil
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.paths import DATA
from tests.unit.checks.trees import APPLICATION, METADATA, PROJECT, STORE, VALUES, good
from wizard.chart.versions import VERSIONS
from wizard.checks.schema import crd_schemas, load_chart_schema
from wizard.errors import WizardError

CHART = DATA / "chart" / "1.22.0"
with_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no data in {DATA}")
GROUPS = ("argoproj.io_app", "external-secrets.io_externals", "external-secrets.io_secretstores")


@cache
def crds() -> dict[tuple[str, str], Mapping[str, Any]]:
    documents: list[object] = []
    for file in sorted((DATA / "crds").glob("*.yaml")):
        if file.name.startswith(GROUPS) and "sets" not in file.name:
            documents += yaml.load_all(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
    return crd_schemas(documents)


@with_data
@pytest.mark.parametrize("version", [one.chart for one in VERSIONS if not one.airflow_2_only])
def test_right_values_pass_the_schema_of_every_chart(version: str) -> None:
    case = good()
    case.chart = version
    case.more["chart_schema"] = load_chart_schema(DATA / "chart" / version).schema
    assert [str(finding) for finding in case.run()] == []


@with_data
def test_right_objects_pass_their_crds() -> None:
    assert ("external-secrets.io/v1", "SecretStore") in crds()
    assert ("argoproj.io/v1alpha1", "Application") in crds()
    case = good()
    case.more["crds"] = crds()
    assert [str(finding) for finding in case.run()] == []


@with_data
@pytest.mark.parametrize(
    ("path", "dotted", "value", "where", "message"),
    [
        (METADATA, "spec.refreshIntervall", "1h", "spec", "unknown field refreshIntervall"),
        (METADATA, "spec.target.creationPolicy", "Own", "spec.target.creationPolicy",
         "must be one of Owner, Orphan, Merge, None, CreateOrMerge"),
        (METADATA, "spec.data.0.remoteRef.colour", "x", "spec.data[0].remoteRef",
         "unknown field (an unknown key)"),
        (METADATA, "metadata.label", {}, "metadata", "unknown field label"),
        (METADATA, "metadata.annotations", {"a": 1}, "metadata.annotations.a", "must be string"),
        (METADATA, "apiVersion", "external-secrets.io/v1beta1", "apiVersion",
         "the API server does not serve this version of the kind"),
        (STORE, "spec.provider.openbao", {}, "spec.provider", "unknown field openbao"),
        (STORE, "spec.provider.vault.version", "v3", "spec.provider.vault.version",
         "must be one of v1, v2"),
        (APPLICATION, "spec.syncPolicy.retry.limit", "5", "spec.syncPolicy.retry.limit",
         "must be integer"),
        (APPLICATION, "spec.destinations", {}, "spec", "unknown field destinations"),
        (PROJECT, "spec.sourceRepos", "x", "spec.sourceRepos", "must be array"),
    ],
)  # fmt: skip
def test_what_strict_validation_refuses(
    path: str, dotted: str, value: object, where: str, message: str
) -> None:
    case = good()
    case.more["crds"] = crds()
    case.set(path, dotted, value)
    found = {(f.where, f.message) for f in case.run() if f.rule == "schema.object"}
    assert (where, message) in found
    assert {place for place, _ in found} == {where}


@with_data
@pytest.mark.parametrize(
    ("dotted", "value", "where"),
    [
        ("scheduler.replicas", "two", "scheduler.replicas"),
        ("apiServer.safeToEvict", True, "apiServer"),
        ("extraEnv", {"a": "b"}, "extraEnv"),
        ("dags.gitSync.period", 30, "dags.gitSync.period"),
        ("airflowVersion", 3.2, "airflowVersion"),
    ],
)
def test_what_the_charts_schema_refuses(dotted: str, value: object, where: str) -> None:
    case = good()
    case.more["chart_schema"] = load_chart_schema(CHART).schema
    case.set(VALUES, dotted, value)
    assert where in {f.where for f in case.run() if f.rule == "schema.values"}


def test_messages_never_quote_the_value() -> None:
    hidden = "hidden-value-1"
    rules: dict[str, Any] = {
        "type": {"type": "integer"}, "enum": {"enum": ["a"]}, "pattern": {"pattern": "^x$"},
        "minLength": {"minLength": 99}, "maxLength": {"maxLength": 1}, "const": {"const": 1},
        "anyOf": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "oneOf": {"oneOf": [{"type": "integer"}, {"type": "null"}]}, "not": {"not": {}},
        "object": {"type": "object", "required": ["b"]},
    }  # fmt: skip
    for name, rule in rules.items():
        case = good()
        case.values["fernetKeySecretName"] = hidden
        case.more["chart_schema"] = {"properties": {"fernetKeySecretName": rule}}
        found = [finding for finding in case.run() if finding.rule == "schema.values"]
        assert len(found) == 1, name
        assert hidden not in repr(case.run())


def test_int_or_string_nullable_and_free_fields() -> None:
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "port": {
                        "anyOf": [{"type": "integer"}, {"type": "string"}],
                        "x-kubernetes-int-or-string": True,
                    },
                    "maybe": {"type": "string", "nullable": True, "enum": ["a"]},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    "map": {"type": "object", "additionalProperties": {"type": "string"}},
                },
                "oneOf": [{"required": ["port"]}, {"required": ["maybe"]}],
            }
        },
    }

    def findings(spec: dict[str, object]) -> list[str]:
        case = good()
        case.objects["x.yaml"] = {
            "apiVersion": "example.com/v1",
            "kind": "X",
            "metadata": {"name": "x"},
            "spec": spec,
        }
        case.more["crds"] = {("example.com/v1", "X"): schema}
        return [f"{f.where}: {f.message}" for f in case.run()]

    for port in (80, "http"):
        assert findings({"port": port, "free": {"any": [1]}, "map": {"any": "x"}}) == []
    assert findings({"maybe": None}) == []
    assert findings({"port": True}) == ["spec.port: must be integer or string"]
    assert findings({"maybe": "b"}) == ["spec.maybe: must be one of a, None"]
    assert findings({"port": 1, "map": {"a": 1}}) == ["spec.map.a: must be string"]
    assert findings({}) == ["spec: does not match any allowed form"]


def chart(folder: Path) -> Path:
    """A minimal chart folder."""
    folder.mkdir()
    (folder / "Chart.yaml").write_text("name: airflow\nversion: 1.22.0\n")
    (folder / "values.schema.json").write_text('{"type": "object"}')
    return folder


def archive(path: Path, members: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def test_a_folder_and_its_archive_say_the_same(tmp_path: Path) -> None:
    folder = chart(tmp_path / "airflow")
    packed = tmp_path / "airflow-1.22.0.tgz"
    with tarfile.open(packed, "w:gz") as tar:
        tar.add(folder, "airflow")
        inner = chart(tmp_path / "sub")
        (inner / "Chart.yaml").write_text("name: postgresql\nversion: 1.0.0\n")
        tar.add(inner, "airflow/charts/postgresql")
    for path in (folder, packed):
        assert load_chart_schema(path) == ("airflow", "1.22.0", {"type": "object"})
    assert sorted(tmp_path.iterdir()) == [folder, packed, inner]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"airflow/Chart.yaml": b"name: airflow\nversion: 1.22.0\n"}, "no values.schema.json"),
        ({"airflow/Chart.yaml": b"a: ["}, "Chart.yaml cannot be read"),
        ({"Chart.yaml": b"name: airflow\n"}, "Chart.yaml cannot be read"),
        ({"airflow/Chart.yaml": b"name: a\nversion: 1.0.0\n", "airflow/values.schema.json": b"{"},
         "not JSON"),
        ({"airflow/Chart.yaml": b"name: a\nversion: 1.0.0\n", "airflow/values.schema.json": b"[]"},
         "not an object"),
        ({"a/Chart.yaml": b"name: a\nversion: 1.0.0\n", "b/Chart.yaml": b""}, "cannot be read"),
    ],
)  # fmt: skip
def test_archives_that_are_no_chart(
    tmp_path: Path, members: Mapping[str, bytes], message: str
) -> None:
    with pytest.raises(WizardError, match=message):
        load_chart_schema(archive(tmp_path / "x.tgz", members))


def test_files_that_are_no_archive(tmp_path: Path) -> None:
    for name, data in (("text", b"hello"), ("cut", b"\x1f\x8b\x08"), ("empty", b"")):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(WizardError, match="cannot be read as a Helm chart"):
            load_chart_schema(path)
    with pytest.raises(WizardError, match="cannot be read as a Helm chart"):
        load_chart_schema(tmp_path / "missing")


def test_links_out_of_the_archive_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("name: stolen\nversion: 1.0.0\n")
    path = tmp_path / "x.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            info = tarfile.TarInfo("airflow/Chart.yaml")
            info.type, info.linkname = kind, str(secret)
            tar.addfile(info)
    with pytest.raises(WizardError, match=r"Chart\.yaml cannot be read"):
        load_chart_schema(path)


def test_a_bomb_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.tgz", {"airflow/big": bytes(17 * 1024 * 1024)})
    size = path.stat().st_size
    assert size < 100_000
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("airflow/values.schema.json")
        info.size = 17 * 1024 * 1024
        tar.addfile(info, io.BytesIO(bytes(info.size)))
    with pytest.raises(WizardError, match="cannot be read as a Helm chart"):
        load_chart_schema(path)


@with_data
def test_the_real_charts_are_read(tmp_path: Path) -> None:
    copied = tmp_path / "airflow"
    shutil.copytree(CHART, copied)
    with tarfile.open(tmp_path / "airflow.tgz", "w:gz") as tar:
        tar.add(copied, "airflow")
    package = load_chart_schema(tmp_path / "airflow.tgz")
    assert (package.name, package.version) == ("airflow", "1.22.0")
    assert package.schema == json.loads((CHART / "values.schema.json").read_text("utf-8"))
