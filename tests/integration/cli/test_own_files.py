"""Manifests of others that our kustomization lists: read and judged, never changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.support.canary import Canary
from tests.support.cli import ACCEPT_ALL, BACKUP, Wizard, answers_file
from tests.support.repository import GitFolder

KUSTOMIZATION = "apps/airflow/kustomization.yaml"
SET = ("set", "executor.workers.replicas=3", "--yes")
REMOTE = "https://github.com/acme/base//deploy?ref=v1"


def config_map(name: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: airflow}}\n"


OWN = {
    "apps/airflow/plain.yaml": f"# Ours.\n{config_map('plain')}",
    "apps/airflow/secrets/beside.yaml": config_map("beside"),
    "apps/airflow/below/deep.yaml": config_map("deep"),
    "apps/airflow/folder/kustomization.yaml": "resources: [inner.yaml]\nnamePrefix: x-\n",
    "apps/airflow/folder/inner.yaml": config_map("inner"),
    "apps/shared/kustomization.yaml": "resources: [common.yaml]\n",
    "apps/shared/common.yaml": config_map("common"),
    "apps/airflow/settings.ini": "[a]\nb = c\n",
    "apps/airflow/settings.env": "A=b\n",
}
TEAM = """# The team's own store, which is made elsewhere.
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: airflow-connections, namespace: airflow}
spec:
  refreshInterval: 1h0m0s
  secretStoreRef: {name: team, kind: ClusterSecretStore}
  data: [{secretKey: A, remoteRef: {key: elsewhere, property: A}}]
"""
LINES = """# Ours first.
  - plain.yaml # keep this comment
  - secrets/beside.yaml
  # a folder
  - below/deep.yaml
  - folder
  - ../shared
"""
GENERATOR = """
configMapGenerator:
  - name: settings
    files: [settings.ini, other=settings.ini]
    envs: [settings.env]
"""


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with files of others beside those of the wizard, made once."""
    folder = tmp_path_factory.mktemp("own-files")
    answers = answers_file(folder / "answers.yaml", {})
    git = GitFolder.init(folder / "config")
    with pytest.MonkeyPatch.context() as patch:
        Wizard(git.path, patch).ok(
            "commit", "--preset", "production", "--answers", str(answers), "--yes"
        )
    text = (git.path / KUSTOMIZATION).read_text()
    listed = text.replace("resources:\n", f"resources:\n  {LINES}") + GENERATOR
    git.commit({**OWN, KUSTOMIZATION: listed}, "by hand")
    return git.path


