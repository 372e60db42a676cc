"""Helmsman's desired state file, and the values file that only the image pipeline changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.rendered import findings, objections, rendering, values
from wizard.declarations.catalogue import read_declarations
from wizard.declarations.tree import Parsed, Tree
from wizard.deliveries.helmsman.pinned import find_state_edits
from wizard.git.changes import Conflict
from wizard.manifests.tree import File
from wizard.plan.comparison import compare_file_of_others
from wizard.plan.merge_base import MergeBase
from wizard.plan.render import Rendering

IMAGE: dict[str, object] = {
    "installation.image": {"repository": "registry.example.com/airflow", "tag": "3.2.2-a1b2c3d"}
}
STATE = "apps/airflow/helmsman.yaml"
VALUES = "apps/airflow/values.image.yaml"
# What Helmsman 4.0.5 reads, by its docs/desired_state_specification.md and internal/app (State,
# Config, Namespace and Release): keys with their types; those with True are required.
SCHEMA: dict[str, dict[str, tuple[type, bool]]] = {
    "": {
        "metadata": (dict, False), "certificates": (dict, False), "settings": (dict, False),
        "context": (str, False), "helmRepos": (dict, False),
        "preconfiguredHelmRepos": (list, False), "namespaces": (dict, True),
        "apps": (dict, True), "appsTemplates": (dict, False),
    },
    "namespaces.*": {
        "protected": (bool, False), "limits": (list, False), "labels": (dict, False),
        "annotations": (dict, False), "quotas": (dict, False),
    },
    "apps.*": {
        "name": (str, False), "description": (str, False), "namespace": (str, True),
        "enabled": (bool, True), "group": (str, False), "chart": (str, True),
        "version": (str, True), "valuesFile": (str, False), "valuesFiles": (list, False),
        "secretsFile": (str, False), "secretsFiles": (list, False), "postRenderer": (str, False),
        "test": (bool, False), "protected": (bool, False), "wait": (bool, False),
        "priority": (int, False), "set": (dict, False), "setString": (dict, False),
        "setFile": (dict, False), "helmFlags": (list, False), "helmDiffFlags": (list, False),
        "noHooks": (bool, False), "timeout": (int, False), "hooks": (dict, False),
        "maxHistory": (int, False),
    },
}  # fmt: skip


def state(made: Rendering) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(made.tree.by_logical("helmsman").text)
    return found


def faults(data: Mapping[str, Any], place: str = "") -> list[str]:
    """What Helmsman would not read, as its specification says."""
    known = SCHEMA[place]
    found = [f"{place}: no key {key}" for key in set(data) - set(known)]
    found += [
        f"{place}: {key} is missing" for key, (_, must) in known.items() if must and key not in data
    ]
    found += [
        f"{place}: {key} is {value!r}"
        for key, value in data.items()
        if key in known and type(value) is not known[key][0]
    ]
    return found


def judge(data: Mapping[str, Any]) -> list[str]:
    """The faults of a whole desired state file, with Helmsman's own validation of apps."""
    found = faults(data)
    for one in data["namespaces"].values():
        found += faults(one or {}, "namespaces.*")
    for app in data["apps"].values():
        found += faults(app, "apps.*")
        found += [] if app["namespace"] in data["namespaces"] else ["namespace is not defined"]
        found += [] if "/" in app["chart"] else ["chart must be of the format: repo/chart"]
        found += [] if all(one.endswith(".yaml") for one in app["valuesFiles"]) else ["extension"]
        repository = app["chart"].partition("/")[0]
        known = app["chart"].startswith("oci://") or repository in data.get("helmRepos", {})
        found += [] if known else ["the repository is not defined"]
    return found


@pytest.mark.parametrize("changes", [
    {},
    IMAGE,
    {"installation.chart_repository": "oci://registry.example.com/charts"},
    {"installation.chart_repository": "https://charts.example.com/airflow"},
    {"environment.pod_security": "restricted", "installation.release": "data"},
    {"repository.path": "clusters/one", "installation.namespace": "data"},
])  # fmt: skip
def test_the_file_is_valid_and_its_values_are_found(changes: dict[str, object]) -> None:
    made = rendering("helmsman", changes)
    data = state(made)
    assert judge(data) == []
    assert [str(one) for one in findings(made)] == []
    release = made.release
    (app,) = data["apps"].values()
    assert (app["version"], app["namespace"]) == ("1.22.0", release.namespace)
    files = {Path(STATE).parent / name for name in app["valuesFiles"]}
    assert files <= {Path(path) for path in made.tree}
    assert list(data["apps"]) == [release.names.release]
    assert not [path for path in made.tree if path.startswith("argocd/")]


def test_the_schema_of_this_test_can_fail() -> None:
    data = state(rendering("helmsman"))
    app = data["apps"]["airflow"]
    for change, says in (
        ({"chart": "airflow"}, "format"),
        ({"timeout": "900"}, "timeout is '900'"),
        ({"namespace": "other"}, "not defined"),
        ({"valuesFiles": ["a.yml.txt"]}, "extension"),
        ({"atomic": True}, "no key atomic"),
    ):
        assert any(says in one for one in judge({**data, "apps": {"airflow": {**app, **change}}}))


