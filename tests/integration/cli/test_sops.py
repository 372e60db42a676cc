"""Values in Git, encrypted by the real SOPS, on the command line and on a real API server."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import subprocess
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
from tests.support.killable import Writes
from tests.support.process import Finished
from tests.testbed.kube import Kube
from wizard.clients.kube.client import KubeClient
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.systems.prior_use import PriorUse

__all__ = ["aw"]

pytestmark = pytest.mark.integration

VALUES = ".airflow-wizard/airflow/values.sops.yaml"
RECIPIENTS = "secrets.sops.recipients"
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Bench:
    """One repository whose installation keeps its values in Git; `sops` records how it is run."""

    def __init__(self, aw: Wizard, folder: Path, sops: Path, canary: Canary) -> None:
        self.aw, self.folder, self.canary = aw, folder, canary
        self.file = folder / "answers.yaml"
        self.private, self.public = self.key("own")
        self.password = canary.hostile("database")
        self.log = folder / "runs"
        self.changes: dict[str, Any] = {}
        program = folder / "bin" / "sops"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\n(echo "$@"; env) >>{self.log}\nexec {sops} "$@"\n')
        program.chmod(0o755)
        self.program = sops

    def key(self, name: str) -> tuple[Path, str]:
        """A file with a private key, and the public one."""
        made = x25519.Identity.generate()
        path = self.folder / f"{name}.key"
        path.write_text(f"{made}\n")
        return path, str(made.to_public())

    def answers(self, *keys: str, **changes: Any) -> Path:
        self.changes |= {name.replace("__", "."): value for name, value in changes.items()}
        base = {
            "secrets.store": "sops",
            RECIPIENTS: [
                {"key": key, "holder": "platform", "verified": "read out by Ada"}
                for key in (keys or (self.public,))
            ],
            "delivery.kind": "helm",
            "database.pgbouncer.mode": "chart",
            "repository.source": "git.example.com/platform/config",
        }
        return answers_file(self.file, {**base, **self.changes})

    def __call__(self, *words: str, code: int = 0) -> Finished:
        """`secrets` with these answers; no value is anywhere."""
        done = self.aw("secrets", "--answers", str(self.file), "--yes", *words)
        assert done.code == code, done
        log = self.log.read_text() if self.log.exists() else ""
        self.canary.assert_absent(done.out, done.err, self.aw.folder, self.file, log)
        return done

    def fill(self, *keys: str) -> Finished:
        """The same, with a yes to each recipient."""
        named = [f"{RECIPIENTS}.{key}" for key in (keys or (self.public,))]
        allowed = [part for key in named for part in ("--allow-reference", key)]
        return self("--allow-reference", "database.password", *allowed)

    def files(self) -> dict[str, bytes]:
        found = [self.aw.folder / VALUES, *(self.aw.folder / "apps/airflow/sops").glob("*.yaml")]
        return {path.name: path.read_bytes() for path in found if path.exists()}

    def decrypt(self, name: str, private: Path | None = None) -> dict[str, Any] | None:
        """What the real program makes of a file, in an environment of its own; None if it fails."""
        path = VALUES if name == "values" else f"apps/airflow/sops/{name}.sops.yaml"
        done = subprocess.run(
            [self.program, "decrypt", self.aw.folder / path], capture_output=True, check=False,
            env={"HOME": str(self.folder), "SOPS_AGE_KEY_FILE": str(private or self.private)},
        )  # fmt: skip
        return yaml.safe_load(done.stdout) if done.returncode == 0 else None

    def commit(self, *words: str, code: int = 0) -> Finished:
        done = self.aw("commit", "--answers", str(self.file), "--yes", *words)
        assert done.code == code, done
        return done


@pytest.fixture
def bench(
    aw: Wizard, sops: Path, tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    made = Bench(aw, tmp_path, sops, canary)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", made.password)
    monkeypatch.setenv("SOPS_AGE_RECIPIENTS", made.key("stranger")[1])
    monkeypatch.setenv("KUBECONFIG", "")
    monkeypatch.setattr("wizard.provisioning.survey.find_database_use", lambda *_: PriorUse())
    made.answers()
    return made


@pytest.fixture
def keyed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The same, with the private key at hand."""
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(bench.private))
    return bench


