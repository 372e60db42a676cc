"""Values wherever people keep them: the rules find there what they find in a plain values file."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from tests.unit.checks.trees import external_secret, store
from wizard.checks.engine import run_checks
from wizard.checks.subject import Layout
from wizard.findings import Finding

CHART = "https://airflow.apache.org"
Files = dict[str, str]
# One fault of each kind: unknown, deprecated, removed, twice, a secret, an unknown Secret, missing.
BAD: dict[str, Any] = {
    "executor": "CeleryKubernetesExecutor",
    "airflowVersion": "3.2.2",
    "scheduler": {"replica": 2, "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
    "workers": {"resources": {"limits": {"memory": "1Gi"}}},
    "data": {"metadataSecretName": "airflow-metadata", "brokerUrlSecretName": "nowhere"},
    "migrateDatabaseJob": {"useHelmHooks": True},
    "createUserJob": {"defaultUser": {"password": "admin"}},
    "networkPolicies": {"enabled": True},
    "config": {"core": {"auth_manager": "SimpleAuthManager"}},
}
SECRETS = yaml.safe_dump_all(
    [external_secret("airflow-metadata", {"connection": "postgresql://a:{{ .a }}@h/d"}), store()]
)
Place = tuple[str, str]
Layouts = dict[str, tuple[Files, Callable[[str], Place]]]


def text(data: object) -> str:
    return yaml.safe_dump(data, sort_keys=False)


def beside(where: str, path: str) -> Callable[[str], Place]:
    """Places below `where` in one file."""
    return lambda dotted: (path, f"{where}.{dotted}" if dotted else where)


def application(source: Mapping[str, Any], *more: Mapping[str, Any], kind: str = "") -> str:
    chart = {"repoURL": CHART, "chart": "airflow", "targetRevision": "1.22.0"}
    one = source if "path" in source else {**chart, **source}
    sources = {"sources": [one, *more]} if more else {"source": one}
    spec = {
        "project": "a",
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "airflow"},
        **sources,
    }
    head = {"apiVersion": "argoproj.io/v1alpha1", "metadata": {"name": "airflow"}}
    if kind == "ApplicationSet":
        template = {"metadata": {"name": "airflow"}, "spec": spec}
        spec = {"generators": [{"clusters": {}}], "template": template}
    return text({**head, "kind": kind or "Application", "spec": spec})


def flux(spec: Mapping[str, Any]) -> str:
    chart = {
        "spec": {
            "chart": "airflow",
            "version": "1.22.0",
            "sourceRef": {"kind": "HelmRepository", "name": "apache-airflow"},
        }
    }
    repository = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "HelmRepository",
        "metadata": {"name": "apache-airflow"},
        "spec": {"url": CHART},
    }
    release = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "airflow", "namespace": "airflow"},
        "spec": {"interval": "1h", "chart": chart, **spec},
    }
    return text(release) + "---\n" + text(repository)


def helmsman(app: Mapping[str, Any]) -> str:
    one = {"namespace": "airflow", "enabled": True, "chart": "apache-airflow/airflow"}
    return text({
        "helmRepos": {"apache-airflow": CHART},
        "apps": {"airflow": {**one, "version": "1.22.0", **app}},
    })  # fmt: skip


DEPENDENCY = {"name": "airflow", "version": "1.22.0", "repository": CHART}
WRAPPER = text({"apiVersion": "v2", "name": "w", "version": "1.0.0", "dependencies": [DEPENDENCY]})
GENERATOR = text({
    "resources": ["release.yaml"],
    "configMapGenerator": [{"name": "v", "files": ["values.yaml=conf/af.yaml"]}],
})  # fmt: skip
GIT = {"repoURL": "https://git.example.com/a/b.git", "targetRevision": "main"}
LAYOUTS: Layouts = {
    "helm.values": (
        {"app.yaml": application({"helm": {"values": text(BAD)}})},
        beside("spec.source.helm.values", "app.yaml"),
    ),
    "valuesObject": (
        {"app.yaml": application({"helm": {"valuesObject": BAD}})},
        beside("spec.source.helm.valuesObject", "app.yaml"),
    ),
    "several sources": (
        {
            "app.yaml": application(
                {"helm": {"valueFiles": ["$v/env/af.yaml"]}}, {**GIT, "ref": "v"}
            ),
            "env/af.yaml": text(BAD),
        },
        lambda dotted: ("env/af.yaml", dotted),
    ),
    "ApplicationSet": (
        {"set.yaml": application({"helm": {"valuesObject": BAD}}, kind="ApplicationSet")},
        beside("spec.template.spec.source.helm.valuesObject", "set.yaml"),
    ),
    "HelmRelease": (
        {"release.yaml": flux({"values": BAD})},
        beside("spec.values", "release.yaml"),
    ),
    "HelmRelease with a ConfigMap": (
        {
            "kustomization.yaml": GENERATOR,
            "release.yaml": flux({"valuesFrom": [{"kind": "ConfigMap", "name": "v"}]}),
            "conf/af.yaml": text(BAD),
        },
        lambda dotted: ("conf/af.yaml", dotted),
    ),
    "Helmsman": (
        {"deploy/dsf.yaml": helmsman({"valuesFile": "../af.yaml"}), "af.yaml": text(BAD)},
        lambda dotted: ("af.yaml", dotted),
    ),
    "kustomization with a chart": (
        {
            "kustomization.yaml": text(
                {
                    "helmCharts": [
                        {
                            "name": "airflow",
                            "repo": CHART,
                            "version": "1.22.0",
                            "valuesInline": BAD,
                        }
                    ],
                }
            ),
        },
        beside("helmCharts[0].valuesInline", "kustomization.yaml"),
    ),
    "wrapper chart": (
        {"chart/Chart.yaml": WRAPPER, "chart/values.yaml": text({"airflow": BAD})},
        beside("airflow", "chart/values.yaml"),
    ),
    "Application of a wrapper chart": (
        {
            "app.yaml": application({**GIT, "path": "chart"}),
            "chart/Chart.yaml": WRAPPER,
            "chart/values.yaml": text({"airflow": BAD}),
        },
        beside("airflow", "chart/values.yaml"),
    ),
}


def check(files: Files) -> list[Finding]:
    return run_checks(
        {path: data.encode() for path, data in {**files, "secrets.yaml": SECRETS}.items()},
        chart="1.22.0",
        airflow="3.2.2",
        installation=Layout(),
    )


def about_values(found: list[Finding]) -> set[tuple[str, str, str, str, str]]:
    """All findings but those about the Applications themselves."""
    kept = [one for one in found if not one.rule.startswith(("argocd.", "kustomize."))]
    return {(one.rule, one.severity, one.path, one.where, one.message) for one in kept}


@pytest.fixture(scope="module")
def plain() -> set[tuple[str, str, str, str, str]]:
    return about_values(check({"values.yaml": text(BAD)}))


def test_the_plain_file_has_a_finding_of_each_kind(plain: set[Any]) -> None:
    assert {
        ("values.unknown-key", "scheduler.replica"),
        ("values.deprecated-key", "workers.resources"),
        ("values.executor", "executor"),
        ("values.duplicate-env", "scheduler.env[1].name"),
        ("values.job-hooks", "migrateDatabaseJob.useHelmHooks"),
        ("values.generated-secret", "fernetKeySecretName"),
        ("secret.inline-value", "createUserJob.defaultUser.password"),
        ("reference.secret", "data.brokerUrlSecretName"),
        ("values.network-policy", "apiServer.networkPolicy.ingress.from"),
    } <= {(rule, where) for rule, _, _, where, _ in plain}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_the_findings_of_the_plain_file(layout: str, plain: set[Any]) -> None:
    files, move = LAYOUTS[layout]
    wanted = {
        (rule, severity, *(move(where) if path == "values.yaml" else (path, where)), message)
        for rule, severity, path, where, message in plain
    }
    assert about_values(check(files)) == wanted


def test_parameters_and_set_are_judged_like_values() -> None:
    lines = {"scheduler.replica": "2", "executor": "CeleryKubernetesExecutor"}
    parameters = [{"name": name, "value": value} for name, value in lines.items()]
    found = check({"app.yaml": application({"helm": {"parameters": parameters}})})
    wheres = {one.where for one in found if one.path == "app.yaml"}
    assert {"spec.source.helm.parameters[0]", "spec.source.helm.parameters[1]"} <= wheres
    found = check({"dsf.yaml": helmsman({"set": lines})})
    places = {(one.rule, one.where) for one in found if one.path == "dsf.yaml"}
    assert ("values.unknown-key", 'apps.airflow.set."scheduler.replica"') in places
    assert ("values.executor", "apps.airflow.set.executor") in places


UNREAD: dict[str, tuple[Files, Place, str]] = {
    "generator variable": (
        {
            "set.yaml": application(
                {"helm": {"valueFiles": ["$v/{{.name}}.yaml"], "valuesObject": BAD}},
                {**GIT, "ref": "v"},
                kind="ApplicationSet",
            )
        },
        ("set.yaml", "spec.template.spec.sources[0].helm.valueFiles[0]"),
        "a variable of the generator",
    ),
    "another repository": (
        {"app.yaml": application({"helm": {"valueFiles": ["$v/x.yaml"]}}, {**GIT, "ref": "v"})},
        ("app.yaml", "spec.sources[0].helm.valueFiles[0]"),
        "not in this repository",
    ),
    "ConfigMap": (
        {"release.yaml": flux({"valuesFrom": [{"kind": "ConfigMap", "name": "x"}]})},
        ("release.yaml", "spec.valuesFrom[0]"),
        "this ConfigMap is not in this repository",
    ),
    "Secret": (
        {"release.yaml": flux({"valuesFrom": [{"kind": "Secret", "name": "x"}]})},
        ("release.yaml", "spec.valuesFrom[0]"),
        "in a Secret",
    ),
    "encrypted file": (
        {"values.yaml": text({**BAD, "sops": {"mac": "ENC[AES256_GCM,data:x]"}})},
        ("values.yaml", ""),
        "encrypted",
    ),
    "encrypted values of an app": (
        {"dsf.yaml": helmsman({"secretsFile": "s.yaml"}), "s.yaml": text({"sops": {"mac": "x"}})},
        ("dsf.yaml", "apps.airflow.secretsFile"),
        "encrypted",
    ),
    "environment": (
        {"dsf.yaml": helmsman({"valuesFile": "$ENV.yaml"})},
        ("dsf.yaml", "apps.airflow.valuesFile"),
        "a variable of the environment",
    ),
    "templates of a chart": (
        {"chart/Chart.yaml": WRAPPER, "chart/templates/a.yaml": "{{- if .x }}\na: 1\n{{- end }}\n"},
        ("chart/templates", ""),
        "1 file is a template",
    ),
    "Ansible Vault": (
        {"group_vars.yaml": "$ANSIBLE_VAULT;1.1;AES256\n613233\n"},
        ("group_vars.yaml", ""),
        "Ansible Vault encrypted",
    ),
    "Git LFS": (
        {"big.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"},
        ("big.yaml", ""),
        "Git LFS keeps",
    ),
    "encrypted file of something else": (
        {"more.yaml": text({"a": "ENC[AES256_GCM,data:x]", "sops": {"mac": "x"}})},
        ("more.yaml", ""),
        "SOPS encrypted",
    ),
    "template": (
        {"env.yaml": "{% if a %}\nb: c\n{% endif %}\n"},
        ("env.yaml", ""),
        "1 file is a template",
    ),
}


@pytest.mark.parametrize("name", UNREAD)
def test_what_cannot_be_judged_is_named(name: str) -> None:
    files, place, message = UNREAD[name]
    found = [one for one in check(files) if one.rule == "check.unjudged"]
    assert [(one.path, one.where, one.severity) for one in found] == [(*place, "warning")]
    assert message in found[0].message
    # Nothing is said about a value that may be where nobody can look.
    if "template" not in name:
        assert "missing" not in " ".join(one.message for one in check(files))


def test_braces_without_quotes_in_values_are_a_mistake() -> None:
    found = check({"values.yaml": "executor: CeleryExecutor\nairflowHome: {{ .home }}\n"})
    assert ("yaml.key", "error") in {(one.rule, one.severity) for one in found}


def test_a_remote_base_is_named() -> None:
    base = "https://github.com/acme/base//airflow?ref=v1"
    found = check({"kustomization.yaml": text({"resources": [base], "components": [base]})})
    named = {one.where for one in found if one.rule == "kustomize.remote"}
    assert named == {"resources[0]", "components[0]"}


def test_a_variable_hides_one_value_only() -> None:
    values = textwrap.dedent("""\
        executor: {{ .executor }}
        airflowVersion: "{{ .version }}"
        scheduler: {replica: 1}
        """)
    files = {"set.yaml": application({"helm": {"values": values}}, kind="ApplicationSet")}
    found = check(files)
    place = "spec.template.spec.source.helm.values"
    unjudged = {one.where for one in found if one.rule == "check.unjudged"}
    assert unjudged == {f"{place}.executor", f"{place}.airflowVersion"}
    others = {(one.rule, one.where) for one in found if one.rule != "check.unjudged"}
    assert ("values.unknown-key", f"{place}.scheduler.replica") in others
    assert ("values.generated-secret", f"{place}.fernetKeySecretName") in others
    assert not unjudged & {where for _, where in others}


@pytest.mark.parametrize(
    ("version", "judged", "says"),
    [
        ("1.22.0", True, ""),
        ("1.19.0", True, ""),
        ("~1.20.0", True, "judged as chart 1.20.0"),
        (">=1.19.0 <1.22.0", True, "judged as chart 1.21.0"),
        ("1.x", True, "judged as chart 1.22.0"),
        ("1.21.7", True, "judged as chart 1.21.0"),
        ("1.15.0", False, "no key was checked"),
        ("2.0.0", False, "no key was checked"),
    ],
)
def test_the_keys_of_the_declared_version_judge(version: str, judged: bool, says: str) -> None:
    source = {"targetRevision": version, "helm": {"valuesObject": BAD}}
    found = check({"app.yaml": application(source)})
    assert any(one.rule == "values.unknown-key" for one in found) is judged
    told = [one for one in found if one.rule == "values.chart-version"]
    assert [one.where for one in told] == (["spec.source.targetRevision"] if says else [])
    assert all(says in one.message and one.severity == "warning" for one in told)


@pytest.mark.parametrize(
    ("chart", "says"), [("1.15.0", "version of the image"), ("1.21.0", 'airflowVersion: "3.2.0"')]
)
def test_a_version_of_airflow_that_no_file_says_is_not_made_up(chart: str, says: str) -> None:
    source = {"targetRevision": chart, "helm": {"valuesObject": {"executor": "LocalExecutor"}}}
    found = check({"a.yaml": application(source)})
    [fix] = [one.fix.text for one in found if one.rule == "values.airflow-version"]
    assert says in fix


def test_a_lock_file_says_which_version_a_wrapper_chart_gets() -> None:
    chart = WRAPPER.replace("1.22.0", "^1.19.0")
    files = {"Chart.yaml": chart, "values.yaml": text({"airflow": BAD})}
    assert "the range leaves" in str(check(files))
    files["Chart.lock"] = text({"dependencies": [{**DEPENDENCY, "version": "1.19.0"}]})
    found = check(files)
    assert "the range leaves" not in str(found)
    assert any("chart 1.19.0 does not know" in one.message for one in found)


def test_the_values_of_an_environment_add_to_the_file_beside_it() -> None:
    files = {
        "values.yaml": text(BAD),
        "values-prod.yaml": "scheduler: {replicaz: 2}\nexecutor: x\n",
    }
    found = check(files)
    more = {(one.rule, one.where) for one in found if one.path == "values-prod.yaml"}
    assert ("values.unknown-key", "scheduler.replicaz") in more
    assert not [one for one in found if one.path != "values.yaml" and "missing" in one.message]


@pytest.mark.parametrize(
    "data",
    [
        {"airflow": {"executor": "CeleryExecutor"}, "scheduler": {}, "workers": {}, "flower": {}},
        {"executor": "CeleryExecutor", "web": {}, "worker": {}},
        {"workers": ["a"], "scheduler": ["b"]},
        {"kind": "Pod", "scheduler": {}, "dags": {}},
    ],
)
def test_other_files_are_not_taken_for_values(data: dict[str, Any]) -> None:
    assert not [one for one in check({"x.yaml": text(data)}) if one.path == "x.yaml"]
