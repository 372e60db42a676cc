"""Secrets that the wizard makes in the cluster, on the command line and on a real API server."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from pyrage import x25519

from tests.support.canary import Canary
from tests.support.cli import Wizard, answers_file, aw
from tests.support.cluster.kubeconfigs import account, cluster, rule, written
from tests.support.process import Finished
from tests.testbed.kube import Kube
from wizard.clients.kube.client import KubeClient
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.systems.prior_use import PriorUse

__all__ = ["aw"]

pytestmark = pytest.mark.integration

VALUES = "airflow-generated"
ALLOW = ("--allow-reference", "database.password")
SOURCE = "git.example.com/platform/config#airflow"
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Bench:
    """One installation with the store kubernetes, and its namespace."""

    def __init__(self, aw: Wizard, kube: Kube, file: Path, canary: Canary) -> None:
        self.aw, self.kube, self.file, self.canary = aw, kube, file, canary
        self.namespace = f"n{secrets.token_hex(4)}"
        self.password = canary.hostile("database")

    def answers(self, changes: dict[str, Any] | None = None) -> Path:
        base = {
            "secrets.store": "kubernetes",
            "installation.namespace": self.namespace,
            "delivery.kind": "helm",
            "database.pgbouncer.mode": "chart",
            "repository.source": SOURCE.removesuffix("#airflow"),
        }
        return answers_file(self.file, {**base, **(changes or {})})

    def __call__(self, *words: str, code: int = 0) -> Finished:
        done = self.aw("secrets", "--answers", str(self.file), *words)
        assert done.code == code, done
        self.canary.assert_absent(done.out, done.err, self.aw.folder, self.file)
        return done

    def path(self, name: str = "") -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets{f'/{name}' if name else ''}"

    def find(self) -> dict[str, dict[str, Any]]:
        listed = self.kube.request("GET", self.path())["items"]
        return {one["metadata"]["name"]: one for one in listed}

    def read(self, name: str) -> dict[str, str]:
        data = self.find()[name].get("data") or {}
        return {key: base64.b64decode(text).decode() for key, text in data.items()}

    def state(self) -> dict[str, str]:
        return {name: one["metadata"]["resourceVersion"] for name, one in self.find().items()}

    def edit(self, name: str, data: dict[str, str | None], manager: str = "kubectl-edit") -> None:
        """Somebody writes beside us."""
        raw = {
            key: None if text is None else base64.b64encode(text.encode()).decode()
            for key, text in data.items()
        }
        path = f"{self.path(name)}?fieldManager={manager}"
        self.kube.request("PATCH", path, {"data": raw}, "application/merge-patch+json")

    def put(self, name: str, data: dict[str, str], **about: Any) -> None:
        found = {"apiVersion": "v1", "kind": "Secret", "stringData": data,
                 "metadata": {"name": name, "namespace": self.namespace, **about}}  # fmt: skip
        self.kube.request("POST", self.path(), found)


@pytest.fixture
def bench(
    aw: Wizard, kube: Kube, tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    made = Bench(aw, kube, tmp_path / "answers.yaml", canary)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made.namespace}}
    kube.request("POST", "/api/v1/namespaces", namespace)
    rights = rule("get create update patch delete list watch", "secrets")
    _, token = account(kube, rights, rule("get", "namespaces"))
    config = written(tmp_path / "kubeconfig", cluster(kube), {"token": token})
    monkeypatch.setenv("KUBECONFIG", str(config))
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", made.password)
    monkeypatch.setattr("wizard.provisioning.survey.find_database_use", lambda *_: PriorUse())
    made.answers()
    return made


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that change objects, as the client sends them."""
    seen: list[str] = []
    real = KubeClient._send

    def send(self: KubeClient, method: str, path: str, *rest: Any, **more: Any) -> Any:
        if method in WRITES and "selfsubject" not in path:
            seen.append(f"{method} {path}")
        return real(self, method, path, *rest, **more)

    monkeypatch.setattr(KubeClient, "_send", send)
    return seen


def test_every_secret_is_made_once(bench: Bench, writes: list[str]) -> None:
    done = bench("--yes", *ALLOW)
    values, metadata = bench.read(VALUES), bench.read("airflow-metadata")
    assert values["databasePassword"] == bench.password
    assert quote(bench.password, safe="") in metadata["connection"]
    assert bench.read("airflow-fernet-key") == {"fernet-key": values["fernetKey"]}
    assert (
        f'"{bench.password.replace(chr(34), chr(34) * 2)}"'
        in (bench.read("airflow-pgbouncer-config")["users.txt"])
    )
    for name, one in bench.find().items():
        about = one["metadata"]
        assert about["labels"]["app.kubernetes.io/managed-by"] == "airflow-wizard", name
        assert about["annotations"][OWNER_ANNOTATION] == SOURCE, name
        assert "kubectl.kubernetes.io/last-applied-configuration" not in about["annotations"]
    for value in values.values():
        assert value not in done.out + done.err
    assert "create Secret airflow-metadata: connection" in done.out
    state = bench.state()
    writes.clear()
    again = bench("--yes", *ALLOW)
    assert "nothing to write" in again.err
    assert (bench.state(), writes) == (state, [])
    facts = json.loads(bench("--yes", *ALLOW, "--json").out)["facts"]
    assert {one["state"] for one in facts} == {"kept"}