def test_each_installation_has_a_context_of_its_own() -> None:
    """Helmsman deletes releases of a file's context and namespaces that the file does not list."""
    first = state(rendering("helmsman"))
    second = state(rendering("helmsman", {"installation.name": "two"}))
    assert (first["context"], second["context"]) == ("airflow", "two")
    assert "default" not in (first["context"], second["context"])


def test_an_own_image_is_in_a_file_of_its_own_only() -> None:
    made = rendering("helmsman", IMAGE)
    assert "airflow" not in values(made)["images"] or set(values(made)["images"]["airflow"]) == {
        "pullPolicy"
    }
    file = made.tree.by_logical("values-image")
    assert (file.path, file.beside) == (VALUES, "helmsman")
    assert yaml.safe_load(file.text) == {
        "images": {"airflow": {"repository": "registry.example.com/airflow",
                               "tag": "3.2.2-a1b2c3d"}}
    }  # fmt: skip
    assert state(made)["apps"]["airflow"]["valuesFiles"] == [
        "airflow-values.yaml",
        "values.image.yaml",
    ]
    plain = rendering("helmsman")
    assert VALUES not in plain.tree
    assert state(plain)["apps"]["airflow"]["valuesFiles"] == ["airflow-values.yaml"]
    raw = {path: one.data for path, one in made.tree.items()}
    (found,) = read_declarations(Tree(raw, (Parsed(STATE, 0, state(made)),)))
    assert found.values["images"]["airflow"]["tag"] == "3.2.2-a1b2c3d"


def test_the_pipeline_writes_the_tag_there_and_no_answer() -> None:
    changes = {"installation.image": {**IMAGE["installation.image"], "ci": "github"}}  # type: ignore[dict-item]
    script = rendering("helmsman", changes).tree.by_logical("image/build").text
    assert f'cat "$work/values" >{VALUES}' in script
    assert "airflow-wizard set" not in script
    other = rendering("production", changes).tree.by_logical("image/build").text
    assert "airflow-wizard set" in other
    assert "values.image.yaml" not in other


# The file that others change


def once(mine: bytes | None, base: bytes | None = None, path: str = STATE) -> Any:
    file = File("values-image", VALUES, "images: {}\n", beside="helmsman")
    files = {} if base is None else {"helmsman": (path, base)}
    held = {VALUES: mine}
    return compare_file_of_others(file, MergeBase("1", files), held.get)


def test_it_is_created_once_and_then_only_read() -> None:
    (first,) = once(None)
    assert (first.kind, first.new) == ("add", b"images: {}\n")
    (kept,) = once(b"images: {airflow: {tag: x}}\n", b"values.image.yaml")
    assert (kept.kind, kept.new, bool(kept.note)) == (
        "same",
        b"images: {airflow: {tag: x}}\n",
        True,
    )
    # Also one that was there before the wizard.
    (theirs,) = once(b"mine\n")
    assert (theirs.kind, theirs.new) == ("same", b"mine\n")
    # An installation that gets an own image later.
    (later,) = once(None, b"valuesFiles: [airflow-values.yaml]")
    assert later.kind == "add"


def test_a_deleted_one_is_not_written_again() -> None:
    found = once(None, b"valuesFiles: [airflow-values.yaml, values.image.yaml]")
    assert isinstance(found, Conflict)
    assert "not written again" in found.reason
    assert f"git log -- {VALUES}" in found.hint


def test_it_moves_with_the_file_that_names_it() -> None:
    file = File("values-image", VALUES, "images: {}\n", beside="helmsman")
    base = MergeBase("1", {"helmsman": ("old/airflow/helmsman.yaml", b"values.image.yaml")})
    held = {"old/airflow/values.image.yaml": b"tag: pipeline\n"}
    added, gone = compare_file_of_others(file, base, held.get)  # type: ignore[misc]
    assert (added.path, added.new) == (VALUES, b"tag: pipeline\n")
    assert (gone.path, gone.kind) == ("old/airflow/values.image.yaml", "delete")


# What the pipeline wrote


def checked(text: str | None) -> list[tuple[str, str]]:
    made = rendering("helmsman", IMAGE)
    files = {path: one.data for path, one in made.tree.items()}
    if text is None:
        del files[VALUES]
    else:
        files[VALUES] = text.encode()
    from wizard.checks.engine import run_checks
    from wizard.checks.run import build_layout

    found = run_checks(files, chart="1.22.0", airflow="3.2.2", installation=build_layout(made))
    return [(one.where, one.message) for one in found if one.rule == "helmsman.image-values"]


