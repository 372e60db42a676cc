"""`import` on files as people have them: every format, bad input, and what it may write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.canary import Canary
from tests.support.cli import Wizard
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.imports.source import read_source

VALUES = "executor: LocalExecutor\nairflowVersion: 3.2.0\nscheduler:\n  replicas: 2\n"
NESTED = "    executor: LocalExecutor\n    airflowVersion: 3.2.0\n    scheduler: {replicas: 2}\n"
FILES = {
    "values file": {"values.yaml": VALUES},
    "Argo CD Application": {
        "app.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
        "metadata: {name: prod, namespace: gitops}\nspec:\n  project: data\n"
        "  destination: {server: https://kubernetes.default.svc, namespace: team}\n"
        "  source:\n    repoURL: https://airflow.apache.org\n    chart: airflow\n"
        "    targetRevision: 1.21.0\n    helm:\n      valuesObject:\n"
        "        executor: LocalExecutor\n        airflowVersion: 3.2.0\n"
        "        scheduler: {replicas: 2}\n"
    },
    "Flux HelmRelease": {
        "release.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
        "metadata: {name: prod, namespace: team}\nspec:\n  releaseName: prod\n"
        "  chart:\n    spec: {chart: airflow, version: 1.21.0, sourceRef: {kind: HelmRepository, "
        f"name: apache-airflow}}}}\n  values:\n{NESTED}"
    },
    "Helmsman app": {
        "dsf.yaml": "helmRepos: {apache-airflow: https://airflow.apache.org}\napps:\n  prod:\n"
        "    namespace: team\n    chart: apache-airflow/airflow\n    version: 1.21.0\n"
        "    valuesFile: values.yaml\n",
        "values.yaml": VALUES,
    },
    "wrapper chart": {
        "Chart.yaml": "apiVersion: v2\nname: platform\nversion: 0.1.0\ndependencies:\n"
        "  - {name: airflow, alias: etl, version: 1.21.0, repository: https://airflow.apache.org}\n",
        "values.yaml": "etl:\n" + "".join(f"  {line}\n" for line in VALUES.splitlines()),
    },
}
BAD = {
    "no YAML": (b"a: [1\nb: }", "not valid YAML"),
    "two documents": (b"executor: LocalExecutor\n---\nexecutor: LocalExecutor\n", "documents"),
    "tabs": (b"scheduler:\n\treplicas: 2\n", "line 2"),
    "duplicate keys": (b"executor: a\nexecutor: b\n", "executor: the key occurs twice"),
    "another encoding": ("executor: Lokal\u00e4\n".encode("utf-16"), "not UTF-8"),
    "a list at the top": (b"- executor: a\n", "no mapping of Helm values"),
    "a template": (b"executor: {{ .Values.x }}\n{{- if a }}\nb: 1\n{{- end }}\n", "template"),
    "nothing": (b"", "no mapping of Helm values"),
    "another object": (b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "no release"),
}


@pytest.fixture
def wizard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wizard:
    """The command in an empty folder: an import needs no repository."""
    return Wizard(tmp_path, monkeypatch)


@pytest.mark.parametrize("kind", FILES)
def test_each_format_is_read_with_its_values_and_versions(kind: str, tmp_path: Path) -> None:
    for name, text in FILES[kind].items():
        (tmp_path / name).write_text(text)
    for path in (tmp_path, tmp_path / next(iter(FILES[kind]))):
        found = read_source(path)
        one = found.declaration
        assert one.kind == kind
        assert one.values["executor"] == "LocalExecutor"
        assert one.values["scheduler"] == {"replicas": 2}
        assert one.airflow == "3.2.0"
        assert one.chart == ("" if kind == "values file" else "1.21.0")
        if kind not in ("values file", "wrapper chart"):
            assert (one.release, one.namespace) == ("prod", "team")


def test_an_application_says_more_than_its_values(wizard: Wizard) -> None:
    (wizard.folder / "app.yaml").write_text(FILES["Argo CD Application"]["app.yaml"])
    out = wizard.folder / "answers.yaml"
    done = wizard.ok("import", str(wizard.folder / "app.yaml"), "--out", str(out))
    documents, findings = parse_yaml("answers.yaml", out.read_bytes())
    assert not findings
    answers = documents[0]
    assert answers["executor"]["kind"] == "LocalExecutor"
    assert answers["components"]["scheduler"]["replicas"] == 2
    assert answers["installation"]["namespace"] == "team"
    assert answers["installation"]["chart"] == "1.21.0"
    assert answers["delivery"]["argocd"]["namespace"] == "gitops"
    assert answers["delivery"]["argocd"]["project"] == "data"
    assert "imported from Argo CD Application" in done.err
    assert "# NEEDED" in out.read_text()


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_named_with_file_and_remedy(what: str, wizard: Wizard) -> None:
    data, message = BAD[what]
    (wizard.folder / "in.yaml").write_bytes(data)
    done = wizard("import", str(wizard.folder / "in.yaml"))
    assert done.code == 3, done
    assert "in.yaml" in done.err
    assert message in done.err
    assert not done.out


def test_a_file_that_is_missing_or_too_large_is_a_usage_error(wizard: Wizard) -> None:
    assert wizard("import", str(wizard.folder / "none.yaml")).code == 64
    large = wizard.folder / "large.yaml"
    large.write_bytes(b"a: b\n" * 1_000_000)
    done = wizard("import", str(large))
    assert done.code == 64
    assert "larger than" in done.err


def test_several_releases_are_named(wizard: Wizard) -> None:
    one = FILES["Argo CD Application"]["app.yaml"]
    text = f"{one}---\n{one.replace('name: prod', 'name: test')}"
    (wizard.folder / "apps.yaml").write_text(text)
    done = wizard("import", str(wizard.folder / "apps.yaml"))
    assert done.code == 64
    assert "prod, test" in done.err


def test_an_existing_file_is_kept(wizard: Wizard) -> None:
    (wizard.folder / "values.yaml").write_text(VALUES)
    out = wizard.folder / "answers.yaml"
    out.write_text("mine")
    done = wizard("import", str(wizard.folder / "values.yaml"), "--out", str(out))
    assert (done.code, out.read_text()) == (64, "mine")
    assert "add --yes" in done.err


def test_json_and_streams_show_no_secret(wizard: Wizard, canary: Canary) -> None:
    secret = canary.secret("fernet")
    (wizard.folder / "values.yaml").write_text(f"{VALUES}fernetKey: {secret}\n")
    done = wizard.ok("import", str(wizard.folder / "values.yaml"), "--json")
    document = json.loads(done.out)
    assert [one["key"] for one in document["secrets"]] == ["fernetKey"]
    assert document["answers"]["executor"]["kind"] == "LocalExecutor"
    assert canary.traces(done.out, done.err) == []


def test_the_answers_are_fixed_by_set(wizard: Wizard) -> None:
    (wizard.folder / "values.yaml").write_text(VALUES)
    done = wizard.ok(
        "import", str(wizard.folder / "values.yaml"), "--set", "secrets.store=vault",
        "--set", "database.host=pg.example.internal",
    )  # fmt: skip
    documents, _ = parse_yaml("", done.out.encode())
    assert documents[0]["database"]["host"] == "pg.example.internal"
    assert wizard("import", str(wizard.folder / "values.yaml"), "--set", "nope=1").code == 3
