"""The clone proof on a real sshd and a real repository: green, and red for every cause."""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.canary import Canary
from tests.testbed.fixtures import StartSshd
from tests.testbed.peers import dripping, peer, pretending, saying, web_server
from tests.testbed.sshd import KeySet, Sshd, keygen
from wizard.clients.ssh.clone import CloneResult, ParamikoClient
from wizard.clients.ssh.session import CloneError, CloneTarget
from wizard.engine.probes import ProbeResult, run_probes
from wizard.secrets.deploy_key import KeyPair, generate_key_pair, read_private_key
from wizard.systems.git.dag_probes import DAG_CLONE, make_clone_lookup

pytestmark = pytest.mark.integration

# What a forge does with a deploy key: the command is looked at, then git-shell runs it.
FORGE = """\
#!/bin/sh
echo "$SSH_ORIGINAL_COMMAND" >> {log}
case "$SSH_ORIGINAL_COMMAND" in
  "git-upload-pack '{repo}'") exec git-shell -c "$SSH_ORIGINAL_COMMAND" ;;
  "git-receive-pack '{repo}'")
    if [ {writes} = yes ]; then exec git-shell -c "$SSH_ORIGINAL_COMMAND"; fi
    echo "ERROR: The key you are authenticating with has been marked as read only." >&2 ;;
  *) printf 'ERROR: Repository not found.\\n\\n' >&2 ;;
esac
exit 1
"""


@dataclass
class Forge:
    """A Git host with one repository; `target` is what a correct installation names."""

    server: Sshd
    folder: Path
    target: CloneTarget

    @property
    def repo(self) -> Path:
        return self.folder / "dags.git"

    @property
    def log(self) -> list[str]:
        path = self.folder / "commands"
        return path.read_text().splitlines() if path.exists() else []

    def register(self, key: KeyPair, *, writes: bool = False) -> None:
        script = self.folder / ("rw" if writes else "ro")
        script.write_text(
            FORGE.format(
                repo=self.repo, log=self.folder / "commands", writes="yes" if writes else "no"
            )
        )
        script.chmod(0o755)
        with (self.server.folder / "authorized_keys").open("a") as file:
            file.write(f'restrict,command="{script}" {key.public}\n')

    def look(self, key: KeyPair, **changes: Any) -> CloneResult:
        return ParamikoClient(replace(self.target, **changes), key.private, seconds=20).look()

    def refusal(self, key: KeyPair, **changes: Any) -> CloneError:
        with pytest.raises(CloneError) as caught:
            self.look(key, **changes)
        lines = key.private.get_secret_value().splitlines()[1:-1]
        assert not any(line in caught.value.message for line in lines)
        return caught.value

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.repo, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


def fill(folder: Path, files: dict[str, str]) -> Path:
    """A bare repository with one commit of these files on main, and a tag."""
    work, bare = folder / "work", folder / "dags.git"
    subprocess.run(["git", "init", "-q", "-b", "main", work], check=True)
    for name, text in files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for words in (["add", "-A"], ["commit", "-q", "-m", "first"], ["tag", "-a", "v1", "-m", "v1"]):
        subprocess.run(["git", *words], cwd=work, check=True)
    subprocess.run(["git", "clone", "-q", "--bare", work, bare], check=True)
    return bare


FILES = {
    "dags/etl/load.py": "dag = 1\n",
    "dags/report.py": "dag = 2\n",
    "dags/__init__.py": "",
    "plugins/p.txt": "no dag\n",
    "README.md": "read me\n",
}


@pytest.fixture
def forge(sshd: StartSshd, host_key_sets: tuple[KeySet, KeySet], tmp_path: Path) -> Forge:
    server = sshd()
    bare = fill(tmp_path, FILES)
    pinned = (host_key_sets[0].public("ssh-ed25519"),)
    target = CloneTarget(server.host, server.port, server.user, str(bare), "main", "dags", pinned)
    return Forge(server, tmp_path, target)


@pytest.fixture
def key() -> KeyPair:
    return generate_key_pair("ed25519", "airflow-wizard test")


