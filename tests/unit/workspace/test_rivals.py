"""An Application of others, anywhere in the repository, that deploys this installation too."""

from __future__ import annotations

import pytest
import yaml

from tests.support.rendered import rendering
from tests.support.repository import GitFolder
from wizard.checks.run import inspect_rendering
from wizard.deliveries.argocd.rivals import Deployment, deploys_to, find_second_installation
from wizard.deliveries.record import Place
from wizard.findings import Finding
from wizard.git import foreign_files
from wizard.workspace import rivals, surroundings
from wizard.workspace.rivals import find_rivals
from wizard.workspace.surroundings import read_surroundings

CHART = "{repoURL: https://airflow.apache.org, chart: airflow, targetRevision: 1.22.0%s}"
SPEC = "  project: default\n  destination: {namespace: %s, name: in-cluster}\n  source%s\n"
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: by-hand}\nspec:\n"
CONFIG = "https://git.example.com/platform/k8s-infra.git"
OURS = f"{{repoURL: {CONFIG}, path: %s%s}}"
ALL_BUT_OURS = ", directory: {recurse: true, exclude: '{apps/**,argocd/*}'}"
ELSEWHERE = "repoURL: https://git.example.com/x.git"
VALUES = ", helm: {valueFiles: [$values/apps/airflow/airflow-values.yaml]}"
GENERATOR = (
    "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: all}\nspec:\n"
    f" generators: [{{git: {{repoURL: {CONFIG}, directories: [%s]}}}}]\n"
    " template: {spec: {source: {repoURL: x, path: '{{path}}'}}}\n"
)


def application(source: str, namespace: str = "airflow") -> str:
    return HEAD + SPEC % (namespace, source)


def judge(folder: GitFolder) -> list[Finding]:
    made = rendering()
    files = {path: file.data for path, file in made.tree.items()}
    beside = read_surroundings(folder.repo, made, files)
    return inspect_rendering(
        made, beside.data, None, beside.skipped, beside.rivals, beside.unsearched
    )


RIVALS = {
    "chart": application(f": {CHART % ''}"),
    "values": application(f"s: [{CHART % VALUES}]", "other"),
    "a template of manifests": application(": {repoURL: '{{url}}', path: apps/airflow}"),
    "manifests": application(f": {OURS % ('apps/airflow', '')}"),
    "all below": application(f": {OURS % ('apps', ', directory: {recurse: true}')}"),
    "all": application(f": {OURS % ('.', ', directory: {recurse: true}')}"),
    "a set": (
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: all}\n"
        "spec:\n generators: [{list: {elements: [{}]}}]\n template:\n  spec:\n"
        "   destination: {namespace: airflow}\n"
        f"   source: {CHART % ''}\n"
    ),
    "folders of a generator": GENERATOR % "{path: apps/*}",
    "a list": (
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: argoproj.io/v1alpha1\n"
        "  kind: Application\n  metadata: {name: by-hand}\n"
        f"  spec: {{destination: {{namespace: airflow}}, source: {CHART % ''}}}\n"
    ),
}
OTHERS = {
    "another namespace": application(f": {CHART % ''}", "airflow-2"),
    "another chart": application(": {repoURL: https://x.example.com, chart: redis}"),
    "another folder": application(f": {OURS % ('apps/airflow-2', '')}"),
    "the folder above, not below": application(f": {OURS % ('apps', '')}"),
    "the folder of another repository": application(f": {{{ELSEWHERE}, path: apps/airflow}}"),
    "the values of another repository": application(
        f"s: [{CHART % VALUES}, {{{ELSEWHERE}, ref: values}}]", "other"
    ),
    "another cluster": application(f": {CHART % ''}").replace(
        "name: in-cluster", "server: https://other.example.com:6443"
    ),
    "a generator that leaves the folder out": (
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: all}\n"
        "spec:\n generators: [{git: {directories: [{path: apps/airflow, exclude: true}]}}]\n"
    ),
    "other folders of a generator": GENERATOR % "{path: '*'}, {path: apps/mine-*}",
    "a generator that excludes ours": GENERATOR
    % "{path: apps/*}, {path: apps/air*, exclude: true}",
    "folders of another repository": (GENERATOR % "{path: apps/*}").replace(
        CONFIG, "https://x.example/y"
    ),
    "only Applications below": application(
        f": {OURS % ('.', ', directory: {recurse: true, include: clusters/**}')}"
    ),
    "all but ours": application(f": {OURS % ('.', ALL_BUT_OURS)}"),
    "documentation": "# argoproj.io/v1alpha1 applies apps/airflow\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> GitFolder:
    return GitFolder.init(tmp_path_factory.mktemp("config"))


