"""Edits of other files than the values: what Argo CD, Helm and kustomize would make of them.

An edit that sets guarded content otherwise stops `plan` and `set` and is reported by `check`. A
harmless one passes all three and is still there afterwards.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cli import Wizard, answers_file
from tests.support.repository import GitFolder

APPLICATION = "argocd/airflow/application.yaml"
PROJECT = "argocd/airflow/project.yaml"
GUARD = "argocd/airflow/bootstrap/store-account-binding.yaml"
KUSTOMIZATION = "apps/airflow/kustomization.yaml"
VALUES = "apps/airflow/airflow-values.yaml"
ANSWERS = ".airflow-wizard/airflow/answers.yaml"
HELM = "spec.sources.0.helm"
STORE = {"kind": "SecretStore", "name": "vault-airflow"}
SERVER = "- op: replace\n  path: /spec/provider/vault/server\n  value: https://evil.example.com\n"
MERGE = """apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: vault-airflow}
spec: {provider: {vault: {server: https://evil.example.com}}}
"""
OWN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own, namespace: airflow}\ndata: {a: b}\n"
PATCHES = """  - own.yaml
patches:
  - path: p.yaml
  - target: {kind: ConfigMap, name: own}
    patch: |
      - op: remove
        path: /data/a
"""
RIVAL = """apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: mine, namespace: airflow}
spec:
  refreshInterval: 1h0m0s
  secretStoreRef: {name: vault-airflow, kind: SecretStore}
  target: {name: airflow-metadata}
  dataFrom: [{extract: {key: elsewhere}}]
"""
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: "
# Another spelling of the URL in the answers.
CONFIG_URL = "https://git.example.com/platform/k8s-infra.git"
MANIFESTS_ONLY = f"""{HEAD}Application
metadata: {{name: other, namespace: argocd}}
spec:
  project: default
  source: {{repoURL: {CONFIG_URL}, path: ./apps/airflow/}}
  destination: {{name: in-cluster, namespace: other}}
"""
PARENT = f"""{HEAD}Application
metadata: {{name: parent, namespace: argocd}}
spec:
  project: default
  source: {{repoURL: https://git.example.com/c.git, path: argocd/airflow}}
  destination: {{name: in-cluster, namespace: argocd}}
"""
LISTED = "resources: [own.yaml]\n"
ACCOUNT = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: airflow-external}\n"
SECOND_STORE = """apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: mine, namespace: airflow}
spec:
  provider:
    vault:
      server: https://evil.example.com
      auth:
        kubernetes:
          mountPath: kubernetes
          role: any
          serviceAccountRef: {name: airflow-external-secrets, audiences: [vault]}
"""
TOKEN = """apiVersion: v1
kind: Secret
metadata:
  name: token
  namespace: airflow
  annotations: {kubernetes.io/service-account.name: airflow-external-secrets}
type: kubernetes.io/service-account-token
"""
Files = dict[str, str]
Edit = Callable[[Path], Files]


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the production preset, made once."""
    folder = tmp_path_factory.mktemp("committed")
    answers = answers_file(folder / "answers.yaml", {})
    GitFolder.init(folder / "config")
    with pytest.MonkeyPatch.context() as patch:
        Wizard(folder / "config", patch).ok(
            "commit", "--preset", "production", "--answers", str(answers), "--yes"
        )
    return folder / "config"


@pytest.fixture
def aw(committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wizard:
    folder = tmp_path / "config"
    shutil.copytree(committed, folder)
    return Wizard(folder, monkeypatch)


def _into(path: str, dotted: str, value: object) -> Edit:
    """An edit of one YAML file: numbers are places in lists, `+` appends."""

    def edit(folder: Path) -> Files:
        data = yaml.safe_load((folder / path).read_text())
        node: Any = data
        *parents, last = dotted.split(".")
        for part in parents:
            node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
        if isinstance(node, list):
            node.append(value) if last == "+" else node.__setitem__(int(last), value)
        elif value is None:
            del node[last]
        else:
            node[last] = value
        return {path: yaml.safe_dump(data, sort_keys=False)}

    return edit


def _application(dotted: str, value: object) -> Edit:
    return _into(APPLICATION, dotted, value)


def _parameter(name: str, value: str, **more: object) -> Edit:
    return _application(f"{HELM}.parameters", [{"name": name, "value": value, **more}])


def _project(dotted: str, value: object) -> Edit:
    return _into(PROJECT, dotted, value)


def _kustomize(key: str, value: object, **files: str) -> Edit:
    """An edit of the kustomization; underscores in names of files stand for dots."""
    more = {f"apps/airflow/{name.replace('_', '.')}": text for name, text in files.items()}
    return lambda folder: {**_into(KUSTOMIZATION, key, value)(folder), **more}


def _file(path: str, text: str) -> Edit:
    return lambda _folder: {path: text}


def _text(path: str, old: str, new: str) -> Edit:
    def edit(folder: Path) -> Files:
        text = (folder / path).read_text()
        assert old in text
        return {path: text.replace(old, new, 1)}

    return edit


def _both(*edits: Edit) -> Edit:
    return lambda folder: {path: text for edit in edits for path, text in edit(folder).items()}


# Edit, and a part of the place that the message must name.
STORE_FILE = "apps/airflow/secrets/store.yaml"
SECRET_FILE = "apps/airflow/secrets/airflow-metadata.yaml"
POLICY_FILE = "vault/airflow/external-secrets-airflow-read.hcl"
ROLE_FILE = "vault/airflow/external-secrets-airflow.json"
LABELS, ANNOTATIONS = "  labels:\n", "  annotations:\n"
CONFLICTS: dict[str, tuple[Edit, str]] = {
    "DAG repository": (
        _into(VALUES, "dags.gitSync.repo", "https://evil.example.com/x.git"),
        "repo",
    ),
    "DAG bundles": (
        _into(VALUES, "dagProcessor.dagBundleConfigList", [{"name": "x", "classpath": "y"}]),
        "dagProcessor.dagBundleConfigList",
    ),
    "store": (_text(STORE_FILE, "vault.example", "evil.example"), "spec"),
    "key of the store twice": (
        _text(STORE_FILE, "      path: secret\n", "      path: secret\n      path: secret\n"),
        STORE_FILE,
    ),
    "hook of a Secret": (
        _text(SECRET_FILE, ANNOTATIONS, f"{ANNOTATIONS}    argocd.argoproj.io/hook: Skip\n"),
        "metadata",
    ),
    "Secret that is not applied": (
        _text(
            SECRET_FILE,
            ANNOTATIONS,
            f'{ANNOTATIONS}    config.kubernetes.io/local-config: "true"\n',
        ),
        "metadata",
    ),
    "owner of a Secret": (
        _text(SECRET_FILE, "managed-by: airflow-wizard", "managed-by: x"),
        "meta",
    ),
    "namespace of a Secret": (_into(SECRET_FILE, "metadata.namespace", "other"), "metadata"),
    "policy": (_text(POLICY_FILE, '["read"]', '["read", "list"]'), POLICY_FILE),
    "role": (_text(ROLE_FILE, "{", '{"bound_service_account_names": ["*"],'), ROLE_FILE),
    "parameter": (_parameter("dags.gitSync.knownHosts", ""), "helm.parameters[0]"),
    "parameter with two names": (
        _parameter("a=1,dags.gitSync.knownHosts", "x"),
        "helm.parameters[0]",
    ),
    "escaped parameter": (_parameter("dags.gitSync.known\\Hosts", "x"), "helm.parameters[0]"),
    "parameter as text": (
        _parameter("redis.enabled", "false", forceString=True),
        "helm.parameters[0]",
    ),
    "parameter in a list": (_parameter("createUserJob.args[0]", "sh"), "helm.parameters[0]"),
    "parameter of another value": (_parameter("workers.celery.replicas", "9"), "replicas"),
    "parameter that Helm refuses": (_parameter("executor.kind", "x"), "helm.parameters[0]"),
    "new guarded value": (_parameter("webserverSecretKeySecretName", "mine"), "parameters[0]"),
    "valuesObject": (
        _application(f"{HELM}.valuesObject", {"fernetKeySecretName": "mine"}),
        "helm.valuesObject",
    ),
    "values": (_application(f"{HELM}.values", "fernetKeySecretName: null\n"), "helm.values"),
    "values that hide a mapping": (_application(f"{HELM}.values", "dags: null\n"), "helm.values"),
    "fileParameters": (
        _application(
            f"{HELM}.fileParameters",
            [{"name": "dags.gitSync.knownHosts", "path": f"$values/{VALUES}"}],
        ),
        "helm.fileParameters",
    ),
    "value file": (
        _both(
            _application(f"{HELM}.valueFiles.+", "$values/apps/airflow/more.yaml"),
            _file("apps/airflow/more.yaml", "fernetKeySecretName: mine\n"),
        ),
        "helm.valueFiles",
    ),
    "other value file": (
        _application(f"{HELM}.valueFiles.0", f"$values/evil/{VALUES}"),
        "helm.valueFiles",
    ),
    "missing value files": (_application(f"{HELM}.ignoreMissingValueFiles", True), "ignoreMissing"),
    "release name": (_application(f"{HELM}.releaseName", "other"), "helm.releaseName"),
    "credentials for other hosts": (_application(f"{HELM}.passCredentials", True), "passCreden"),
    "chart repository": (
        _application("spec.sources.0.repoURL", "https://evil.example.com"),
        "spec.sources[0].repoURL",
    ),
    "chart": (_application("spec.sources.0.chart", "evil"), "spec.sources[0].chart"),
    "chart version": (_application("spec.sources.0.targetRevision", "1.21.0"), "targetRevision"),
    "config repository": (
        _application("spec.sources.1.repoURL", "https://evil.example.com/x.git"),
        "spec.sources[1].repoURL",
    ),
    "config branch": (_application("spec.sources.1.targetRevision", "evil"), "targetRevision"),
    "folder of manifests": (_application("spec.sources.1.path", "evil"), "spec.sources[1].path"),
    "third source": (
        _application("spec.sources.+", {"repoURL": "https://e.example", "chart": "x"}),
        "spec.sources",
    ),
    "one source": (_application("spec.sources", []), "spec.sources"),
    "plugin": (_application("spec.sources.1.plugin", {"name": "x"}), "spec.sources[1].plugin"),
    "directory": (_application("spec.sources.1.directory", {"recurse": True}), "directory"),
    "hydrator": (_application("spec.sourceHydrator", {"drySource": {}}), "spec.sourceHydrator"),
    "cluster": (
        _application("spec.destination.server", "https://evil.example.com"),
        "spec.destination",
    ),
    "namespace": (_application("spec.destination.namespace", "other"), "spec.destination"),
    "default project": (_application("spec.project", "default"), "spec.project"),
    "operation": (_application("operation", {"sync": {"revision": "x"}}), "operation"),
    "replacing sync": (_application("spec.syncPolicy.syncOptions.+", "Replace=true"), "syncOption"),
    "forced sync": (_application("spec.syncPolicy.syncOptions.+", "Force=true"), "syncOptions[2]"),
    "forced by annotation": (
        _application("metadata.annotations", {"argocd.argoproj.io/sync-options": "Force=true"}),
        "sync-options",
    ),
    "loose namespace": (
        _application(
            "spec.syncPolicy.managedNamespaceMetadata.labels",
            {"pod-security.kubernetes.io/enforce": "privileged"},
        ),
        "pod-security.kubernetes.io/enforce",
    ),
    "ignored differences": (
        _application(
            "spec.ignoreDifferences.+",
            {"group": "external-secrets.io", "kind": "SecretStore", "jsonPointers": ["/spec"]},
        ),
        "spec.ignoreDifferences[1]",
    ),
    "ignored differences of all kinds": (
        _application(
            "spec.ignoreDifferences.+", {"group": "*", "kind": "*", "jsonPointers": ["/spec"]}
        ),
        "spec.ignoreDifferences[1]",
    ),
    "ignored differences by a pattern": (
        _application(
            "spec.ignoreDifferences.+",
            {"group": "apps", "kind": "Secret[S]tore", "jsonPointers": ["/spec"]},
        ),
        "spec.ignoreDifferences[1]",
    ),
    "kustomize for the chart": (
        _application("spec.sources.0.kustomize", {"version": "x"}),
        "spec.sources[0].kustomize",
    ),
    "unknown field of the project": (_project("spec.somethingNew", ["*"]), "spec.somethingNew"),
    "Argo CD patches": (
        _application("spec.sources.1.kustomize", {"patches": [{"target": STORE, "patch": SERVER}]}),
        "kustomize.patches[0]",
    ),
    "Argo CD name prefix": (
        _application("spec.sources.1.kustomize", {"namePrefix": "x-"}),
        "kustomize.namePrefix",
    ),
    "Argo CD components": (
        _application("spec.sources.1.kustomize", {"components": ["x"]}),
        "kustomize.components",
    ),
    "source repositories": (_project("spec.sourceRepos", ["*"]), "spec.sourceRepos[0]"),
    "negated source repository": (_project("spec.sourceRepos.+", "!https://x"), "sourceRepos[2]"),
    "destinations": (
        _project("spec.destinations.+", {"server": "*", "namespace": "*"}),
        "spec.destinations[1]",
    ),
    "cluster kinds": (
        _project("spec.clusterResourceWhitelist.+", {"group": "*", "kind": "*"}),
        "spec.clusterResourceWhitelist[1]",
    ),
    "denied kinds": (_project("spec.namespaceResourceBlacklist", []), "namespaceResourceBlacklist"),
    "roles": (_project("spec.roles", [{"name": "x", "groups": ["everyone"]}]), "spec.roles"),
    "source namespaces": (_project("spec.sourceNamespaces", ["*"]), "spec.sourceNamespaces"),
    "account guard": (_into(GUARD, "spec.validationActions", ["Audit"]), "reserved for the store"),
    "patch": (_kustomize("patches", [{"target": STORE, "patch": SERVER}]), "patches[0]"),
    "patch of every kind": (
        _kustomize("patches", [{"target": {"name": ".*"}, "patch": SERVER}]),
        "patches[0]",
    ),
    "patch by a pattern": (
        _kustomize("patches", [{"target": {"kind": "(Secret|Other)Store"}, "patch": SERVER}]),
        "patches[0]",
    ),
    "patch by labels": (
        _kustomize("patches", [{"target": {"labelSelector": "a=b"}, "patch": SERVER}]),
        "patches[0]",
    ),
    "patch without target": (_kustomize("patches", [{"patch": MERGE}]), "patches[0]"),
    "patch file": (_kustomize("patches", [{"path": "p.yaml"}], p_yaml=MERGE), "patches[0]"),
    "missing patch file": (_kustomize("patches", [{"path": "p.yaml"}]), "patches[0]"),
    "strategic merge": (_kustomize("patchesStrategicMerge", [MERGE]), "patchesStrategicMerge[0]"),
    "strategic merge file": (
        _kustomize("patchesStrategicMerge", ["p.yaml"], p_yaml=MERGE),
        "patchesStrategicMerge[0]",
    ),
    "JSON 6902": (
        _kustomize("patchesJson6902", [{"target": STORE, "patch": SERVER}]),
        "patchesJson6902[0]",
    ),
    "replacements": (
        _kustomize(
            "replacements",
            [
                {
                    "source": {"kind": "ConfigMap"},
                    "targets": [{"select": STORE, "fieldPaths": ["a"]}],
                }
            ],
        ),
        "replacements[0]",
    ),
    "replacements in a file": (_kustomize("replacements", [{"path": "r.yaml"}]), "replacements[0]"),
    "components": (_kustomize("components", ["x"]), "components"),
    "transformers": (_kustomize("transformers", ["x.yaml"]), "transformers"),
    "generators": (_kustomize("generators", ["x.yaml"]), "generators"),
    "name prefix": (_kustomize("namePrefix", "x-"), "namePrefix"),
    "name suffix": (_kustomize("nameSuffix", "-x"), "nameSuffix"),
    "kustomize namespace": (_kustomize("namespace", "other"), "namespace"),
    "variables": (_kustomize("vars", [{"name": "A"}]), "vars"),
    "configurations": (_kustomize("configurations", ["x.yaml"]), "configurations"),
    "charts": (_kustomize("helmCharts", [{"name": "x"}]), "helmCharts"),
    "common labels": (_kustomize("commonLabels", {"team": "x"}), "commonLabels"),
    "owner's label": (
        _kustomize("labels", [{"pairs": {"app.kubernetes.io/managed-by": "x"}}]),
        "labels[0].pairs",
    ),
    "objects that are not applied": (
        _kustomize("commonAnnotations", {"config.kubernetes.io/local-config": "true"}),
        "commonAnnotations",
    ),
    "annotations of Argo CD": (
        _kustomize("commonAnnotations", {"argocd.argoproj.io/hook": "Skip"}),
        "commonAnnotations",
    ),
    "generated Secret": (
        _kustomize("secretGenerator", [{"name": "x", "files": ["x"]}]),
        "secretGenerator[0]",
    ),
    "manifest that is left out": (
        _both(
            _text(KUSTOMIZATION, "  - secrets/store.yaml\n", "  - own.yaml\n"),
            _file("apps/airflow/own.yaml", OWN),
        ),
        "store",
    ),
    "without a kind": (
        _text(KUSTOMIZATION, "kind: Kustomization\n", "namePrefix: x-\n"),
        "namePrefix",
    ),
}


def _second(name: str, change: Callable[[str], str]) -> Edit:
    """A file beside the Application, made from it."""

    def edit(folder: Path) -> Files:
        text = (folder / APPLICATION).read_text().replace("name: airflow\n", "name: other\n", 1)
        return {f"argocd/airflow/{name}.yaml": change(text)}

    return edit


def _as_set(text: str) -> str:
    data = yaml.safe_load(text)
    template = {"metadata": {"name": "airflow"}, "spec": data["spec"]}
    spec = {"generators": [{"list": {"elements": [{"a": "b"}]}}], "template": template}
    return yaml.safe_dump({**data, "kind": "ApplicationSet", "spec": spec})


# Files beside ours, which nobody edited.
REFUSED: dict[str, tuple[Edit, str]] = {
    "source file": (
        _file("apps/airflow/.argocd-source.yaml", "kustomize: {namePrefix: x-}\n"),
        ".argocd-source.yaml",
    ),
    "source file of the Application": (
        _file("apps/airflow/.argocd-source-airflow.yaml", "kustomize: {namePrefix: x-}\n"),
        ".argocd-source-airflow.yaml",
    ),
    "second kustomization": (
        _file("apps/airflow/kustomization.yml", "resources: []\n"),
        "kustomization.yml",
    ),
    "chart beside": (_file("apps/airflow/Chart.yaml", "name: x\nversion: 1.0.0\n"), "Chart.yaml"),
    "second author of a Secret": (
        _kustomize("resources.+", "mine.yaml", mine_yaml=RIVAL),
        "mine.yaml",
    ),
    "host keys by a new name": (
        _both(
            _kustomize("resources.+", "own"),
            _file("apps/airflow/own/kustomization.yaml", f"namePrefix: airflow-\n{LISTED}"),
            _file("apps/airflow/own/own.yaml", OWN.replace("own", "config")),
        ),
        "own.yaml: metadata.name",
    ),
    "generated host keys": (
        _both(
            _kustomize("resources.+", "own"),
            _file(
                "apps/airflow/own/kustomization.yaml",
                "nameSuffix: -config\nconfigMapGenerator: [{name: airflow, literals: [a=b]}]\n",
            ),
        ),
        "own/kustomization.yaml: metadata.name",
    ),
    "the store's account by a new name": (
        _both(
            _kustomize("resources.+", "own"),
            _file("apps/airflow/own/kustomization.yaml", f"nameSuffix: -secrets\n{LISTED}"),
            _file("apps/airflow/own/own.yaml", ACCOUNT),
        ),
        "own.yaml: metadata.name",
    ),
    "another store with the store's account": (
        _kustomize("resources.+", "mine.yaml", mine_yaml=SECOND_STORE),
        "mine.yaml: spec.provider.vault.auth.kubernetes.serviceAccountRef.name",
    ),
    "a token of the store's account": (
        _kustomize("resources.+", "mine.yaml", mine_yaml=TOKEN),
        'mine.yaml: metadata.annotations."kubernetes.io/service-account.name"',
    ),
    "second Application": (
        _second("x", lambda text: text.replace("namespace: airflow", "namespace: other")),
        "x.yaml: spec.sources[0].helm.valueFiles[0]",
    ),
    "Application of the same name": (
        _second("x", lambda _: f"{HEAD}Application\nmetadata: {{name: airflow}}\nspec: {{}}\n"),
        "x.yaml: metadata.name",
    ),
    "project of the same name": (
        _second(
            "x",
            lambda _: (
                f'{HEAD}AppProject\nmetadata: {{name: airflow}}\nspec: {{sourceRepos: ["*"]}}\n'
            ),
        ),
        "x.yaml: metadata.name",
    ),
    "ApplicationSet": (_second("sub/x", _as_set), "x.yaml: spec.template.spec"),
    "ApplicationSet with own values": (
        _second("x", lambda text: _as_set(text).replace(f"$values/{VALUES}", "values.yaml")),
        "x.yaml: spec.template.spec",
    ),
    "second Application of the manifests": (
        _second("x", lambda _: MANIFESTS_ONLY),
        "x.yaml: spec.source.path",
    ),
    "kustomization of the Applications": (
        _file(
            "argocd/airflow/kustomization.yaml",
            "resources: [application.yaml]\npatches: [{target: {kind: .*}, path: p.yaml}]\n",
        ),
        "kustomization.yaml: patches[0]",
    ),
    "git-sync without verification": (
        _application(
            f"{HELM}.values", "scheduler:\n  env: [{name: GIT_SSL_NO_VERIFY, value: 'true'}]\n"
        ),
        "helm.values.scheduler.env[0].value",
    ),
    "unknown key": (_parameter("scheduler.replica", "2"), "helm.parameters[0]"),
    "secret in a parameter": (
        _parameter("createUserJob.defaultUser.password", "h" + "unter22-x"),
        "helm.parameters[0]",
    ),
}
HARMLESS: dict[str, Edit] = {
    "comment": _text(APPLICATION, "spec:\n", "# A comment of ours.\nspec:\n"),
    "annotation": _text(
        APPLICATION,
        "  annotations:\n",
        "  annotations:\n    notifications.argoproj.io/subscribe.on-sync-failed.slack: ops\n",
    ),
    "refresh": _text(
        APPLICATION, "  annotations:\n", "  annotations:\n    argocd.argoproj.io/refresh: hard\n"
    ),
    "label": _application("metadata.labels.team", "data"),
    "comment in the store": _text(STORE_FILE, "spec:\n", "# Ours.\nspec:\n"),
    "label of a Secret": _text(SECRET_FILE, LABELS, f"{LABELS}    team: data\n"),
    "annotation of a Secret": _text(
        SECRET_FILE, ANNOTATIONS, f'{ANNOTATIONS}    reloader.stakater.com/match: "true"\n'
    ),
    "annotation of the account": _text(
        "apps/airflow/secrets/service-account.yaml", ANNOTATIONS, f"{ANNOTATIONS}    team: data\n"
    ),
    "comment in the policy": _text(POLICY_FILE, "path ", "# Ours.\n\npath "),
    "spaces in the role": _text(ROLE_FILE, "{", "{ "),
    "finalizer": _application("metadata.finalizers", ["resources-finalizer.argocd.argoproj.io"]),
    "retry": _application("spec.syncPolicy.retry.limit", 9),
    "sync option": _application("spec.syncPolicy.syncOptions.+", "PruneLast=true"),
    "no automatic sync": _application("spec.syncPolicy.automated", None),
    "history": _application("spec.revisionHistoryLimit", 3),
    "info": _application("spec.info", [{"name": "owner", "value": "data"}]),
    "ignored replicas": _application(
        "spec.ignoreDifferences.+",
        {"group": "apps", "kind": "StatefulSet", "jsonPointers": ["/spec/replicas"]},
    ),
    "name of a source": _application("spec.sources.0.name", "chart"),
    "new value": _parameter("scheduler.priorityClassName", "high"),
    "new values": _application(
        f"{HELM}.valuesObject", {"scheduler": {"priorityClassName": "high"}}
    ),
    "same value": _parameter("redis.enabled", "true"),
    "Argo CD labels": _application(
        "spec.sources.1.kustomize", {"commonAnnotations": {"team": "data"}}
    ),
    "narrower project": _project("spec.namespaceResourceBlacklist.+", {"group": "", "kind": "Pod"}),
    "project description": _project("spec.description", "ours"),
    "own manifest": _kustomize("resources.+", "own.yaml", own_yaml=OWN),
    "own folder": _both(
        _kustomize("resources.+", "own"),
        _file("apps/airflow/own/kustomization.yaml", "namePrefix: x-\nresources: [own.yaml]\n"),
        _file("apps/airflow/own/own.yaml", OWN),
    ),
    "parent of the Applications": _both(
        _file("argocd/airflow/parent.yaml", PARENT),
        _file(
            "argocd/airflow/kustomization.yaml",
            "resources: [application.yaml, project.yaml]\ncommonAnnotations: {team: data}\n",
        ),
    ),
    "another Application": _file(
        "argocd/airflow/other.yaml",
        MANIFESTS_ONLY.replace("apps/airflow", "apps/other"),
    ),
    "own folder with a generator": _both(
        _kustomize("resources.+", "own"),
        _file(
            "apps/airflow/own/kustomization.yaml",
            "namePrefix: x-\nconfigMapGenerator: [{name: config, literals: [a=b]}]\n",
        ),
    ),
    "patch of an own manifest": lambda folder: {
        KUSTOMIZATION: (folder / KUSTOMIZATION).read_text() + PATCHES,
        "apps/airflow/own.yaml": OWN,
        "apps/airflow/p.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\n",
    },
    "remote base": _kustomize("resources.+", "https://git.example.com/x?ref=1"),
    "labels without selectors": _kustomize("labels", [{"pairs": {"team": "data"}}]),
    "annotations": _kustomize("commonAnnotations", {"team": "data"}),
    "images": _kustomize("images", [{"name": "busybox", "newTag": "1"}]),
    "same namespace": _kustomize("namespace", "airflow"),
    "comment in the kustomization": _text(KUSTOMIZATION, "resources:\n", "# Ours.\nresources:\n"),
}


@pytest.mark.parametrize(("edit", "place"), CONFLICTS.values(), ids=CONFLICTS)
def test_an_edit_of_guarded_content_is_not_kept(aw: Wizard, edit: Edit, place: str) -> None:
    aw.git.commit(dict(edit(aw.folder)), "by hand")
    before = aw.git.state()

    for command in (["plan"], ["check"], ["set", "executor.workers.replicas=3", "--yes"]):
        done = aw(*command)

        assert done.code == 5, done
        assert place in done.out + done.err
        # A key that occurs twice is no edit that could be read.
        assert re.search("cannot be (kept|read)", done.out + done.err)
    assert aw.git.state() == before


@pytest.mark.parametrize(("edit", "place"), REFUSED.values(), ids=REFUSED)
def test_what_others_add_is_judged_together_with_ours(aw: Wizard, edit: Edit, place: str) -> None:
    aw.git.commit(dict(edit(aw.folder)), "by hand")
    before = aw.git.state()

    for command in (["plan"], ["check"], ["set", "executor.workers.replicas=3", "--yes"]):
        done = aw(*command)

        assert done.code == 4, done
        assert place in done.out + done.err
    assert aw.git.state() == before


@pytest.mark.parametrize("edit", HARMLESS.values(), ids=HARMLESS)
def test_a_harmless_edit_passes_and_survives(aw: Wizard, edit: Edit) -> None:
    files = edit(aw.folder)
    aw.git.commit(dict(files), "by hand")

    for command in (["plan"], ["check"], ["set", "executor.workers.replicas=3", "--yes"]):
        aw.ok(*command)

    for path, text in files.items():
        assert (aw.folder / path).read_text() == text
    assert "replicas: 3" in (aw.folder / VALUES).read_text()


FORGED = {
    "values": (VALUES, "values", "github.com ssh-ed25519", "evil.example.com ssh-ed25519"),
    "store": (
        "apps/airflow/secrets/store.yaml",
        "secrets/store",
        "https://vault.example.internal:8200",
        "https://evil.example.com",
    ),
    "application": (APPLICATION, "argocd/application", "chart: airflow", "chart: evil"),
    "project": (PROJECT, "argocd/project", "- https://airflow.apache.org", '- "*"'),
    "kustomization": (KUSTOMIZATION, "kustomization", "kind: K", "namePrefix: x-\nkind: K"),
    "policy": (
        "vault/airflow/external-secrets-airflow-read.hcl",
        "vault/policy",
        '"read"',
        '"read", "update"',
    ),
}


@pytest.mark.parametrize(("path", "logical", "old", "new"), FORGED.values(), ids=FORGED)
def test_an_edit_that_the_merge_base_repeats_is_found(
    aw: Wizard, path: str, logical: str, old: str, new: str
) -> None:
    base = f".airflow-wizard/airflow/base/{logical}.base"
    text = (aw.folder / path).read_text()
    assert old in text
    aw.git.commit(dict.fromkeys((path, base), text.replace(old, new)), "by hand")

    done = aw("check")

    assert done.code == 4, done
    assert path in done.out
    assert "not what the answers give" in done.out
    aw.ok("commit", "--yes")
    assert (aw.folder / path).read_text() == text
