"""The files of others that count: found by name, by kustomizations and by Applications."""

from __future__ import annotations

from pathlib import Path

from tests.support.rendered import rendering
from tests.support.repository import GitFolder
from wizard.workspace.surroundings import read_surroundings

TEXTS = {
    "apps/airflow/kustomization.yaml": "resources: [a.yaml, in, ../x.yaml]\npatches: [{path: p}]\n",
    "apps/airflow/a.yaml": "a",
    "apps/airflow/p": "p",
    "apps/airflow/in/kustomization.yaml": "bases: [deeper]\nreplacements: [{path: r.yaml}]\n",
    "apps/airflow/in/r.yaml": "r",
    "apps/airflow/in/deeper/Kustomization": "resources: [b.yaml]\nconfigMapGenerator:\n"
    "- {name: c, files: [f.txt, k=g.txt], envs: [e.env], env: d.env}\n",
    "apps/airflow/in/deeper/f.txt": "f",
    "apps/airflow/in/deeper/g.txt": "g",
    "apps/airflow/in/deeper/e.env": "e",
    "apps/airflow/in/deeper/d.env": "d",
    "apps/airflow/in/deeper/b.yaml": "b",
    "apps/airflow/.argocd-source-airflow.yaml": "s",
    "apps/airflow/kustomization.yml": "{}",
    # The one special name that is not that of a YAML file.
    "apps/airflow/Kustomization": "{}",
    "apps/airflow/Chart.yaml": "c",
    "apps/x.yaml": "x",
    "apps/airflow/more.yaml": "m",
    # A manifest in the wizard's folder is judged even if no kustomization lists it.
    "apps/airflow/unlisted.yaml": "u",
}
OTHERS = {
    "apps/airflow/in/Chart.yaml": "c",
    "apps/airflow/in/deeper/unlisted.yaml": "u",
    "README.md": "r",
}
APPLICATION = """apiVersion: argoproj.io/v1alpha1
kind: Application
spec:
  sources:
    - chart: airflow
      helm:
        valueFiles: [$values/apps/airflow/more.yaml, values.yaml, $values/../../etc/passwd]
        fileParameters: [{name: x, path: $values/none.yaml}]
"""


def test_all_that_takes_effect_is_read_and_nothing_else(tmp_path: Path) -> None:
    folder = GitFolder.init(tmp_path)
    folder.commit({**TEXTS, **OTHERS})
    files = {"argocd/airflow/application.yaml": APPLICATION.encode()}
    files["apps/airflow/kustomization.yaml"] = TEXTS["apps/airflow/kustomization.yaml"].encode()

    found = read_surroundings(folder.repo, rendering(), files).data

    assert found == {**{path: text.encode() for path, text in TEXTS.items()}, **files}
    deleted = {
        "apps/airflow/unlisted.yaml",
        "apps/airflow/a.yaml",
        "apps/airflow/kustomization.yml",
    }
    left = read_surroundings(folder.repo, rendering(), files, deleted).data
    assert found.keys() - left.keys() == deleted


def test_kustomizations_in_a_circle_end(tmp_path: Path) -> None:
    folder = GitFolder.init(tmp_path)
    folder.commit({"apps/airflow/in/kustomization.yaml": "resources: [..]\n"})
    files = {"apps/airflow/kustomization.yaml": b"resources: [in]\n"}
    assert set(read_surroundings(folder.repo, rendering(), files).data) == {
        "apps/airflow/kustomization.yaml",
        "apps/airflow/in/kustomization.yaml",
    }