def test_second_applications_are_found_wherever_they_are(folder: GitFolder) -> None:
    paths = {f"clusters/{name.replace(' ', '-')}.yaml": text for name, text in RIVALS.items()}
    folder.commit({**paths})
    found = judge(folder)
    rivals = {one.path for one in found if one.rule == "argocd.rival" and one.is_error}
    assert rivals == set(paths)
    # Rules about the form of Applications are for the wizard's own.
    assert {one.rule for one in found if one.path in paths} <= {
        "argocd.rival",
        "argocd.values-unread",
    }
    folder.git("rm", "-rq", "clusters")
    folder.git("commit", "-qm", "removed")


def test_applications_of_others_are_nobodys_business(folder: GitFolder) -> None:
    paths = {f"clusters/{name.replace(' ', '-')}.yaml": text for name, text in OTHERS.items()}
    folder.commit({**paths})
    made = rendering()
    assert not set(read_surroundings(folder.repo, made, {}).data) & set(paths)
    assert not [one for one in judge(folder) if one.path in paths]
    folder.git("rm", "-rq", "clusters")
    folder.git("commit", "-qm", "removed")


def test_files_outside_of_our_folder_are_searched(folder: GitFolder) -> None:
    folder.commit({"clusters/above.yaml": RIVALS["chart"], "platform/config/x.txt": ""})
    made = rendering("production", {"repository.path": "platform/config"})
    found = find_rivals(folder.repo.with_prefix("platform/config"), made)
    assert set(found.data) == {"../../clusters/above.yaml"} == found.rivals
    folder.git("rm", "-rq", "clusters", "platform")
    folder.git("commit", "-qm", "removed")


def test_each_commit_is_read_once_for_all_installations(folder: GitFolder) -> None:
    folder.commit({"clusters/one.yaml": application(f": {CHART % ''}", "one")})
    before = rivals._search.cache_info().misses
    names = {}
    for name in ("airflow", "one", "two"):
        made = rendering("production", {"installation.name": name, "installation.namespace": name})
        names[name] = set(find_rivals(folder.repo, made).data)
        # Another delivery between them, in which nothing is searched.
        assert not find_rivals(folder.repo, rendering("production", {"delivery.kind": "helm"})).data
    assert names == {"airflow": set(), "one": {"clusters/one.yaml"}, "two": set()}
    assert rivals._search.cache_info().misses == before + 1


def test_what_was_not_read_is_named(folder: GitFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_files, "MAX_FILE", 1_000)
    big = application(f": {CHART % ''}") + "# more\n" * 1_000
    listed = {f"apps/mine/{name}.yaml": "kind: ConfigMap\n" for name in "ab"}
    resources = "resources: [a.yaml, b.yaml, missing.yaml]\n"
    folder.commit({"clusters/big.yaml": big, "apps/mine/kustomization.yaml": resources, **listed})
    [found] = [one for one in judge(folder) if one.rule == "check.unjudged"]
    assert (found.path, found.severity) == ("clusters/big.yaml", "warning")
    assert "second time: it is larger than" in found.message

    monkeypatch.setattr(surroundings, "_MAX_FILES", 1)
    files = {"apps/mine/kustomization.yaml": resources.encode()}
    beside = read_surroundings(folder.repo, rendering(), files)
    assert beside.skipped == {"apps/mine/b.yaml": "the files of its level are more than 1000"}


HERE = frozenset({"https://kubernetes.default.svc"})
DEPLOYMENTS: list[tuple[str, bool, bool]] = [
    ("{destination: {namespace: airflow, name: in-cluster}}", True, True),
    ("{destination: {namespace: '{{name}}', server: '{{server}}'}}", True, False),
    ("{destination: {namespace: airflow, server: 'https://hers:6443'}}", False, False),
    ("{destination: {namespace: hers, name: in-cluster}}", False, False),
    ("{project: default}", False, False),
]


@pytest.mark.parametrize(("spec", "deploys", "installs"), DEPLOYMENTS)
def test_what_may_deploy_into_our_namespace(spec: str, deploys: bool, installs: bool) -> None:
    data = yaml.safe_load(f"{{spec: {spec}}}")
    assert deploys_to(data, "airflow", HERE) is deploys
    source = {"repoURL": "https://airflow.apache.org", "chart": "airflow"}
    place = Place("apps/airflow/airflow-values.yaml", "airflow", release="airflow")
    ours = Deployment(frozenset(), HERE)
    for named, is_ours in (("airflow", True), ("{{name}}", True), ("", True), ("hers", False)):
        data["spec"]["sources"] = [{**source, "helm": {"releaseName": named}}]
        assert bool(find_second_installation(place, data, ours)) is (installs and is_ours)
