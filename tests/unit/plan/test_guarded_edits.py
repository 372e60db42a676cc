"""Hand edits of guarded content in Argo CD's files and the kustomization: what is not kept."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import yaml

from tests.support.rendered import rendering
from wizard.formats.nested import get_value, put_value
from wizard.git.changes import FileChange
from wizard.plan.guarded_keys import find_guarded_differences, find_guarded_edits
from wizard.plan.render import Rendering

made = cache(rendering)
HELM = {"parameters": [{"name": "x", "value": "y"}]}


def edited(made: Rendering, logical: str, data: Any, *others: tuple[str, bytes]) -> list[str]:
    """The places of the edits that are not kept when a file becomes this data."""
    file = made.tree.by_logical(logical)
    mine = yaml.safe_dump(data).encode()
    kept = [FileChange(file.path, logical, "same", mine, mine)]
    for name, text in others:
        other = made.tree.by_logical(name)
        kept.append(FileChange(other.path, name, "same", text, text))
    found = find_guarded_edits(kept, {file.path: file.data}, made)
    return [one.reason.partition(" was edited")[0] for one in found if one.path == file.path]


def load(made: Rendering, logical: str) -> Any:
    return yaml.safe_load(made.tree.by_logical(logical).text)


def with_source(data: Any, number: int, **changes: Any) -> Any:
    sources = [dict(source) for source in data["spec"]["sources"]]
    sources[number] |= changes
    return put_value(data, ("spec", "sources"), sources)


@pytest.mark.parametrize("preset", ["production", "gitops-vault"])
def test_an_application_keeps_its_sources(preset: str) -> None:
    application = load(made(preset), "argocd/application")
    for number, source in enumerate(application["spec"]["sources"]):
        for key in source:
            changed = with_source(application, number, **{key: "other"})
            found = edited(made(preset), "argocd/application", changed)
            assert found, (number, key)
            assert all(place.startswith(f"spec.sources[{number}]") for place in found)
        for key in ("path", "plugin", "directory", "ref", "chart"):
            if key not in source:
                changed = with_source(application, number, **{key: {"a": 1}})
                assert edited(made(preset), "argocd/application", changed) == [
                    f"spec.sources[{number}].{key}"
                ]


def test_every_field_of_an_application_that_is_not_free_is_pinned() -> None:
    application = load(made(), "argocd/application")
    for key in ("project", "destination"):
        changed = put_value(application, ("spec", key), "other")
        assert edited(made(), "argocd/application", changed) == [f"spec.{key}"]
    for path in (("operation",), ("spec", "sourceHydrator"), ("spec", "somethingNew")):
        changed = put_value(application, path, {"a": 1})
        assert edited(made(), "argocd/application", changed) == [".".join(path)]
    for key in ("name", "namespace"):
        changed = put_value(application, ("metadata", key), "other")
        assert edited(made(), "argocd/application", changed) == [f"metadata.{key}"]


def test_both_applications_and_their_parent_are_pinned() -> None:
    two = made("gitops-vault")
    for logical in ("secrets-application", "bootstrap/parent"):
        application = load(two, f"argocd/{logical}")
        path = ("spec", "source", "path")
        assert edited(two, f"argocd/{logical}", put_value(application, path, "other")) == [
            "spec.source.path"
        ]
        more = put_value(application, ("spec", "sources"), [{"repoURL": "https://e.example"}])
        assert edited(two, f"argocd/{logical}", more) == ["spec.sources"]
    parent = load(two, "argocd/bootstrap/parent")
    include = put_value(parent, ("spec", "source", "directory", "include"), "*.yaml")
    assert edited(two, "argocd/bootstrap/parent", include) == ["spec.source.directory"]


def leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        return [leaf for key, below in value.items() for leaf in leaves(below, (*path, key))]
    return [(path, value)]


def test_an_application_overrides_no_value_of_the_values_file() -> None:
    application = load(made(), "argocd/application")
    helm = application["spec"]["sources"][0]["helm"]
    for path, value in leaves(load(made(), "values")):
        for given in ("other", None):
            if value == given:
                continue
            over = {"valuesObject": put_value({}, path, given)}
            changed = with_source(application, 0, helm={**helm, **over})
            assert edited(made(), "argocd/application", changed), path
    free = {"valuesObject": {"scheduler": {"priorityClassName": "high"}}, **HELM}
    changed = with_source(application, 0, helm={**helm, **free})
    assert edited(made(), "argocd/application", changed) == []


def test_the_values_file_counts_as_it_is_now() -> None:
    """A value that a person added to the file is theirs to set, there."""
    application = load(made(), "argocd/application")
    helm = application["spec"]["sources"][0]["helm"]
    free = {"parameters": [{"name": "scheduler.priorityClassName", "value": "low"}]}
    changed = with_source(application, 0, helm={**helm, **free})
    values = put_value(load(made(), "values"), ("scheduler", "priorityClassName"), "high")
    mine = yaml.safe_dump(values).encode()
    assert edited(made(), "argocd/application", changed, ("values", mine)) == [
        "spec.sources[0].helm.parameters[0]"
    ]


WIDER: dict[tuple[str, ...], Any] = {
    ("sourceRepos",): "*",
    ("destinations",): {"server": "*", "namespace": "*"},
    ("clusterResourceWhitelist",): {"group": "*", "kind": "*"},
    ("roles",): {"name": "x"},
    ("sourceNamespaces",): "*",
    ("destinationServiceAccounts",): {"server": "*"},
}


def test_a_project_is_not_widened() -> None:
    project = load(made(), "argocd/project")
    for (key,), item in WIDER.items():
        for value in ([item], [*get_value(project, ("spec", key), []), item]):
            changed = put_value(project, ("spec", key), value)
            assert [
                place.partition("[")[0] for place in edited(made(), "argocd/project", changed)
            ] == [f"spec.{key}"]
    narrower = put_value(project, ("spec", "namespaceResourceWhitelist"), [{"group": "apps"}])
    assert edited(made(), "argocd/project", narrower) == []
    parent = load(made("gitops-vault"), "argocd/bootstrap/project")
    for kinds in ([], [{"group": "*", "kind": "*"}]):
        changed = put_value(parent, ("spec", "namespaceResourceWhitelist"), kinds)
        assert edited(made("gitops-vault"), "argocd/bootstrap/project", changed) == [
            "spec.namespaceResourceWhitelist"
        ]


def test_a_file_that_is_no_object_is_not_kept() -> None:
    for logical in ("argocd/application", "argocd/project", "kustomization"):
        assert edited(made(), logical, [1])


def test_the_merge_base_does_not_vouch_for_a_file() -> None:
    files = {path: file.data for path, file in made().tree.items()}
    assert list(find_guarded_differences(files, made(), files.get)) == []
    for logical, old, new in (
        ("values", b"useHelmHooks: false", b"useHelmHooks: true"),
        ("secrets/store", b"https://vault", b"https://evil"),
        ("argocd/application", b"chart: airflow", b"chart: evil"),
        ("argocd/project", b"spec:\n", b"spec:\n  roles: [{name: x}]\n"),
        ("kustomization", b"resources:", b"namePrefix: x\nresources:"),
        ("vault/policy", b'"read"', b'"read", "update"'),
    ):
        file = made().tree.by_logical(logical)
        changed = {**files, file.path: file.data.replace(old, new)}
        assert changed[file.path] != file.data
        found = list(find_guarded_differences(changed, made(), changed.get))
        assert {path for path, _, _ in found} == {file.path}


def test_another_spelling_is_no_difference() -> None:
    files = {
        path: yaml.safe_dump(yaml.safe_load(file.text)).encode()
        if path.endswith((".yaml", ".json"))
        else file.data
        for path, file in made().tree.items()
    }
    assert list(find_guarded_differences(files, made(), files.get)) == []
