"""`secrets` on a real Vault: what lacks is made once, nothing else is touched, nothing leaks."""

from __future__ import annotations

import importlib
import json
import re
import secrets
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from cryptography.fernet import Fernet
from pydantic import SecretStr

from tests.support.canary import Canary
from tests.support.cli import Wizard, answers_file, aw
from tests.support.cluster.kubeconfigs import cluster, written
from tests.support.process import WIZARD, Finished, Terminal
from tests.testbed.databases import Postgres
from tests.testbed.kube import Kube
from tests.testbed.vault import RefusedError, Vault
from wizard.clients.forge import ProviderRepository, RegistrationResult
from wizard.clients.https_clone import HttpsClient
from wizard.clients.postgres.client import PostgresTarget, PsycopgClient
from wizard.clients.ssh.clone import CloneResult, ParamikoClient
from wizard.clients.ssh.session import CloneError
from wizard.clients.vault.client import VaultClient
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.secrets.deploy_key import generate_key_pair, is_same_key
from wizard.systems.prior_use import PriorUse, find_database_use

__all__ = ["aw"]

pytestmark = pytest.mark.integration

GENERATED = {"fernetKey", "apiSecretKey", "jwtSecret", "redisPassword", "adminPassword",
             "gitSshKey"}  # fmt: skip
ALLOW = ("--allow-reference", "database.password")
PATH = "airflow-install/airflow/config"
SOURCE = "git.example.com/platform/k8s-infra#airflow"


@dataclass
class Bench:
    """The command beside a Vault with a mount of this test's own."""

    aw: Wizard
    vault: Vault
    mount: str
    file: Path
    canary: Canary

    @property
    def password(self) -> str:
        return self.canary.hostile("database")

    def answers(self, changes: dict[str, Any] | None = None) -> Path:
        return answers_file(self.file, {"secrets.vault.mount": self.mount, **(changes or {})})

    def __call__(self, *words: str, code: int = 0) -> Finished:
        done = self.aw("secrets", "--answers", str(self.file), *words)
        assert done.code == code, done
        self.canary.assert_absent(done.out, done.err, self.aw.folder, self.file)
        for value in self.values().values():
            assert len(str(value)) < 20 or value.strip() not in done.out + done.err
        return done

    def stored(self) -> dict[str, Any]:
        try:
            path = f"{self.mount}/data/{PATH}"
            data: dict[str, Any] = self.vault.request("GET", path)["data"]
        except RefusedError:
            return {"data": {}, "metadata": {"version": 0}}
        return data

    def values(self) -> dict[str, str]:
        return dict(self.stored()["data"] or {})

    @property
    def version(self) -> int:
        return int(self.stored()["metadata"]["version"])

    def put(self, data: dict[str, Any]) -> None:
        """Somebody writes beside us, into a payload that says that it is ours."""
        self.put_unmarked(data)
        self.mark(SOURCE)

    def put_unmarked(self, data: dict[str, Any]) -> None:
        self.vault.request("POST", f"{self.mount}/data/{PATH}", {"data": data})

    def mark(self, source: str) -> None:
        """Say whose the payload is."""
        about = {"custom_metadata": {OWNER_ANNOTATION: source}}
        self.vault.request("POST", f"{self.mount}/metadata/{PATH}", about)

    def public(self) -> str:
        return str(yaml.safe_load(self.file.read_text())["dags"]["key"]["public"])