def test_values_are_encrypted_once_without_a_private_key(bench: Bench) -> None:
    refused = bench("--allow-reference", "database.password", code=4)
    assert f"{RECIPIENTS}.{bench.public}" in refused.err
    assert (bench.files(), bench.log.exists()) == ({}, False)
    done = bench.fill()
    assert "encrypt Secret airflow-metadata: connection" in done.out
    assert "next: airflow-wizard commit " in done.err
    assert f"--answers {bench.file}" in done.err
    before = bench.files()
    bench.commit()
    values = bench.decrypt("values")
    assert values is not None
    assert values["databasePassword"] == bench.password
    metadata = bench.decrypt("airflow-metadata")
    assert metadata is not None
    assert quote(bench.password, safe="") in metadata["stringData"]["connection"]
    assert metadata["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "airflow-wizard"
    [fernet] = [one["stringData"] for one in [bench.decrypt("airflow-fernet-key")] if one]
    assert fernet == {"fernet-key": values["fernetKey"]}
    # Nobody else can decrypt: not the recipient that the environment names.
    assert bench.decrypt("values", bench.folder / "stranger.key") is None
    tree = bench.aw.git.git("ls-tree", "-r", "--name-only", "HEAD").split()
    assert {VALUES, "apps/airflow/sops/airflow-metadata.sops.yaml"} <= set(tree)
    assert not [path for path in tree if "/base/" in path and "sops" in path]
    text = bench.aw.git.git("grep", "-h", "", "HEAD")
    assert not [one for one in values.values() if one in text]
    log = bench.log.read_text()
    assert not [one for one in values.values() if one in log]
    assert "SOPS_AGE_RECIPIENTS" not in log
    assert "AIRFLOW_DB_PASSWORD" not in log
    assert bench.aw.ok("plan", "--detailed-exitcode").code == 0
    assert bench.aw.ok("check").code == 0
    # Without the private key, nothing can be added, and nothing changes.
    refused = bench(code=4)
    assert "SOPS_AGE_KEY_FILE" in refused.err
    assert bench.files() == before


def test_only_what_changes_is_encrypted_again(keyed: Bench) -> None:
    keyed.fill()
    keyed.commit()
    before, values = keyed.files(), keyed.decrypt("values")
    assert "nothing to write" in keyed().err
    assert keyed.files() == before
    keyed.answers(database__pgbouncer__metadata_pool=17)
    done = keyed()
    assert "encrypt Secret airflow-pgbouncer-config again" in done.out
    after = keyed.files()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"airflow-pgbouncer-config.sops.yaml"}
    keyed.commit()
    # A new value: the file with the values and the new Secret, and nothing else.
    keyed.answers(secrets__extra=[
        {"name": "mine", "from": "store", "keys": ["A"], "values": {"A": {"generate": True}}}
    ])  # fmt: skip
    warned = keyed.commit()
    assert "sops.missing" in warned.out + warned.err
    keyed()
    now = keyed.files()
    changed = {name for name in now if now[name] != after.get(name)}
    assert changed == {Path(VALUES).name, "mine.sops.yaml"}
    found = keyed.decrypt("values")
    assert found is not None
    assert values is not None
    assert found.items() >= values.items()
    keyed.commit()
    # Its file goes with the answer; the value stays, and so does a copy that somebody else made.
    folder = keyed.aw.folder / "apps/airflow/sops"
    (folder / "hers.sops.yaml").write_bytes((folder / "mine.sops.yaml").read_bytes())
    keyed.aw.git.git("add", "apps")
    keyed.aw.git.git("commit", "-qm", "hers")
    keyed.answers(secrets__extra=[])
    keyed.commit()
    assert "mine.sops.yaml" not in keyed.files()
    assert "hers.sops.yaml" in keyed.files()
    assert keyed.decrypt("values") == found