async def probed(forge: Forge, key: KeyPair, *, writable: str = "") -> dict[str, ProbeResult]:
    look = make_clone_lookup(ParamikoClient(forge.target, key.private, seconds=20))
    probes = DAG_CLONE.probes(forge.target, look, writable=writable)
    return {probe.id: result async for probe, result in run_probes(probes)}


# --- green


async def test_a_read_only_key_clones_and_cannot_push(forge: Forge, key: KeyPair) -> None:
    forge.register(key)

    results = await probed(forge, key)

    commit = forge.git("rev-parse", "main")
    assert results["dags.clone"].status == "pass"
    assert results["dags.clone"].detail == f"main at {commit[:12]}: 2 DAG files"
    assert results["dags.read-only"] == ProbeResult("pass", "the host refuses a push")
    assert forge.log == [f"git-upload-pack '{forge.repo}'", f"git-receive-pack '{forge.repo}'"]


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_every_kind_of_key_logs_in(forge: Forge, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "own"
    keygen("-q", "-N", "", "-t", kind, "-f", path)
    # As it is read from a reference: its final newline went on the way.
    key = read_private_key(SecretStr(path.read_text().strip()), "dags.key", "test")
    forge.register(key)

    assert forge.look(key).writable is False


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp384", "ssh-rsa"])
def test_one_pinned_type_is_enough(
    forge: Forge, key: KeyPair, host_key_sets: tuple[KeySet, KeySet], kind: str
) -> None:
    forge.register(key)

    assert forge.look(key, pinned=(host_key_sets[0].public(kind),)).files == 2


def test_what_a_ref_may_be(forge: Forge, key: KeyPair) -> None:
    forge.register(key)
    commit = forge.git("rev-parse", "main")

    assert forge.look(key, ref="main").ref == "refs/heads/main"
    assert forge.look(key, ref="v1").ref == "refs/tags/v1"
    assert forge.look(key, ref="refs/heads/main").commit == commit
    assert forge.look(key, ref=commit).commit == commit


@pytest.mark.parametrize("filters", [True, False])
def test_hosts_with_and_without_partial_clones(forge: Forge, key: KeyPair, filters: bool) -> None:
    forge.git("config", "uploadpack.allowFilter", str(filters).lower())
    forge.register(key)

    assert forge.look(key).files == 2


def test_the_top_of_a_repository(forge: Forge, key: KeyPair) -> None:
    forge.register(key)

    for top in ("", ".", "./"):
        assert forge.look(key, subpath=top).files == 2
    assert forge.look(key, subpath="dags/etl").files == 1


def test_nothing_is_left_behind_and_nothing_is_changed(
    forge: Forge, key: KeyPair, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    hook = forge.repo / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hook-ran\n")
    hook.chmod(0o755)
    forge.register(key, writes=True)
    before = sorted(path for path in forge.repo.rglob("*"))
    threads = set(threading.enumerate())

    assert forge.look(key).writable is True

    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "hook-ran").exists()
    assert sorted(path for path in forge.repo.rglob("*")) == before
    # The test's own server keeps a few of its own.
    assert len(set(threading.enumerate()) - threads) <= 3


def test_neither_agent_nor_own_files_are_used(
    forge: Forge, key: KeyPair, clean_environment: Path
) -> None:
    """The operator's own key opens the host, and known_hosts of theirs knows it: no matter."""
    ssh = clean_environment / ".ssh"
    ssh.mkdir(mode=0o700)
    (ssh / "id_ed25519").write_bytes(forge.server.identity.read_bytes())
    (ssh / "config").write_text("Host *\n  StrictHostKeyChecking no\n")

    assert forge.refusal(key).kind == "not-registered"


# --- red


async def test_a_key_that_may_push_is_refused_unless_somebody_says_why(
    forge: Forge, key: KeyPair
) -> None:
    forge.register(key, writes=True)

    refused = (await probed(forge, key))["dags.read-only"]
    explained = (await probed(forge, key, writable="CI tags releases with it"))["dags.read-only"]

    assert refused.status == "fail"
    assert "read-only" in refused.fix.text
    assert explained == ProbeResult("warn", "the key has push access: CI tags releases with it")


async def test_a_key_that_is_not_registered(forge: Forge, key: KeyPair) -> None:
    results = await probed(forge, key)

    assert results["dags.clone"].status == "fail"
    assert "does not accept the key" in results["dags.clone"].detail
    assert "airflow-wizard secrets" in results["dags.clone"].fix.text
    assert results["dags.read-only"].status == "skip"


def test_a_key_for_another_repository(forge: Forge, key: KeyPair) -> None:
    forge.register(key)

    error = forge.refusal(key, path="/platform/other.git")

    assert error.kind == "repository"
    assert "/platform/other.git" in error.message
    assert "Repository not found." in error.message


def test_a_path_without_a_repository_on_a_plain_host(forge: Forge) -> None:
    """No forge: sshd runs git itself, and says what git says."""
    text = forge.server.identity.read_text()
    own = read_private_key(SecretStr(text), "dags.key", "test")

    error = forge.refusal(own, path=str(forge.folder / "none.git"))

    assert error.kind == "repository"
    assert "does not appear to be a git repository" in error.message


def test_a_host_that_runs_no_git(sshd: StartSshd, forge: Forge, key: KeyPair) -> None:
    with (forge.server.folder / "authorized_keys").open("a") as file:
        file.write(f'restrict,command="echo welcome to the menu" {key.public}\n')

    error = forge.refusal(key)

    assert error.kind == "repository"


def test_a_ref_that_is_not_there(forge: Forge, key: KeyPair) -> None:
    forge.register(key)

    error = forge.refusal(key, ref="master")

    assert error.kind == "ref"
    assert "no branch or tag master" in error.message
    assert "default branch is main" in error.message


def test_a_commit_that_no_ref_points_to(forge: Forge, key: KeyPair) -> None:
    forge.register(key)
    orphan = forge.git("commit-tree", "main^{tree}", "-m", "orphan")

    error = forge.refusal(key, ref=orphan)
    assert error.kind == "ref"
    assert "branch or a tag" in error.message
    forge.git("config", "uploadpack.allowAnySHA1InWant", "true")
    assert forge.look(key, ref=orphan).commit == orphan


def test_an_empty_repository(forge: Forge, key: KeyPair, tmp_path: Path) -> None:
    forge.git("update-ref", "-d", "refs/heads/main")
    forge.git("update-ref", "-d", "refs/tags/v1")
    forge.register(key)

    error = forge.refusal(key)

    assert error.kind == "ref"
    assert "empty" in error.message


@pytest.mark.parametrize("subpath", ["dag", "dags/none", "README.md"])
def test_a_folder_that_is_not_there(forge: Forge, key: KeyPair, subpath: str) -> None:
    forge.register(key)

    error = forge.refusal(key, subpath=subpath)

    assert error.kind == "subpath"
    assert error.message.endswith("existing folders: dags, plugins")


def test_a_folder_without_dags(forge: Forge, key: KeyPair) -> None:
    forge.register(key)

    error = forge.refusal(key, subpath="plugins")

    assert (error.kind, "below plugins" in error.message) == ("no-dags", True)


def test_a_man_in_the_middle_learns_nothing(
    sshd: StartSshd, forge: Forge, key: KeyPair, host_key_sets: tuple[KeySet, KeySet]
) -> None:
    honest, other = host_key_sets
    forge.register(key)
    impostor = sshd(keys=other)

    error = forge.refusal(key, port=impostor.port)

    assert error.kind == "host-key"
    assert honest.public("ssh-ed25519").fingerprint in error.message
    assert other.public("ssh-ed25519").fingerprint in error.message
    assert "publickey" not in impostor.log.read_text()


def test_a_host_without_a_key_of_a_pinned_type(
    sshd: StartSshd, forge: Forge, key: KeyPair, host_key_sets: tuple[KeySet, KeySet]
) -> None:
    server = sshd("ssh-rsa")

    error = forge.refusal(key, port=server.port)

    assert error.kind == "host-key"
    assert "ssh-ed25519" in error.message


def test_a_host_that_shows_the_right_key_and_has_another(
    forge: Forge, key: KeyPair, host_key_sets: tuple[KeySet, KeySet]
) -> None:
    honest, other = host_key_sets
    handle = pretending(honest.public("ssh-ed25519"), other.file("ssh-ed25519"))
    with peer(handle) as running:
        error = forge.refusal(key, port=running.port)

    assert error.kind == "host-key"
    assert "the connection may be intercepted" in error.message


def test_a_host_certificate_is_no_pinned_key(
    sshd: StartSshd, forge: Forge, key: KeyPair, host_key_sets: tuple[KeySet, KeySet]
) -> None:
    _, other = host_key_sets
    certificate = other.certificate("ssh-ed25519", "127.0.0.1")
    server = sshd(keys=other, HostCertificate=str(certificate))

    assert forge.refusal(key, port=server.port).kind == "host-key"


def test_a_damaged_key(forge: Forge, key: KeyPair, canary: Canary) -> None:
    text = key.private.get_secret_value()
    for wrong in (text[:100], text.replace("\n", ""), canary.secret("key"), ""):
        with pytest.raises(CloneError) as caught:
            ParamikoClient(forge.target, SecretStr(wrong)).look()
        assert caught.value.kind == "key"
        canary.assert_absent(caught.value.message)


async def test_a_host_that_is_not_reached_is_deferred(forge: Forge, key: KeyPair) -> None:
    forge.server.stop()

    results = await probed(forge, key)

    assert results["dags.clone"].status == "unknown"
    assert "refuses connections" in results["dags.clone"].detail
    assert results["dags.read-only"].status == "skip"


def test_a_name_that_does_not_resolve(forge: Forge, key: KeyPair) -> None:
    error = forge.refusal(key, host="no-such-host.invalid")
    assert error.kind == "unreachable"


def test_peers_that_are_no_ssh_server(forge: Forge, key: KeyPair) -> None:
    with web_server() as port:
        assert forge.refusal(key, port=port).kind == "peer"
    for handle, kind in ((saying(b"garbage\n" * 10, wait=False), "peer"),
                         (saying(b"", wait=False), "unreachable")):  # fmt: skip
        with peer(handle) as running:
            assert forge.refusal(key, port=running.port).kind == kind
    for handle in (dripping, saying(b"")):
        with peer(handle) as running:
            client = ParamikoClient(
                replace(forge.target, port=running.port), key.private, seconds=1
            )
            with pytest.raises(CloneError) as caught:
                client.look()
        assert caught.value.kind in {"unreachable", "peer"}


def test_a_host_that_stops_in_the_middle(forge: Forge, key: KeyPair) -> None:
    """The commands hang, before and after the advertisement: the time limit holds."""
    for script in ("sleep 60", f"git-upload-pack {forge.repo} < /dev/null; sleep 60"):
        lines = (forge.server.folder / "authorized_keys").read_text().splitlines()[:1]
        lines.append(f'restrict,command="{script}" {key.public}')
        (forge.server.folder / "authorized_keys").write_text("\n".join(lines) + "\n")
        with pytest.raises(CloneError) as caught:
            ParamikoClient(forge.target, key.private, seconds=2).look()
        assert caught.value.kind == "unfinished"


def test_a_host_that_lies_about_its_objects(forge: Forge, key: KeyPair, tmp_path: Path) -> None:
    """An advertisement, then no pack: git refuses, and the words are harmless."""
    commit = forge.git("rev-parse", "main")
    line = f"{commit} refs/heads/main\0 shallow\n"
    script = tmp_path / "liar"
    answer = f"{len(line) + 4:04x}{line}0000" + "0008NAK\n" + "PACK\x1b[2Jnothing of the kind"
    (tmp_path / "answer").write_bytes(answer.encode())
    script.write_text(f"#!/bin/sh\ncat {tmp_path}/answer; head -c 1 > /dev/null\n")
    script.chmod(0o755)
    with (forge.server.folder / "authorized_keys").open("a") as file:
        file.write(f'restrict,command="{script}" {key.public}\n')

    error = forge.refusal(key)

    assert error.kind == "unfinished"
    assert "\x1b" not in error.message
    assert os.linesep not in error.message