@pytest.mark.parametrize("text", [
    "images:\n  airflow:\n    repository: registry.example.com/airflow\n    tag: 'a1b2c3d'\n",
    "images: {airflow: {repository: r.example.com:5000/a/b, tag: '1234567'}}\n",
    f"images: {{airflow: {{tag: 3.2.2-1, digest: 'sha256:{'a' * 64}'}}}}\n",
    "images: {airflow: {tag: x, pullPolicy: Always}}\n",
    "defaultAirflowTag: 'a1b2c3d'\n",
])  # fmt: skip
def test_an_image_of_the_pipeline_is_fine(text: str) -> None:
    assert checked(text) == []


@pytest.mark.parametrize(("text", "where", "says"), [
    (None, "", "missing"),
    ("", "", "not one mapping"),
    ("- a\n", "", "not one mapping"),
    ("images: {airflow: {repository: r.example.com/a}}\n", "images.airflow.tag", "neither"),
    ("images: {airflow: {tag: latest}}\n", "images.airflow.tag", "fixed tag"),
    ("images: {airflow: {tag: 1234567}}\n", "images.airflow.tag", "as a number"),
    ("images: {airflow: {tag: 12e4567}}\n", "images.airflow.tag", ""),
    ("images: {airflow: {tag: 'a b'}}\n", "images.airflow.tag", "fixed tag"),
    ("images: {airflow: {tag: }}\n", "images.airflow.tag", "number, a date or nothing"),
    ("images: {airflow: {tag: x, digest: sha256:abc}}\n", "images.airflow.digest", "64"),
    ("images: {airflow: {tag: x, repository: 'r:5000/a:tag'}}\n", "images.airflow.repository",
     "without a tag"),
    ("images: {airflow: {tag: x}}\nexecutor: LocalExecutor\n", "executor", "only the image"),
    ("images: {airflow: {tag: x}, gitSync: {tag: y}}\n", "images.gitSync.tag", "only the image"),
    ("images: {airflow: {tag: x}}\nfernetKey: abc\n", "fernetKey", "only the image"),
    ("images: {airflow: {tag: 3.3.0-r1}}\n", "images.airflow.tag", "is of Airflow 3.3.0"),
])  # fmt: skip
def test_what_the_pipeline_must_not_write(text: str | None, where: str, says: str) -> None:
    found = checked(text)
    assert any(place == where and says in message for place, message in found), found


# Edits by hand


@pytest.mark.parametrize(("old", "new", "place"), [
    ("version: \"1.22.0\"", "version: \"1.21.0\"", "apps.airflow.version"),
    ("apache-airflow/airflow", "mine/airflow", "apps.airflow.chart"),
    ("https://airflow.apache.org", "https://evil.example", "helmRepos"),
    ("context: airflow", "context: default", "context"),
    ("wait: true", "wait: true\n    set: {fernetKey: x}", "apps.airflow.set"),
    ("wait: true", "wait: true\n    hooks: {preInstall: ./x.sh}", "apps.airflow.hooks"),
    ("wait: true", "wait: true\n    secretsFile: x.yaml", "apps.airflow.secretsFile"),
    ("apps:", "settings: {storageBackend: sql}\napps:", "settings.storageBackend"),
    ("apps:", "apps:\n  other: {namespace: airflow, chart: a/b}", "apps.other"),
    ("--labels=", "--force --labels=", "apps.airflow.helmFlags"),
])  # fmt: skip
def test_edits_that_may_not_be_kept(old: str, new: str, place: str) -> None:
    ours = rendering("helmsman").tree.by_logical("helmsman").text
    assert old in ours
    found = [where for where, _ in find_state_edits(
        "helmsman", ours.replace(old, new, 1).encode(), ours.encode()
    )]  # fmt: skip
    assert found == [place]


def test_how_helm_waits_may_be_edited() -> None:
    ours = rendering("helmsman").tree.by_logical("helmsman").text
    mine = ours.replace("wait: true", "wait: false").replace("timeout: 900", "timeout: 60")
    mine = mine.replace("apps:", "metadata: {team: data}\nsettings: {kubeContext: prod}\napps:")
    assert mine != ours
    assert list(find_state_edits("helmsman", mine.encode(), ours.encode())) == []


# Bad input


def test_what_argo_cd_alone_knows_is_refused() -> None:
    wave = {"argocd.argoproj.io/sync-wave": "1"}
    (found,) = objections("helmsman", {"values": {"scheduler": {"annotations": wave}}})
    assert "values.scheduler.annotations" in found
    assert "delivery.kind" in found
    assert not objections("production", {"values": {"scheduler": {"annotations": wave}}})


def test_a_local_database_does_not_go_with_it() -> None:
    assert any("database.kind" in one for one in objections(
        "helmsman", {"database.kind": "bundled"}
    ))  # fmt: skip


def test_minikube_has_the_commands_of_kind_with_its_own_cluster() -> None:
    made = rendering("local", {"delivery.kind": "minikube"})
    runbook = made.tree.by_logical("runbook").text
    assert "minikube start --profile airflow" in runbook
    assert "minikube delete --profile airflow" in runbook
    assert "kind create" not in runbook
    assert "apps/airflow/kind-cluster.yaml" not in made.tree
    assert [str(one) for one in findings(made)] == []