def test_other_recipients_need_a_yes_and_get_everything_anew(
    keyed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed.fill()
    keyed.commit()
    before, values = keyed.files(), keyed.decrypt("values")
    private, public = keyed.key("new")
    keyed.answers(public)
    refused = keyed(code=4)
    assert f"{RECIPIENTS}.{public}" in refused.err
    assert f"{RECIPIENTS}.{keyed.public}" in refused.err
    assert keyed.files() == before
    # The gate: Git would still have files that a removed recipient can read.
    gate = keyed.commit(code=4)
    assert f"{keyed.public} can decrypt it" in gate.err
    done = keyed.fill(public, keyed.public)
    assert "again, for the changed recipients" in done.out
    after = keyed.files()
    assert all(after[name] != before[name] for name in before)
    assert keyed.decrypt("values") is None
    assert keyed.decrypt("values", private) == values
    keyed.commit()
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(private))
    assert "nothing to write" in keyed().err


@pytest.mark.parametrize("name", ["airflow-fernet-key", "values"])
def test_a_hand_edit_is_noticed_and_stops_every_command(keyed: Bench, name: str) -> None:
    keyed.fill()
    keyed.commit()
    path = VALUES if name == "values" else f"apps/airflow/sops/{name}.sops.yaml"
    file = keyed.aw.folder / path
    sound = file.read_text()
    key = "fernetKey" if name == "values" else "fernet-key"
    plain = "\n".join(
        f"{line.partition(':')[0]}: plain" if line.strip().startswith(f"{key}:") else line
        for line in sound.splitlines()
    )
    file.write_text(plain)
    refused = keyed.commit(code=4)
    assert "is not encrypted" in refused.err
    assert "is not encrypted" in keyed(code=4).err
    # In the right form, but not what SOPS wrote.
    values = [line for line in sound.splitlines() if "ENC[AES256_GCM" in line][:2]
    first = values[0].partition(": ")[2]
    file.write_text(sound.replace(first, first.replace("data:", "data:AAAA", 1)))
    done = keyed(code=4)
    assert "cannot be decrypted" in done.err or "MAC does not fit" in done.err
    file.write_text(sound)
    assert "nothing to write" in keyed().err


def test_lost_values_are_never_made_anew(keyed: Bench) -> None:
    keyed.fill()
    keyed.commit()
    (keyed.aw.folder / VALUES).unlink()
    refused = keyed(code=4)
    assert f"git checkout HEAD -- {VALUES}" in refused.err
    keyed.aw.git.git("rm", "-q", "--cached", VALUES)
    keyed.aw.git.git("commit", "-q", "-m", "by hand")
    refused = keyed(code=4)
    assert "no new value is generated" in refused.err
    assert f"^ -- {VALUES}" in refused.err
    assert not (keyed.aw.folder / VALUES).exists()


def test_without_the_program_the_refusal_says_how_to_get_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.folder / "bin" / "sops").unlink()
    others = [one for one in os.environ["PATH"].split(":") if not (Path(one) / "sops").exists()]
    monkeypatch.setenv("PATH", ":".join(others))
    refused = bench("--allow-reference", f"{RECIPIENTS}.{bench.public}", code=1)
    assert "sops is not on PATH" in refused.err
    assert "https://getsops.io" in refused.err
    old = bench.folder / "bin" / "sops"
    old.write_text("#!/bin/sh\necho sops 3.8.1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{':'.join(others)}")
    refused = bench("--allow-reference", f"{RECIPIENTS}.{bench.public}", code=1)
    assert "3.8.1, which is too old" in refused.err
    assert bench.files() == {}