@pytest.fixture
def bench(
    aw: Wizard, vault: Vault, tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    made = Bench(aw, vault, f"m{secrets.token_hex(4)}", tmp_path / "answers.yaml", canary)
    vault.mount(made.mount)
    monkeypatch.setenv("VAULT_ADDR", vault.url)
    monkeypatch.setenv("VAULT_CACERT", str(vault.ca))
    monkeypatch.setenv("VAULT_TOKEN", vault.token)
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", made.password)
    # No test waits for a name that nobody resolves; the database has tests of its own below.
    monkeypatch.setattr("wizard.provisioning.survey.find_database_use", lambda *_: PriorUse())
    made.answers()
    return made


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Method and path of every request that is made with a token."""
    seen: list[tuple[str, str]] = []
    real = VaultClient._ask

    def ask(self: VaultClient, method: str, path: str, body: object = None) -> Any:
        seen.append((method, path))
        return real(self, method, path, body)

    monkeypatch.setattr(VaultClient, "_ask", ask)
    return seen


def writes(requests: list[tuple[str, str]]) -> list[str]:
    """The requests that could change what is stored."""
    return [path for method, path in requests if method != "GET" and "capabilities" not in path]


def public_of(private: str, folder: Path) -> str:
    path = folder / "deploy-key"
    path.write_text(private)
    path.chmod(0o600)
    done = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, text=True)
    path.unlink()
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- the first run, the second, and the commit


def test_everything_that_lacks_is_made_once(
    bench: Bench, requests: list[tuple[str, str]], tmp_path: Path
) -> None:
    done = bench("--yes", *ALLOW)

    values = bench.values()
    assert set(values) == {*GENERATED, "databasePassword"}
    assert values["databasePassword"] == bench.password
    Fernet(values["fernetKey"])
    assert len(values["apiSecretKey"]) == len(values["jwtSecret"]) == 128
    assert values["gitSshKey"].endswith("-----END OPENSSH PRIVATE KEY-----\n")
    assert is_same_key(public_of(values["gitSshKey"], tmp_path), bench.public())
    assert bench.public() in done.out
    assert "https://github.com/example/airflow-dags/settings/keys" in done.err
    path = "airflow-install/airflow/config"
    assert writes(requests) == [f"{bench.mount}/{part}/{path}" for part in ("data", "metadata")]

    requests.clear()
    before = (bench.stored(), bench.file.read_bytes())
    again = bench("--yes")
    assert (bench.stored(), bench.file.read_bytes()) == before
    assert writes(requests) == []
    assert not [path for method, path in requests if method != "GET"]
    assert bench.public() in again.out
    assert "nothing to write" in again.err


def test_the_commit_that_is_named_starts_from_the_same_answers(bench: Bench) -> None:
    layers = ["--preset", "production", "--set", "executor.workers.replicas=3"]
    done = bench("--yes", *ALLOW, *layers)
    named = re.findall(r"^next: (airflow-wizard commit.*)$", done.err, re.M)
    assert len(named) == 1
    options = shlex.split(named[0])[2:]
    assert options[options.index("--answers") + 1] == str(bench.file)
    bench.aw.ok("commit", *options[2:] if options[0] == "--repo" else options, "--yes")
    own = yaml.safe_load((bench.aw.folder / ".airflow-wizard/airflow/answers.yaml").read_text())
    assert own["executor"]["workers"]["replicas"] == 3


def test_commit_takes_the_recorded_key_and_another_run_changes_nothing(bench: Bench) -> None:
    bench("--yes", *ALLOW)
    public = bench.public()

    bench.aw.ok("commit", "--answers", str(bench.file), "--yes")

    own = bench.aw.folder / ".airflow-wizard/airflow/answers.yaml"
    assert yaml.safe_load(own.read_text())["dags"]["key"] == {"generate": True, "public": public}
    done = bench.aw.ok("secrets", "--yes")
    assert public in done.out
    assert bench.aw.git.git("status", "--porcelain") == ""
    objects = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"],
        cwd=bench.aw.folder, capture_output=True, check=True,
    ).stdout  # fmt: skip
    for value in bench.values().values():
        assert value.strip().encode() not in objects
    bench.canary.assert_absent(objects, bench.aw.folder)


def test_an_installation_that_is_committed_gets_the_key_into_its_own_answers(
    bench: Bench,
) -> None:
    bench.aw.ok("commit", "--answers", str(bench.file), "--yes")
    own = bench.aw.folder / ".airflow-wizard/airflow/answers.yaml"
    before = own.read_text()

    # Committed references need no second yes.
    done = bench.aw("secrets", "--yes")

    assert done.code == 0, done
    after = own.read_text()
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    assert len(changed) == 1
    assert len(after.splitlines()) == len(before.splitlines())
    assert changed[0].strip().startswith("public: ssh-ed25519 ")
    plan = bench.aw("plan", "--json", "--detailed-exitcode")
    assert plan.code == 2
    assert "not committed" not in plan.err
    paths = [one["path"] for one in json.loads(plan.out)["changes"] if one["kind"] != "same"]
    assert paths == [".airflow-wizard/airflow/answers.yaml"]
    bench.aw.ok("commit", "--yes")
    assert own.read_text() == after
    assert bench.aw.git.git("status", "--porcelain") == ""
    assert bench.aw("plan", "--detailed-exitcode").code == 0


def test_commit_takes_up_nothing_but_the_key(bench: Bench) -> None:
    bench.aw.ok("commit", "--answers", str(bench.file), "--yes")
    bench.aw.ok("secrets", "--yes")
    own = bench.aw.folder / ".airflow-wizard/airflow/answers.yaml"
    own.write_text(own.read_text().replace("username: admin", "username: mallory"))

    done = bench.aw("set", "executor.workers.replicas=3", "--yes")

    assert done.code == 5
    assert "answers.yaml" in done.err


def test_a_new_installation_without_a_file_is_told_what_follows(bench: Bench) -> None:
    sets = [f"secrets.vault.mount={bench.mount}", "database.host=pg.example.internal",
            "dags.repo=ssh://git@github.com/example/airflow-dags.git",
            "secrets.vault.server=https://vault.example.internal:8200",
            "delivery.argocd.repo_url=ssh://git@git.example.com/platform/infra.git"]  # fmt: skip
    given = [part for one in sets for part in ("--set", one)]

    done = bench.aw("secrets", "--preset", "production", *given, "--yes", *ALLOW)

    assert done.code == 0, done
    assert "is not recorded yet" in done.err
    bench.aw.ok("commit", "--preset", "production", *given, "--yes")
    before = bench.values()
    bench.aw.ok("secrets", "--yes")
    own = bench.aw.folder / ".airflow-wizard/airflow/answers.yaml"
    assert yaml.safe_load(own.read_text())["dags"]["key"]["public"].startswith("ssh-ed25519 ")
    assert bench.values() == before


def test_json_says_all_of_it_without_a_value(bench: Bench) -> None:
    done = bench("--yes", "--json", *ALLOW)

    found = json.loads(done.out)
    assert set(found["written"]) == {*GENERATED, "databasePassword"}
    assert found["version"] == 1
    assert found["public"] == bench.public()
    assert found["fingerprint"].startswith("SHA256:")
    assert found["recorded_in"] == str(bench.file)
    assert {"key": "databasePassword", "state": "given"} in found["facts"]
    assert json.loads(bench("--yes", "--json").out)["written"] == []


# --- what stands there already


def test_foreign_keys_and_values_that_are_there_stay(bench: Bench) -> None:
    mine = {"other": "kept", "number": 3, "fernetKey": Fernet.generate_key().decode(),
            "databasePassword": "set-by-the-dba"}  # fmt: skip
    bench.put(mine)

    bench("--yes")

    values = bench.values()
    assert {key: values[key] for key in mine} == mine
    assert set(values) == {*mine, *GENERATED}
    assert bench.version == 2


def test_a_document_is_filled_beside_what_it_holds(bench: Bench) -> None:
    bench.answers({"secrets.payload": "document"})
    bench.put({"config": "# by hand\nother: kept\n", "foreign": "kept"})

    bench("--yes", *ALLOW)

    values = bench.values()
    assert values["foreign"] == "kept"
    assert values["config"].startswith("# by hand\nother: kept\n")
    document = yaml.safe_load(values["config"])
    assert document["databasePassword"] == bench.password
    assert document["gitSshKey"].endswith("-----END OPENSSH PRIVATE KEY-----\n")
    assert document["createUserJob"]["defaultUser"]["password"]
    before = bench.stored()
    bench("--yes")
    assert bench.stored() == before


def test_a_payload_of_the_document_s_own_is_taken_over(bench: Bench, tmp_path: Path) -> None:
    """Document 000 keeps a URL and the key in places of its own; neither is made anew."""
    bench.answers({"secrets.payload": "document"})
    password = f"{bench.canary.secret('own')}/@:%"
    key = generate_key_pair("ed25519", "theirs")
    theirs = {
        "fernetKey": Fernet.generate_key().decode(),
        "metadataConnection": f"postgresql://airflow:{quote(password, safe='')}@pg:5432/airflow",
        "createUserJob": {"defaultUser": {"password": bench.canary.secret("admin")}},
        "extraSecrets": {
            "airflow-ssh-secret": {"data": {"gitSshKey": key.private.get_secret_value()}}
        },
    }
    bench.put({"config": yaml.safe_dump(theirs)})

    done = bench("--yes", "--json", *ALLOW)

    found = yaml.safe_load(bench.values()["config"])
    assert {name: found[name] for name in theirs} == theirs
    assert found["databasePassword"] == password
    assert is_same_key(bench.public(), key.public)
    assert public_of(found["gitSshKey"], tmp_path).split()[:2] == key.public.split()[:2]
    assert done.out.count('"adopt"') == 2
    before = bench.stored()
    bench("--yes")
    assert bench.stored() == before


@pytest.mark.parametrize("payload", ["keys", "document"])
def test_more_secrets_of_one_s_own_are_filled_from_their_references(
    bench: Bench, payload: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable, a file of one line, one of many, a new password; and what others put there."""
    word, several = bench.canary.secret("own"), f"-- {bench.canary.secret('a')}\n{{{{ x }}}}\n"
    for name, text in (("one", f"{word}-one\n"), ("many", several)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("OWN_KEY", word)
    values = {
        "KEY": {"env": "OWN_KEY"},
        "one": {"file": str(tmp_path / "one")},
        "many.txt": {"file": str(tmp_path / "many")},
        "new": {"generate": True},
        "theirs": {"store": True},
    }
    extra = {"name": "own-1", "from": "store", "keys": [*values, "asked"], "values": values}
    bench.answers({"secrets.payload": payload, "secrets.extra": [extra]})

    refused = bench("--yes", *ALLOW, code=4)
    assert "secrets.extra.own-1.KEY" in refused.err
    assert bench.version == 0
    allow = [part for key in ("KEY", "one", "many.txt")
             for part in ("--allow-reference", f"secrets.extra.own-1.{key}")]  # fmt: skip
    refused = bench("--yes", *ALLOW, *allow, code=1)
    assert "secrets.extra.own-1.asked: needs a prompt" in refused.err
    assert "values: {KEY: {env: NAME}}" in refused.err
    assert bench.version == 0

    extra["keys"] = [*values]
    bench.answers({"secrets.payload": payload, "secrets.extra": [extra]})
    bench("--yes", *ALLOW, *allow)

    held = bench.values()
    data = yaml.safe_load(held["config"]) if payload == "document" else held
    assert data["extraOwn1_KEY"] == word
    assert data["extraOwn1_one"] == f"{word}-one"
    assert data["extraOwn1_many_txt"] == several
    assert len(data["extraOwn1_new"]) == 48
    assert "extraOwn1_theirs" not in data
    before = bench.stored()
    bench("--yes")
    assert bench.stored() == before


def test_a_value_that_cannot_work_stops_before_anything(bench: Bench) -> None:
    bench.put({"fernetKey": bench.canary.secret()})

    done = bench("--yes", *ALLOW, code=4)

    assert "fernetKey is not a Fernet key" in done.err
    assert bench.version == 1


def test_a_deleted_payload_is_brought_back_and_not_made_anew(bench: Bench) -> None:
    bench("--yes", *ALLOW)
    before = bench.values()
    path = f"{bench.mount}/data/airflow-install/airflow/config"
    bench.vault.request("DELETE", path)

    done = bench("--yes", *ALLOW, code=4)

    assert "vault kv undelete" in done.err
    bench.vault.request(
        "POST", f"{bench.mount}/undelete/airflow-install/airflow/config", {"versions": [1]}
    )
    assert bench.values() == before


@pytest.mark.parametrize("sign", ["the database pg:5432 is migrated", "namespace airflow has x"])
def test_an_installation_that_lived_before_gets_no_new_values(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    if sign.startswith("the database"):
        monkeypatch.setattr(
            "wizard.provisioning.survey.find_database_use", lambda *_: PriorUse((sign,))
        )
    else:
        monkeypatch.setattr(
            "wizard.cli.secrets_report.open_cluster",
            lambda *_: (lambda _n, names: [names[0]], "the test's cluster"),
        )

    done = bench("--yes", *ALLOW, code=4)

    assert "already ran" in done.err
    assert "fernetKey" in done.err
    assert bench.version == 0
    assert "public" not in bench.file.read_text()


def test_a_real_cluster_that_has_a_secret_stops_its_making(
    bench: Bench, kube: Kube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = f"space-{secrets.token_hex(4)}"
    bench.answers({"installation.namespace": space})
    path = written(tmp_path / "kubeconfig", cluster(kube), {"token": kube.token})
    monkeypatch.setenv("KUBECONFIG", str(path))
    meta = f"metadata: {{name: airflow-fernet-key, namespace: {space}}}"
    kube.apply(f"apiVersion: v1\nkind: Secret\n{meta}\nstringData: {{fernet-key: old}}\n")

    done = bench("--yes", *ALLOW, code=4)

    assert f"namespace {space} has the Secrets airflow-fernet-key" in done.err
    assert bench.version == 0
    bench.answers({"installation.namespace": f"{space}-new"})
    assert "not looked at" not in bench("--yes", *ALLOW).err
    assert bench.version == 1


def test_a_context_that_is_named_has_to_be_there(bench: Bench) -> None:
    assert bench.aw("secrets", "--answers", str(bench.file), "--context", "none", *ALLOW).code in {
        4,
        64,
    }
    assert bench.version == 0


def test_a_fact_that_is_new_may_be_made_for_an_old_installation(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster has the other Secrets, not this one's: a broker that came later."""
    bench("--yes", *ALLOW)
    values = bench.values()
    redis = values.pop("redisPassword")
    # No older version has it either.
    path = f"{bench.mount}/metadata/airflow-install/airflow/config"
    bench.vault.request("DELETE", path)
    bench.put(values)
    asked: list[str] = []

    def cluster(namespace: str, names: Any) -> list[str]:
        asked.extend(names)
        return []

    monkeypatch.setattr(
        "wizard.cli.secrets_report.open_cluster", lambda *_: (cluster, "the test's cluster")
    )
    monkeypatch.setattr(
        "wizard.provisioning.survey.find_database_use", lambda *_: pytest.fail("needs no database")
    )

    bench("--yes")

    assert asked == ["airflow-broker-url", "airflow-redis-password"]
    assert bench.values()["redisPassword"] != redis
    assert {key: bench.values()[key] for key in values} == values


def test_a_real_database_says_whether_it_is_migrated(postgres: Postgres) -> None:
    role = f"r{secrets.token_hex(4)}"
    postgres.create_role(role, "a-good-password-1")
    postgres.create_database(role, role)
    target = PostgresTarget(postgres.host, postgres.port, role, role, "disable")
    client = PsycopgClient(target, SecretStr("a-good-password-1"))
    url = f"postgresql://{role}:a-good-password-1@{postgres.host}:{postgres.port}/{role}"

    assert find_database_use(client, "here") == PriorUse()
    postgres.sql("CREATE TABLE alembic_version (version_num text)", url)
    assert find_database_use(client, "here") == PriorUse(("the database here is migrated",))
    wrong = find_database_use(PsycopgClient(target, SecretStr("another-password")), "here")
    assert wrong.found == ()
    assert "password" in wrong.unknown[0]


def test_what_could_not_be_looked_at_is_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = PriorUse(unknown=("the database pg:5432: no answer",))
    monkeypatch.setattr("wizard.provisioning.survey.find_database_use", lambda *_: unknown)

    done = bench("--yes", *ALLOW)

    assert "not checked: the database pg:5432: no answer" in done.err
    assert "not checked: the cluster" in done.err


# --- given values


def test_files_and_others(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(bench.canary.hostile("file") + "\n")
    file.chmod(0o600)
    bench.answers({"database.password": {"file": "password"}, "admin.password": {"store": True}})

    done = bench("--yes", *ALLOW)

    assert bench.values()["databasePassword"] == bench.canary.hostile("file")
    assert "adminPassword" not in bench.values()
    assert "left to others: adminPassword" in done.err


def test_all_that_is_wrong_with_given_values_is_said_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_DB_PASSWORD")
    isolated = {"environment.network_policies": True, "environment.isolate_database": True}
    broker = {"kind": "external", "host": "rabbit.example", "port": 5673, "url": {"env": "RABBIT"}}
    bench.answers({"admin.password": {"file": "none"}, "broker": broker, **isolated})
    monkeypatch.setenv("RABBIT", f"amqp://user:{bench.canary.secret()}@rabbit.example:5673//")
    allowed = [f"--allow-reference={key}" for key in ("admin.password", "broker.url")]

    done = bench("--yes", *ALLOW, *allowed, code=1)

    assert "AIRFLOW_DB_PASSWORD is not set" in done.err
    assert "admin.password" in done.err
    assert "broker.url: the value does not start with redis://, rediss:// or" in done.err
    assert "environment.isolate_database" in done.err
    assert bench.version == 0


def test_a_prompt_needs_a_terminal(bench: Bench) -> None:
    bench.answers({"database.password": {"prompt": True}})

    done = bench("--yes", code=1)

    assert "needs a prompt, but there is no terminal" in done.err
    assert bench.version == 0


def own_key(bench: Bench, tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    (tmp_path / "key").chmod(0o600)
    bench.answers({"dags.key": {"file": "key", "public": ""}})


def test_a_key_of_ones_own_is_put_right_and_stored(bench: Bench, tmp_path: Path) -> None:
    key = generate_key_pair("ed25519", "mine")
    private = key.private.get_secret_value()
    own_key(bench, tmp_path, private.replace("\n", "\r\n").rstrip())

    bench("--yes", *ALLOW, "--allow-reference", "dags.key")

    stored = bench.values()["gitSshKey"]
    assert "".join(stored.split()) == "".join(private.split())
    assert is_same_key(public_of(stored, tmp_path), key.public)
    assert is_same_key(bench.public(), key.public)


def test_a_key_with_a_passphrase_stops_before_anything(bench: Bench, tmp_path: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "longer", "-f", tmp_path / "locked"],
        check=True,
    )
    own_key(bench, tmp_path, (tmp_path / "locked").read_text())

    done = bench("--yes", *ALLOW, "--allow-reference", "dags.key", code=1)

    assert "passphrase" in done.err
    assert bench.version == 0


def test_a_key_that_is_not_the_recorded_one_is_a_conflict(bench: Bench, tmp_path: Path) -> None:
    recorded = generate_key_pair("ed25519", "recorded").public
    # Recorded, and the store lacks it: it is registered somewhere, so none is made.
    bench.answers({"dags.key": {"generate": True, "public": recorded}})
    assert "no private key for it" in bench("--yes", *ALLOW, code=5).err
    # Recorded, and another is given.
    own_key(bench, tmp_path, generate_key_pair("ed25519", "x").private.get_secret_value())
    bench.answers({"dags.key": {"file": "key", "public": recorded}})
    assert "SHA256:" in bench("--yes", *ALLOW, "--allow-reference", "dags.key", code=5).err
    assert bench.version == 0
    # Recorded, and the store has another.
    bench.put({"gitSshKey": generate_key_pair("ed25519", "y").private.get_secret_value()})
    assert "SHA256:" in bench("--yes", *ALLOW, "--allow-reference", "dags.key", code=5).err
    assert bench.version == 1


# --- consent


def test_a_reference_that_is_new_is_not_read_without_a_yes(bench: Bench) -> None:
    done = bench("--yes", code=4)

    assert "--allow-reference database.password" in done.err
    assert bench.version == 0


def test_a_changed_reference_needs_a_new_yes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.aw.ok("commit", "--answers", str(bench.file), "--yes")
    monkeypatch.setenv("SSH_SECRET", bench.canary.secret("other"))
    bench.answers({"database.password": {"env": "SSH_SECRET"}})

    bench("--yes", code=4)
    assert bench.version == 0
    bench("--yes", *ALLOW)
    assert bench.values()["databasePassword"] == bench.canary.secret("other")


def test_a_server_that_only_the_answers_name_gets_no_token_without_a_yes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VAULT_ADDR")
    asked: list[str] = []
    monkeypatch.setattr(
        "wizard.clients.vault.connect.open_vault", lambda *_: asked.append("opened")
    )

    done = bench("--yes", *ALLOW, code=4)

    assert "--allow-reference secrets.vault.server" in done.err
    assert asked == []


def test_an_unknown_key_to_allow_is_named(bench: Bench) -> None:
    assert "database.pasword" in bench("--allow-reference", "database.pasword", code=64).err


def test_nothing_is_written_without_yes(bench: Bench, requests: list[tuple[str, str]]) -> None:
    done = bench(*ALLOW, code=64)

    assert "databasePassword  from env:AIRFLOW_DB_PASSWORD" in done.out
    assert "gitSshKey" in done.out
    assert "--yes" in done.err
    assert writes(requests) == []
    bench("--json", code=64)


def test_a_person_is_asked_and_a_password_is_typed_unseen(
    bench: Bench, pty_run: Callable[..., Terminal]
) -> None:
    bench.answers({"database.password": {"prompt": True}, "admin.password": {"env": "ADMIN_PW"}})
    command = [*WIZARD, "secrets", "--repo", bench.aw.folder, "--answers", bench.file]

    terminal = pty_run(command, env={"ADMIN_PW": bench.canary.secret("admin")}, size=(160, 50))
    terminal.wait_for("read env:ADMIN_PW and send it to")
    terminal.send("y\r")
    terminal.wait_for("database.password (not shown)")
    terminal.send(f"{bench.canary.secret('typed')}\r")
    terminal.wait_for("Write these 7 values")
    terminal.send("y\r")

    assert terminal.wait() == 0, terminal.text
    assert bench.values()["databasePassword"] == bench.canary.secret("typed")
    assert bench.values()["adminPassword"] == bench.canary.secret("admin")
    bench.canary.assert_absent(bytes(terminal.raw), bench.aw.folder, bench.file)


def test_a_no_leaves_everything_as_it_is(bench: Bench, pty_run: Callable[..., Terminal]) -> None:
    before = bench.file.read_bytes()
    command = [*WIZARD, "secrets", "--repo", bench.aw.folder, "--answers", bench.file]
    for keys, code in ((["n"], 4), (["y", "n"], 64), (["y", "\x03"], 130)):
        terminal = pty_run(command, size=(160, 50))
        terminal.wait_for("read env:AIRFLOW_DB_PASSWORD")
        terminal.send(f"{keys[0]}\r")
        if keys[1:]:
            terminal.wait_for("Write these 7 values")
            terminal.send(f"{keys[1]}\r")
        assert terminal.wait() == code, terminal.text
    assert bench.version == 0
    assert bench.file.read_bytes() == before


# --- access


def test_without_a_login_the_next_step_is_said(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VAULT_TOKEN")

    done = bench("--yes", *ALLOW, code=1)

    assert "VAULT_TOKEN" in done.err
    assert "airflow-wizard secrets --installation airflow" in done.err


def test_a_login_that_may_only_read_is_refused_before_anything_is_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{bench.mount}/data/airflow-install/airflow/config"
    bench.vault.policy(f"{bench.mount}-read", {path: ["read"]})
    monkeypatch.setenv("VAULT_TOKEN", bench.vault.new_token(f"{bench.mount}-read"))

    done = bench("--yes", *ALLOW, code=4)

    assert f"may not create {path}" in done.err
    assert bench.version == 0


def test_the_least_rights_are_enough(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{bench.mount}/data/airflow-install/airflow/config"
    bench.vault.policy(f"{bench.mount}-fill", {path: ["create", "read", "update"]})
    monkeypatch.setenv("VAULT_TOKEN", bench.vault.new_token(f"{bench.mount}-fill"))

    bench("--yes", *ALLOW)

    assert bench.version == 1


def test_a_mount_of_version_1_is_refused(bench: Bench) -> None:
    bench.vault.mount(f"{bench.mount}-v1", version=1)
    bench.answers({"secrets.vault.mount": f"{bench.mount}-v1"})

    done = bench("--yes", *ALLOW, code=4)

    assert "KV version 1" in done.err


def test_the_store_of_a_laptop_is_its_cluster(
    aw: Wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    done = aw("secrets", "--preset", "local", "--yes")

    assert done.code == 64
    assert "kubeconfig not found" in done.err


# --- registration


def test_the_key_is_registered_with_a_token_by_reference(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str, str, str]] = []

    def register(
        place: ProviderRepository, token: SecretStr, title: str, public: str
    ) -> RegistrationResult:
        asked.append((place.api, token.get_secret_value(), title, public))
        return RegistrationResult(made=True, note="it depends on the token")

    monkeypatch.setattr("wizard.clients.forge.register_deploy_key", register)
    monkeypatch.setenv("FORGE", bench.canary.secret("forge"))
    words = ("--yes", *ALLOW, "--register", "env:FORGE")

    # Only these answers say whose API it is.
    assert "--allow-reference dags.repo" in bench(*words, code=4).err
    assert asked == []
    done = bench(*words, "--allow-reference", "dags.repo")

    assert asked == [
        (
            "https://api.github.com",
            bench.canary.secret("forge"),
            "airflow-wizard airflow",
            bench.public(),
        )
    ]
    assert "registered, read-only: example/airflow-dags" in done.err
    assert "warning: it depends on the token" in done.err


def test_the_key_of_a_bundle_is_registered_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def register(
        place: ProviderRepository, _token: SecretStr, _title: str, public: str
    ) -> RegistrationResult:
        asked.append((place.path, public))
        return RegistrationResult(made=True, note="")

    monkeypatch.setattr("wizard.clients.forge.register_deploy_key", register)
    monkeypatch.setenv("FORGE", bench.canary.secret("forge"))
    repo = "ssh://git@github.com/example/fin.git"
    bundle = {"name": "fin", "repo": repo, "login": {"generate": True}}
    bench.answers({"dags.source": "bundle", "dags.bundles": [bundle]})
    consent = [f"--allow-reference={key}" for key in ("dags.repo", "dags.bundles.fin.login")]
    found = json.loads(bench("--yes", "--json", *ALLOW, "--register", "env:FORGE", *consent).out)

    [about] = found["bundle_keys"]
    assert asked == [("example/airflow-dags", found["public"]), ("example/fin", about["public"])]


def test_a_token_itself_is_refused_and_not_repeated(bench: Bench) -> None:
    for wrong in (bench.canary.secret("token"), "generate", "store"):
        done = bench("--yes", *ALLOW, "--register", wrong, code=64)
        assert "env:NAME" in done.err
    assert bench.version == 0


# --- the clone, with the key that the store holds


def cloning(monkeypatch: pytest.MonkeyPatch, outcome: CloneResult | CloneError) -> list[str]:
    """The Git host answers so; which keys it was asked with."""
    keys: list[str] = []

    def look(self: ParamikoClient) -> CloneResult:
        keys.append(self.key.get_secret_value())
        if isinstance(outcome, CloneError):
            raise outcome
        return outcome

    monkeypatch.setattr(ParamikoClient, "look", look)
    return keys


def test_the_clone_is_proven_with_the_stored_key(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = cloning(monkeypatch, CloneResult("refs/heads/main", "a" * 40, 3, False))

    done = bench("--yes", "--prove", *ALLOW)

    assert keys == [bench.values()["gitSshKey"]]
    assert "main at aaaaaaaaaaaa: 3 DAG files" in done.err
    assert "the host refuses a push" in done.err


def test_a_key_that_may_push_ends_with_a_refusal_until_somebody_says_why(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloning(monkeypatch, CloneResult("refs/heads/main", "a" * 40, 3, True))

    assert "dags.key=" in bench("--yes", "--prove", *ALLOW, code=4).err
    key = {"generate": True, "public": bench.public(), "writable": "CI tags releases"}
    bench.answers({"dags.key": key})
    assert "CI tags releases" in bench("--yes", "--prove").err


def test_a_clone_that_cannot_be_tried_is_deferred(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloning(monkeypatch, CloneError("unreachable", "its name is not found"))
    assert "unverified" in bench("--yes", "--prove", *ALLOW).err
    cloning(monkeypatch, CloneError("not-registered", "the key is not let in"))
    assert "FAILED" in bench("--yes", "--prove", code=4).err
    bench.answers({"dags.repo": "ssh://git@git.example.com/platform/airflow-dags.git"})
    assert "no host key has evidence" in bench("--yes", "--prove", code=4).err


def test_tokens_and_bundles_are_proven_after_a_yes_to_their_host(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    asked: list[tuple[str, str, str]] = []

    def look(self: HttpsClient) -> CloneResult:
        token = self.token.get_secret_value() if self.token else ""
        asked.append((self.target.url, self.target.username, token))
        return CloneResult("refs/heads/main", "a" * 40, 3, len(asked) > 1)

    monkeypatch.setattr(HttpsClient, "look", look)
    monkeypatch.setenv("DAGS_TOKEN", canary.secret("dags"))
    monkeypatch.setenv("ML_TOKEN", canary.secret("ml"))
    urls = [f"https://git.example.com/{name}/dags.git" for name in ("data", "ml")]
    login = {"needed": True, "username": "reader", "password": {"env": "DAGS_TOKEN"}}
    bundle = {"name": "ml", "repo": urls[1], "username": "robot", "login": {"env": "ML_TOKEN"}}
    bench.answers(
        {"dags.source": "bundle", "dags.repo": urls[0], "dags.credentials": login,
         "dags.bundles": [bundle]}
    )  # fmt: skip
    keys = ("dags.credentials.password", "dags.bundles.ml.login")
    read = [part for key in keys for part in ("--allow-reference", key)]

    refused = bench("--yes", "--prove", *ALLOW, code=4)
    assert all(f"--allow-reference {key}" in refused.err for key in keys)
    stopped = bench("--yes", "--prove", *ALLOW, *read, code=4)
    assert "--allow-reference dags.repo" in stopped.err
    assert asked == []
    done = bench("--yes", "--prove", *ALLOW, *read, "--allow-reference", "dags.repo")

    assert asked == [
        (urls[0], "reader", canary.secret("dags")), (urls[1], "robot", canary.secret("ml")),
    ]  # fmt: skip
    assert "main at aaaaaaaaaaaa: 3 DAG files" in done.err
    assert "warn: DAG bundle ml: read-only login" in done.err
    assert set(bench.values()) >= {"gitPassword", "gitPasswordMl"}


def test_the_key_of_a_bundle_is_generated_once_and_recorded(bench: Bench, tmp_path: Path) -> None:
    repo, name = "ssh://git@gitlab.com/fin/dags.git", "dags.bundles.fin-ops.login"
    bundle = {"name": "fin-ops", "repo": repo, "login": {"generate": True}}
    changes = {"dags.source": "bundle", "dags.bundles": [bundle]}
    bench.answers(changes)
    found = json.loads(bench("--yes", "--json", *ALLOW).out)

    private = bench.values()["gitSshKeyFinOps"]
    [about] = found["bundle_keys"]
    assert is_same_key(public_of(private, tmp_path), about["public"])
    assert (about["key"], "gitlab.com/fin/dags" in about["register_at"]) == (name, True)
    assert not is_same_key(about["public"], found["public"])
    [saved] = yaml.safe_load(bench.file.read_text())["dags"]["bundles"]
    assert saved["login"] == {"generate": True, "public": about["public"]}

    version = bench.version
    again = bench("--yes", *ALLOW)
    assert about["public"] in again.out
    assert bench.version == version
    bench.aw.ok("commit", "--yes", "--answers", str(bench.file))
    committed = yaml.safe_load(
        (bench.aw.folder / ".airflow-wizard/airflow/answers.yaml").read_text()
    )
    assert committed["dags"]["bundles"][0]["login"]["public"] == about["public"]

    # The store lost it: a new key would not be the one that the Git host knows.
    bench.put({key: one for key, one in bench.values().items() if key != "gitSshKeyFinOps"})
    bench.vault.request("POST", f"{bench.mount}/destroy/{PATH}", {"versions": [1]})
    lost = bench("--yes", *ALLOW, "--accept", "unchecked-use", code=5)
    assert f"{name}.public is SHA256:" in lost.err


# --- others who write, and kills


def interfering(bench: Bench, monkeypatch: pytest.MonkeyPatch, *data: dict[str, Any]) -> None:
    """Somebody else writes these, one each time the command is about to write."""
    real, left = VaultClient.write, list(data)

    def write(self: VaultClient, mount: str, path: str, new: Any, cas: int) -> int:
        if left:
            bench.put(left.pop(0))
        return real(self, mount, path, new, cas)

    monkeypatch.setattr(VaultClient, "write", write)


def test_what_somebody_else_writes_meanwhile_is_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = generate_key_pair("ed25519", "theirs")
    theirs = {"gitSshKey": key.private.get_secret_value(), "foreign": "kept"}
    interfering(bench, monkeypatch, theirs)

    done = bench("--yes", *ALLOW)

    values = bench.values()
    assert {name: values[name] for name in theirs} == theirs
    assert set(values) == {*GENERATED, "databasePassword", "foreign"}
    assert "written by somebody else meanwhile, and kept: gitSshKey" in done.err
    assert is_same_key(bench.public(), key.public)


def test_who_loses_twice_says_which_keys_are_left(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    interfering(bench, monkeypatch, {"a": "1"}, {"a": "2", "redisPassword": "theirs-now"})

    done = bench("--yes", *ALLOW, code=5)

    assert "fernetKey" in done.err
    assert bench.values() == {"a": "2", "redisPassword": "theirs-now"}


class KilledError(BaseException):
    """Stands for the end of the process."""


Kill = Callable[[pytest.MonkeyPatch], None]
STEPS: dict[str, Kill] = {}


def step(name: str, place: str) -> None:
    """Kill right before and right after a call."""

    def before(patch: pytest.MonkeyPatch) -> None:
        def killed(*_args: Any, **_named: Any) -> None:
            raise KilledError

        patch.setattr(place, killed)

    def after(patch: pytest.MonkeyPatch) -> None:
        module, _, attribute = place.rpartition(".")
        try:
            owner: Any = importlib.import_module(module)
        except ModuleNotFoundError:
            outer, _, inner = module.rpartition(".")
            owner = getattr(importlib.import_module(outer), inner)
        real = getattr(owner, attribute)

        def done(*args: Any, **named: Any) -> None:
            real(*args, **named)
            raise KilledError

        patch.setattr(owner, attribute, done)

    STEPS[f"before {name}"] = before
    STEPS[f"after {name}"] = after


step("the read", "wizard.clients.vault.client.VaultClient.read")
step("the values", "wizard.provisioning.survey.Survey.values")
step("the write", "wizard.clients.vault.client.VaultClient.write")
step("the record", "wizard.cli.secrets_report.record_in_file")


@pytest.mark.parametrize("kill", STEPS.values(), ids=STEPS)
def test_a_killed_run_is_continued_and_generates_nothing_twice(bench: Bench, kill: Kill) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kill(patch)
        with pytest.raises(KilledError):
            bench.aw("secrets", "--answers", str(bench.file), "--yes", *ALLOW)
    left = bench.values()

    bench("--yes", *ALLOW)

    values = bench.values()
    assert {key: values[key] for key in left} == left
    assert set(values) == {*GENERATED, "databasePassword"}
    assert bench.version == 1
    assert bench.public().startswith("ssh-ed25519 ")
    assert sorted(path.name for path in bench.file.parent.iterdir()) == ["answers.yaml", "config"]