@pytest.fixture
def aw(committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wizard:
    folder = tmp_path / "config"
    shutil.copytree(committed, folder)
    return Wizard(folder, monkeypatch)


def test_they_survive_every_change(aw: Wizard) -> None:
    before = (aw.folder / KUSTOMIZATION).read_text()
    assert "airflow: ok" in aw.ok("check").out
    aw.ok(*SET)
    assert (aw.folder / KUSTOMIZATION).read_text() == before

    aw.ok("set", "database.pgbouncer.mode=off", "--yes", *ACCEPT_ALL)
    less = (aw.folder / KUSTOMIZATION).read_text()
    gone = [line for line in before.splitlines() if line not in less.splitlines()]
    assert gone
    assert all("secrets/airflow-" in line or "secrets/egress-" in line for line in gone)
    aw.ok("check")
    aw.ok("set", "database.pgbouncer.mode=chart", "--yes", *ACCEPT_ALL)

    assert (aw.folder / KUSTOMIZATION).read_text() == before
    assert {path: (aw.folder / path).read_text() for path in OWN} == OWN
    aw.ok("check")


def test_a_secret_that_a_manifest_of_others_makes_counts(aw: Wizard) -> None:
    named = "- secretRef:\n    name: airflow-connections\n"
    wanted = ("set", f"values.extraEnvFrom={named!r}".replace("'", '"'), "--yes")
    refused = aw(*wanted)
    assert refused.code == 4
    assert "extraEnvFrom: names a Secret that no file here creates" in refused.err
    assert "secrets.extra (from: store or from: existing)" in refused.err

    aw.git.commit({"apps/airflow/team.yaml": TEAM}, "by hand")
    done = aw.ok(*wanted)
    told = aw.ok("check").out
    assert "team.yaml: not applied" in told
    assert "no ClusterSecretStore of this name is in these files" in told
    aw.edit(KUSTOMIZATION, "  - folder\n", "  - folder\n  - team.yaml\n")
    assert "not applied" not in aw.ok("check").out
    aw.ok(*SET)
    assert (aw.folder / "apps/airflow/team.yaml").read_text() == TEAM
    assert "team.yaml" in (aw.folder / KUSTOMIZATION).read_text()
    assert "committed" in done.err


def reference(name: str, key: str) -> dict[str, object]:
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


# Ten Secrets: each is used in another way.
SECRETS = [
    {"name": "warehouse", "from": "existing", "keys": ["password"]},
    {"name": "settings", "from": "existing"},
    {"name": "aws", "from": "existing", "keys": ["id"]},
    {"name": "slack", "from": "store", "keys": ["token"]},
    {"name": "gcp", "from": "existing", "keys": ["key.json"]},
    {"name": "mail", "from": "store", "keys": ["SMTP_PASSWORD"], "env": ["worker"]},
    {"name": "files", "from": "existing", "mount": "/opt/airflow/files"},
    {"name": "registry", "from": "existing", "pull": True},
]
TOKEN = {
    "useHelmHooks": False,
    "type": "kubernetes.io/service-account-token",
    "annotations": {"kubernetes.io/service-account.name": "airflow-worker"},
}
USES = {
    "extraEnv": f"- name: WAREHOUSE\n  {json.dumps(reference('warehouse', 'password'))[1:-1]}\n"
    f"- name: OWN\n  {json.dumps(reference('airflow-connections', 'A'))[1:-1]}\n",
    "extraEnvFrom": "- secretRef: {name: settings}\n",
    "secret": [{"envName": "AWS_ID", "secretName": "aws", "secretKey": "id"}],
    "apiServer": {"env": [{"name": "SLACK_TOKEN", **reference("slack", "token")}]},
    "volumes": [{"name": "gcp", "secret": {"secretName": "gcp"}}],
    "volumeMounts": [{"name": "gcp", "mountPath": "/opt/airflow/gcp"}],
    "extraSecrets": {"token": TOKEN},
}


def test_ten_secrets_and_five_manifests_do_not_block(aw: Wizard) -> None:
    """As a new user would: set up, change one setting, upgrade chart and Airflow, remove some."""
    before = (aw.folder / KUSTOMIZATION).read_text()
    text = before.replace("  - folder\n", "  - folder\n  - team.yaml\n")
    aw.git.commit({"apps/airflow/team.yaml": TEAM, KUSTOMIZATION: text}, "by hand")
    changes = {
        "installation.chart": "1.21.0",
        "installation.image.pull_secrets": ["harbor"],
        "access.kind": "ingress",
        "access.base_url": "https://airflow.example.com",
        "access.tls.secret": "airflow-tls",
        "secrets.extra": SECRETS,
        "values": USES,
    }
    sets = [f"{key}={json.dumps(value)}" for key, value in changes.items()]
    aw.ok("set", *sets, "--yes", *ACCEPT_ALL)
    values = yaml.safe_load((aw.folder / "apps/airflow/airflow-values.yaml").read_text())
    assert [one["name"] for one in values["apiServer"]["env"]][-1:] == ["SLACK_TOKEN"]
    assert values["imagePullSecrets"] == ["harbor", "registry"]
    assert [one["mountPath"] for one in values["volumeMounts"]] == [
        "/opt/airflow/files", "/opt/airflow/gcp",
    ]  # fmt: skip

    assert "airflow: ok" in aw.ok("check").out
    aw.ok(*SET)
    aw.ok("set", "installation.chart=1.22.0", "--yes")
    refused = aw("set", "installation.airflow=3.3.0", "--yes")
    assert (refused.code, "--accept migration" in refused.err) == (4, True), refused
    aw.ok("set", "installation.airflow=3.3.0", "--yes", "--accept", "migration", *BACKUP)
    now = (aw.folder / KUSTOMIZATION).read_text()
    assert [line for line in now.splitlines() if line not in text.splitlines()] == [
        "  - secrets/extra/mail.yaml", "  - secrets/extra/slack.yaml",
    ]  # fmt: skip

    aw.ok("set", "values={}", "secrets.extra=[]", "--yes", *ACCEPT_ALL)
    assert (aw.folder / KUSTOMIZATION).read_text() == text
    assert {path: (aw.folder / path).read_text() for path in OWN} == OWN
    assert "airflow: ok" in aw.ok("check").out


def test_what_the_project_refuses_is_named(aw: Wizard) -> None:
    """Argo CD would sync nothing: a limit, an object of the cluster, another namespace."""
    more: dict[str, str | bytes] = {
        "apps/airflow/quota.yaml": config_map("q").replace("ConfigMap", "ResourceQuota"),
        "apps/airflow/role.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n"
        "metadata: {name: team}\nrules: []\n",
        "apps/airflow/away.yaml": config_map("x").replace("namespace: airflow", "namespace: other"),
    }
    listed = "".join(f"  - {path.removeprefix('apps/airflow/')}\n" for path in more)
    text = (aw.folder / KUSTOMIZATION).read_text().replace("  - folder\n", f"  - folder\n{listed}")
    aw.git.commit({**more, KUSTOMIZATION: text}, "by hand")
    refused = aw("check")
    told = [line for line in refused.out.splitlines() if "Argo CD syncs nothing" in line]
    assert [line.split(": ")[:3] for line in told] == [
        ["error", "apps/airflow/away.yaml", "metadata.namespace"],
        ["error", "apps/airflow/quota.yaml", "kind"],
        ["error", "apps/airflow/role.yaml", "kind"],
    ]
    assert refused.code == 4


def test_what_is_elsewhere_is_named_as_not_judged(aw: Wizard) -> None:
    aw.edit(KUSTOMIZATION, "  - ../shared\n", f"  - ../shared\n  - {REMOTE}\n")
    found = aw.ok("check").out
    assert "warning" in found
    assert f"{KUSTOMIZATION}: resources[5]: not judged" in found
    assert "not judged" in aw.ok("plan").out
    aw.ok(*SET)
    assert REMOTE in (aw.folder / KUSTOMIZATION).read_text()


def test_they_are_judged_with_the_tree(aw: Wizard) -> None:
    """A secret wherever it stands, an object of ours again, and a file that is missing."""
    word = Canary().secret("own-files-9xQ")
    bad: dict[str, str | bytes] = {
        "apps/airflow/settings.ini": f"[smtp]\npassword = {word}\n",
        "apps/airflow/below/deep.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: deep}\n"
        "data: {a: aGVsbG8gd29ybGQ=}\n",
        "apps/shared/common.yaml": config_map("common").replace(
            "kind: ConfigMap\nmetadata: {name: common", "kind: ServiceAccount\nmetadata: {name: "
            "airflow-external-secrets",
        ),
        "apps/airflow/folder/kustomization.yaml": "resources: [inner.yaml, none.yaml]\n"
        "configMapGenerator: [{name: x, files: [gone.txt]}]\n",
    }  # fmt: skip
    aw.git.commit(bad, "by hand")
    before = aw.git.state()
    for command in (("check",), SET):
        done = aw(*command)
        assert done.code == 4, done
        told = done.out + done.err
        assert all(path in told for path in bad), told
        assert "resources[1]: there is no such file" in told
        assert "configMapGenerator[0].files[0]: there is no such file" in told
        assert word not in told
    assert aw.git.state() == before