def _die_at(work: Callable[[], object], at: int) -> int:
    """Run `work` in a child that is killed at its write number `at`; return how many it did."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        writes = Writes(at)
        try:
            work()
        finally:
            os.write(writer, str(writes.done).encode())
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as found:
        return int(found.read() or 0)


def test_the_files_follow_a_changed_path(bench: Bench) -> None:
    bench.fill()
    bench.commit()
    before = bench.files()
    done = bench.aw("set", "repository.paths.apps=deploy", "--yes")
    assert done.code == 0, done
    folder = bench.aw.folder
    assert not (folder / "apps/airflow/sops").exists()
    moved = {path.name: path.read_bytes() for path in (folder / "deploy/airflow/sops").iterdir()}
    assert moved == {name: data for name, data in before.items() if name != "values.sops.yaml"}
    assert bench.aw("check").code == 0
    again = bench.aw("plan", "--detailed-exitcode")
    assert again.code == 0, again


def test_a_kill_at_any_write_leaves_the_old_files_or_the_new_ones(keyed: Bench) -> None:
    keyed.fill()
    keyed.commit()
    before = keyed.files()
    keyed.answers(database__user="another")
    total = _die_at(lambda: keyed(), 0)
    after = keyed.files()
    names = {name for name in before if before[name] != after[name]}
    assert len(names) > 2
    assert total > len(names)
    for at in sorted({1, 2, total // 4, total // 2, total - 1}):
        keyed.aw.git.git("checkout", "-q", "--", "apps", ".airflow-wizard")
        assert keyed.files() == before
        _die_at(lambda: keyed(), at)
        # The next run repairs first, and then has the same to do or nothing.
        keyed()
        values = keyed.decrypt("values")
        assert values is not None
        metadata = keyed.decrypt("airflow-metadata")
        assert metadata is not None
        assert "another" in metadata["stringData"]["connection"]
        now = keyed.files()
        assert {name for name in before if before[name] != now[name]} == names
        assert [*keyed.aw.folder.rglob("*.tmp")] == []


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that change objects, as the client sends them."""
    seen: list[str] = []
    real = KubeClient._send

    def send(self: KubeClient, method: str, path: str, *rest: Any, **more: Any) -> Any:
        if method in WRITES and "/secrets" in path:
            seen.append(f"{method} {path}")
        return real(self, method, path, *rest, **more)

    monkeypatch.setattr(KubeClient, "_send", send)
    return seen