def test_the_password_of_a_database_in_the_namespace_is_generated(bench: Bench) -> None:
    """Nobody has it yet, so it is not used to ask the database whether it is in use."""
    bench.answers({"database.kind": "cloudnativepg"})
    bench("--yes")
    values = bench.read(VALUES)
    assert values["databasePassword"] in bench.read("airflow-metadata")["connection"]
    assert "nothing to write" in bench("--yes").err


def test_a_run_that_is_killed_is_continued_with_the_same_values(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = KubeClient._send
    seen: dict[str, dict[str, str]] = {}
    for left in (1, 2, 5):
        count = 0

        def send(self: KubeClient, method: str, path: str, *rest: Any, **more: Any) -> Any:
            nonlocal count
            found = real(self, method, path, *rest, **more)
            count += method in WRITES and "selfsubject" not in path
            if count == left:  # noqa: B023 - called before the next round
                raise KeyboardInterrupt
            return found

        monkeypatch.setattr(KubeClient, "_send", send)
        bench("--yes", *ALLOW, code=130)
        for name, data in seen.items():
            assert bench.read(name) == data
        seen = {name: bench.read(name) for name in bench.find()}
    monkeypatch.setattr(KubeClient, "_send", real)
    bench("--yes", *ALLOW)
    assert {name: bench.read(name) for name in seen} == seen
    state = bench.state()
    bench("--yes", *ALLOW)
    assert bench.state() == state


def test_nothing_in_use_is_replaced(bench: Bench) -> None:
    bench("--yes", *ALLOW)
    values = bench.read(VALUES)
    # What somebody else wrote stays, and is said; what is missing comes back from the values.
    bench.edit("airflow-metadata", {"connection": "postgresql://hers"})
    bench.edit("airflow-default-user", {"password": None})
    bench.kube.request("DELETE", bench.path("airflow-jwt-secret"))
    done = bench("--yes", *ALLOW)
    assert "kept: connection of Secret airflow-metadata, written by kubectl-edit" in done.err
    assert bench.read("airflow-metadata") == {"connection": "postgresql://hers"}
    assert bench.read("airflow-default-user")["password"] == values["adminPassword"]
    assert bench.read("airflow-jwt-secret") == {"jwt-secret": values["jwtSecret"]}
    # Pools have new sizes: only what is composed of them follows.
    before = {name: bench.read(name) for name in bench.find()}
    bench.answers({"database.pgbouncer.metadata_pool": 17})
    done = bench("--yes", *ALLOW)
    assert "compose pgbouncer.ini again" in done.out
    after = {name: bench.read(name) for name in bench.find()}
    assert {name for name in after if after[name] != before[name]} == {"airflow-pgbouncer-config"}
    assert "pool_size=17" in after["airflow-pgbouncer-config"]["pgbouncer.ini"]
    # A lost value is never made anew while the Secrets have it.
    bench.edit(VALUES, {"fernetKey": None})
    refused = bench("--yes", *ALLOW, code=4)
    assert "already ran" in refused.err
    assert "fernetKey" not in bench.read(VALUES)


def test_secrets_of_others_need_a_yes_or_are_refused(bench: Bench) -> None:
    bench.put("airflow-fernet-key", {"other": "x"})
    refused = bench("--yes", *ALLOW, code=4)
    assert "does not have the wizard's label" in refused.err
    assert list(bench.find()) == ["airflow-fernet-key"]
    bench.kube.request("DELETE", bench.path("airflow-fernet-key"))
    bench("--yes", *ALLOW)
    values = bench.read(VALUES)
    bench.kube.request("DELETE", bench.path("airflow-fernet-key"))
    bench.put("airflow-fernet-key", {"other": "x"})
    refused = bench("--yes", *ALLOW, code=4)
    assert "Secret airflow-fernet-key does not have the wizard's label" in refused.err
    seal = refused.err.split("--take-over ")[1].split()[0]
    bench("--yes", *ALLOW, "--take-over", seal)
    assert bench.read("airflow-fernet-key") == {"other": "x", "fernet-key": values["fernetKey"]}
    bench.kube.request("DELETE", bench.path("airflow-fernet-key"))
    hers = {OWNER_ANNOTATION: "git.example.com/hers/config#airflow"}
    bench.put("airflow-fernet-key", {"other": "x"}, annotations=hers)
    refused = bench("--yes", *ALLOW, code=4)
    assert "belongs to installation airflow of git.example.com/hers/config" in refused.err
    assert "installation.release" in refused.err
    assert bench.read("airflow-fernet-key") == {"other": "x"}


def test_another_writer_wins(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = KubeClient.create
    theirs = {"fernetKey": base64.urlsafe_b64encode(b"h" * 32).decode()}

    def create(self: KubeClient, manifest: dict[str, Any], **more: Any) -> Any:
        if VALUES not in bench.find():
            labels = {"app.kubernetes.io/managed-by": "airflow-wizard"}
            bench.put(VALUES, theirs, labels=labels, annotations={OWNER_ANNOTATION: SOURCE})
        return real(self, manifest, **more)

    monkeypatch.setattr(KubeClient, "create", create)
    done = bench("--yes", *ALLOW)
    assert "written by somebody else meanwhile, and kept: fernetKey" in done.err
    assert bench.read(VALUES)["fernetKey"] == theirs["fernetKey"]
    assert bench.read("airflow-fernet-key")["fernet-key"] == theirs["fernetKey"]


def test_what_cannot_work_says_so_before_anything_is_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bench.answers({"installation.namespace": "nowhere"})
    refused = bench("--yes", *ALLOW, code=4)
    assert "kubectl create namespace nowhere" in refused.err
    bench.answers()
    _, token = account(bench.kube, rule("get", "secrets namespaces"))
    poor = written(tmp_path / "poor", cluster(bench.kube), {"token": token})
    monkeypatch.setenv("KUBECONFIG", str(poor))
    refused = bench("--yes", *ALLOW, code=4)
    assert "may not create secrets" in refused.err
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    refused = bench("--yes", *ALLOW, code=64)
    assert "kubeconfig not found" in refused.err
    assert bench.find() == {}


def test_the_values_are_handed_off_and_taken(bench: Bench, tmp_path: Path) -> None:
    identity = x25519.Identity.generate()
    key, public = tmp_path / "key.txt", str(identity.to_public())
    key.write_text(f"{identity}\n")
    key.chmod(0o600)
    sealed = tmp_path / "sealed.age"
    bench("--hand-off", str(sealed), "--recipient", public, "--yes", *ALLOW)
    assert bench.find() == {}
    bench("--take", str(sealed), "--identity", str(key), "--yes", *ALLOW)
    assert bench.read(VALUES)["databasePassword"] == bench.password
    assert "airflow-metadata" in bench.find()


def test_apply_check_and_destroy(bench: Bench) -> None:
    bench.aw.ok("commit", "--answers", str(bench.file), "--yes")
    apply = ("apply", "--only", "store", "--yes")
    blocked = bench.aw(*apply)
    assert blocked.code == 5, blocked
    assert "airflow-wizard secrets" in blocked.out + blocked.err
    bench.aw.ok("secrets", "--yes", *ALLOW)
    bench.aw.ok("commit", "--yes")
    values = bench.read(VALUES)
    bench.kube.request("DELETE", bench.path("airflow-metadata"))
    live = bench.aw("check", "--live")
    assert "Secret airflow-metadata does not exist" in live.out + live.err
    bench.aw.ok(*apply)
    assert (
        quote(values["databasePassword"], safe="") in (bench.read("airflow-metadata")["connection"])
    )
    assert "Secrets have all keys" in (bench.aw("check", "--live").out)
    plan = json.loads(
        bench.aw.ok("plan", "--json", "--set", "database.pgbouncer.metadata_pool=17").out
    )
    assert "kubernetes.secrets" in [one["id"] for one in plan["actions"]]
    plan = json.loads(bench.aw.ok("plan", "--json", "--set", "metrics.kind=none").out)
    assert "kubernetes.secrets" not in [one["id"] for one in plan["actions"]]
    alone = bench.aw("destroy", "--data", "namespace", "--dry-run")
    assert (alone.code, "add --data payload" in alone.err) == (64, True), alone


@pytest.fixture
def removal(
    bench: Bench, kube_with_crds: Kube, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Finished]:
    """removal(): `destroy --data payload` of the committed installation, by an administrator."""
    config = written(
        bench.file.parent / "administrator",
        cluster(kube_with_crds),
        {"token": kube_with_crds.token},
    )
    monkeypatch.setenv("KUBECONFIG", str(config))
    bench.aw.ok("commit", "--answers", str(bench.file), "--yes")
    bench.aw.ok("secrets", "--yes", *ALLOW)
    bench.aw.ok("commit", "--yes")
    words: tuple[str, ...] = ("destroy", "--confirm", "airflow", "--yes")
    asked = bench.aw(*words, "--dry-run")
    if seal := re.search(r"--take-over (cluster.identity@[0-9a-f]{12})", asked.out + asked.err):
        words = (*words, "--take-over", seal[1])
    return lambda *more, data="payload": bench.aw(*words, "--data", data, *more)


def test_keys_that_others_added_are_not_deleted(
    bench: Bench, removal: Callable[..., Finished]
) -> None:
    """Somebody's own key in a Secret of ours is lost with it; our earlier keys are not theirs."""
    bench.edit("airflow-metadata", {"theirs": "x"}, "ada")
    bench.edit(VALUES, {"of-earlier-answers": "x"}, "airflow-wizard")
    before = bench.state()
    done = removal()
    assert done.code == 5, done
    told = "airflow-metadata holds keys that do not belong to this installation: theirs; not"
    assert told in done.out + done.err
    assert bench.state() == before
    bench.edit("airflow-metadata", {"theirs": None}, "ada")
    done = removal()
    assert (done.code, bench.find()) == (0, {}), done


def test_values_that_others_wrote_are_deleted_only_after_a_yes(
    bench: Bench, removal: Callable[..., Finished]
) -> None:
    """One changed by hand, and a Secret of others to which missing keys were added."""
    bench.edit("airflow-fernet-key", {"fernet-key": "hers"}, "ada")
    bench.kube.request("DELETE", bench.path("airflow-default-user"))
    bench.put("airflow-default-user", {"username": "bob", "password": "his"})
    # His label would change: not after a yes either, and no repeat helps.
    path = f"{bench.path('airflow-default-user')}?fieldManager=bob"
    about = {"name": "airflow-default-user", "labels": {"app.kubernetes.io/managed-by": "bob"}}
    his = {"apiVersion": "v1", "kind": "Secret", "metadata": about}
    bench.kube.request("PATCH", path, his, "application/apply-patch+yaml")
    asked = bench.aw("secrets", "--yes", *ALLOW)
    seal = re.search(r"--take-over (kubernetes.secrets@[0-9a-f]{12})", asked.err)
    assert seal, asked
    refused = bench.aw("secrets", "--yes", *ALLOW, "--take-over", seal[1])
    assert (refused.code, "(bob)" in refused.err) == (5, True), refused
    del about["labels"]
    bench.kube.request("PATCH", path, his, "application/apply-patch+yaml")
    bench.aw.ok("secrets", "--yes", *ALLOW, "--take-over", seal[1])
    assert bench.read("airflow-default-user")["password"] == "his"
    before = bench.state()
    done = removal()
    assert (done.code, bench.state()) == (5, before), done
    assert "airflow-fernet-key has fernet-key written by ada" in done.out + done.err
    assert "airflow-default-user has password, username written by" in done.out + done.err
    seal = re.search(r"--take-over (destroy.secrets@[0-9a-f]{12})", done.out + done.err)
    assert seal, done
    done = removal("--take-over", seal[1])
    assert (done.code, bench.find()) == (0, {}), done


def test_values_of_an_earlier_store_stay_with_their_namespace(
    bench: Bench, removal: Callable[..., Finished]
) -> None:
    """They may exist nowhere else, and --data payload was not given."""
    bench.aw.ok("set", "secrets.store=existing", "--yes", "--accept", "another-payload")
    before = bench.state()
    done = removal(data="namespace")
    assert (done.code, bench.state()) == (5, before), done
    assert "contains Secret airflow-api-secret-key" in done.out + done.err


@pytest.mark.parametrize("delivery", ["argocd", "helm"])
def test_git_has_no_secret_of_it(bench: Bench, delivery: str) -> None:
    bench.answers({"delivery.kind": delivery})
    bench("--yes", *ALLOW)
    made = bench.read(VALUES)
    plan = bench.aw.ok("plan", "--answers", str(bench.file))
    tree = bench.aw.ok("commit", "--answers", str(bench.file), "--yes")
    for path in bench.aw.git.git("ls-tree", "-r", "--name-only", "HEAD").splitlines():
        text = bench.aw.git.git("show", f"HEAD:{path}")
        assert "kind: Secret\n" not in text, path
        assert not [value for value in made.values() if value in text], path
    assert not [value for value in made.values() if value in plan.out + tree.out + tree.err]
    values = yaml.safe_load((bench.aw.folder / "apps/airflow/airflow-values.yaml").read_text())
    assert values["data"]["metadataSecretName"] in bench.find()