def test_a_missing_namespace_is_named(
    keyed: Bench, kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = written(keyed.folder / "kubeconfig", cluster(kube), {"token": kube.token})
    monkeypatch.setenv("KUBECONFIG", str(config))
    space = f"n{secrets.token_hex(4)}"
    keyed.answers(installation__namespace=space)
    keyed.fill()
    keyed.commit()
    blocked = keyed.aw("apply", "--only", "store", "--yes")
    assert blocked.code == 5, blocked
    assert f"kubectl create namespace {space}" in blocked.out + blocked.err


def _agree(bench: Bench, *words: str) -> tuple[str, ...]:
    """The words with a yes to the cluster, if they need one."""
    asked = bench.aw(*words, "--dry-run")
    seal = re.search(r"--take-over (cluster.identity@[0-9a-f]{12})", asked.out + asked.err)
    return (*words, "--take-over", seal[1]) if seal else words


def test_apply_decrypts_into_the_cluster(
    keyed: Bench, kube: Kube, monkeypatch: pytest.MonkeyPatch, writes: list[str]
) -> None:
    space = f"n{secrets.token_hex(4)}"
    about = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
    kube.request("POST", "/api/v1/namespaces", about)
    rights = rule("get create update patch delete list watch", "secrets")
    _, token = account(kube, rights, rule("get", "namespaces"))
    config = written(keyed.folder / "kubeconfig", cluster(kube), {"token": token})
    monkeypatch.setenv("KUBECONFIG", str(config))
    path = f"/api/v1/namespaces/{space}/secrets"

    def read(name: str) -> dict[str, str]:
        data = kube.request("GET", f"{path}/{name}").get("data") or {}
        return {key: base64.b64decode(text).decode() for key, text in data.items()}

    keyed.answers(installation__namespace=space)
    keyed.commit()
    apply = ("apply", "--only", "store", "--yes")
    blocked = keyed.aw(*apply)
    assert blocked.code == 5, blocked
    assert "airflow-wizard secrets" in blocked.out + blocked.err
    # Of an earlier store, and in no file: its values exist only here.
    source = {OWNER_ANNOTATION: "git.example.com/platform/config#airflow"}
    earlier = {"metadata": {"name": "airflow-fernet-key", "annotations": source}}
    kube.request("POST", f"{path}?fieldManager=airflow-wizard", earlier)
    undo = _agree(keyed, "apply", "--undo", "--only", "store", "--yes")
    blocked = keyed.aw(*undo)
    assert blocked.code == 5, blocked
    assert "airflow-fernet-key has no encrypted file in Git" in blocked.out + blocked.err
    kube.request("DELETE", f"{path}/airflow-fernet-key")
    keyed.fill()
    uncommitted = keyed.aw(*apply)
    assert uncommitted.code == 5, uncommitted
    assert "airflow-wizard commit" in uncommitted.err
    keyed.commit()
    live = keyed.aw("check", "--live")
    assert "Secret airflow-metadata does not exist" in live.out + live.err
    assert "vault" not in (live.out + live.err).lower()
    done = keyed.aw.ok(*apply)
    keyed.canary.assert_absent(done.out, done.err, live.out, live.err)
    assert quote(keyed.password, safe="") in read("airflow-metadata")["connection"]
    assert "Secrets have all keys" in keyed.aw("check", "--live").out
    writes.clear()
    keyed.aw.ok(*apply)
    assert writes == []
    # The values stay in Git unless they are named, and no owner of a Vault has to do anything.
    kept = keyed.aw("destroy", "--dry-run")
    assert f"not deleted: {VALUES}" in kept.err
    gone = keyed.aw("destroy", "--dry-run", "--data", "payload")
    assert f"    {VALUES}" in gone.err
    told = keyed.aw.ok("handover", "--out", str(keyed.folder / "handover"))
    assert "vault: nothing to do" in told.out + told.err
    texts = [one.read_text() for one in (keyed.folder / "handover").rglob("*") if one.is_file()]
    keyed.canary.assert_absent(kept.err, gone.err, *texts)
    assert "sops decrypt" in "".join(texts)
    assert "vault" not in "".join(texts).lower()
    # What somebody else wrote stays, and is said.
    body = {"data": {"fernet-key": base64.b64encode(b"hers").decode()}}
    edit = f"{path}/airflow-fernet-key?fieldManager=kubectl-edit"
    kube.request("PATCH", edit, body, "application/merge-patch+json")
    kept = keyed.aw.ok(*apply)
    assert "written by kubectl-edit" in kept.out + kept.err
    blocked = keyed.aw(*undo)
    assert blocked.code == 5, blocked
    assert "has fernet-key written by kubectl-edit" in blocked.out + blocked.err
    assert read("airflow-fernet-key") == {"fernet-key": "hers"}
    # Without the private key, nothing is compared and nothing is written.
    monkeypatch.delenv("SOPS_AGE_KEY_FILE")
    unknown = keyed.aw(*apply)
    assert "not compared" in unknown.out + unknown.err
    kube.request("DELETE", f"{path}/airflow-jwt-secret")
    stuck = keyed.aw(*apply)
    assert stuck.code != 0
    assert "SOPS_AGE_KEY_FILE" in stuck.out + stuck.err
    plan = json.loads(
        keyed.aw.ok("plan", "--json", "--set", "database.pgbouncer.metadata_pool=17").out
    )
    assert "sops.secrets" in [one["id"] for one in plan["actions"]]
