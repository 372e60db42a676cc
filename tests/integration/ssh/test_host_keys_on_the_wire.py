"""plan, commit and check against real SSH servers that lie, and evidence that is smuggled in."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cli import Wizard, answers_file, aw
from tests.support.paths import TOP
from tests.support.process import Finished
from tests.support.scenarios import host_key
from tests.testbed.fixtures import StartSshd
from tests.testbed.peers import peer, saying
from tests.testbed.sshd import KINDS, KeySet
from wizard.answers import presets
from wizard.clients.ssh import scan as ssh
from wizard.clients.ssh import scanner

__all__ = ["aw"]

pytestmark = pytest.mark.integration

HOST = "git.example.test"
VALUES = "apps/airflow/airflow-values.yaml"
ANSWERS = ".airflow-wizard/airflow/answers.yaml"
KEY = host_key(3)


@dataclass
class Git:
    """The command, with answers whose Git host is a server of this test."""

    aw: Wizard
    file: Path

    def __call__(self, command: str, port: int, *typed: str, **changes: Any) -> Finished:
        repo = f"ssh://git@{HOST}:{port}/platform/dags.git"
        given = {"dags.repo": repo, "dags.host_keys": [], **changes}
        answers_file(self.file, given)
        words = [word for one in typed for word in ("--host-key-fingerprint", one)]
        yes = ("--yes",) if command == "commit" else ()
        return self.aw(command, "--answers", str(self.file), *yes, *words)

    def pinned(self) -> list[str]:
        """The types in known_hosts as it is committed; empty before the first commit."""
        text = self.aw.git.git("show", f"HEAD:{VALUES}", ok=(0, 128))
        found = (yaml.safe_load(text) or {}) if text else {}
        lines = found.get("dags", {}).get("gitSync", {}).get("knownHosts", "")
        return [line.split()[1] for line in lines.splitlines()]

    def require_nothing(self) -> None:
        assert self.pinned() == []
        assert list(self.aw.folder.iterdir()) == [self.aw.folder / ".git"]


@pytest.fixture
def git(aw: Wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Git]:
    """The host's name leads to this machine, as no answers may say themselves."""
    real = socket.getaddrinfo

    def look_up(host: Any, *more: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host == HOST else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    # No test waits for what DNS says of a name that nobody has.
    monkeypatch.setattr("wizard.clients.ssh.sshfp._fetch_records", lambda _: None)
    scanner._scan_once.cache_clear()
    yield Git(aw, tmp_path / "answers.yaml")
    scanner._scan_once.cache_clear()


def prints(keys: KeySet, *kinds: str) -> list[str]:
    return [keys.public(kind).fingerprint for kind in kinds or KINDS]


def one_right(folder: Path, honest: KeySet, other: KeySet) -> KeySet:
    """The honest server's ed25519 key with another server's keys of all other types."""
    shutil.copytree(other.folder, folder)
    for suffix in ("", ".pub"):
        shutil.copy(honest.folder / f"ssh-ed25519{suffix}", folder / f"ssh-ed25519{suffix}")
    return KeySet(folder)


def test_only_keys_whose_fingerprint_was_typed_are_pinned(
    git: Git, sshd: StartSshd, host_key_sets: tuple[KeySet, KeySet], tmp_path: Path
) -> None:
    honest, other = host_key_sets
    evil = sshd(keys=other)
    # Another key altogether: whatever the owner read out belongs to none of them.
    for command in ("plan", "commit"):
        done = git(command, evil.port)
        assert done.code == 4
        assert other.public("ssh-ed25519").fingerprint in done.err
        done = git(command, evil.port, *prints(honest))
        assert done.code == 4
        assert "does not match any key" in done.err
    git.require_nothing()
    # The right key of one type (it leaked, say): that one counts, and nothing beside it.
    half = sshd(keys=one_right(tmp_path / "half", honest, other))
    assert git("commit", half.port, *prints(honest)).code == 4
    git.require_nothing()
    done = git("commit", half.port, *prints(honest, "ssh-ed25519"))
    assert done.code == 0, done
    assert git.pinned() == ["ssh-ed25519"]
    assert "ssh-rsa" in done.out
    assert "not used, because its fingerprint was not typed" in done.out


def test_a_certificate_proves_nothing(
    git: Git, sshd: StartSshd, host_key_sets: tuple[KeySet, KeySet]
) -> None:
    honest, other = host_key_sets
    server = sshd(keys=other, HostCertificate=str(other.certificate("ssh-ed25519", HOST)))
    done = git("commit", server.port, *prints(honest, "ssh-ed25519"))
    assert done.code == 4
    assert "does not match any key" in done.err
    assert other.public("ssh-ed25519").fingerprint in done.err
    git.require_nothing()


def test_a_server_that_changed_since_stops_the_next_look(
    git: Git, sshd: StartSshd, host_key_sets: tuple[KeySet, KeySet], tmp_path: Path
) -> None:
    honest, other = host_key_sets
    server = sshd()
    assert git("commit", server.port, *prints(honest)).code == 0
    assert set(git.pinned()) == set(KINDS)
    server.stop()
    scanner._scan_once.cache_clear()
    changed = one_right(tmp_path / "half", honest, other)
    server.keys = [changed.file(kind) for kind in KINDS]
    server.folder = tmp_path / "again"
    server.folder.mkdir()
    server.start()
    done = git.aw("check", "--live")
    assert done.code == 4, done
    (line,) = [one for one in done.out.splitlines() if "Git host: keys" in one]
    assert line.startswith("FAILED")
    for keys in (honest, other):
        assert keys.public("ecdsa-sha2-nistp256").fingerprint in line
    assert set(git.pinned()) == set(KINDS)
    assert "--host-key-fingerprint" in done.out

    # What the fix says: the host is asked again, for its owner has read out another key.
    scanner._scan_once.cache_clear()
    foreign = git.aw("commit", "--yes", "--host-key-fingerprint", "SHA256:" + 43 * "A")
    assert foreign.code == 5, foreign
    words = [word for one in prints(changed) for word in ("--host-key-fingerprint", one)]
    scanner._scan_once.cache_clear()
    assert git.aw("commit", "--yes", *words).code == 0
    values = git.aw.git.git("show", f"HEAD:{VALUES}")
    for kind in KINDS:
        assert changed.public(kind).key in values
    assert honest.public("ecdsa-sha2-nistp256").key not in values


@pytest.mark.parametrize(
    ("handle", "says"),
    [
        (saying(b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n"), "a web server (HTTP)"),
        (saying(b"\x00\xff" * 2000), "the server does not speak SSH"),
        (saying(b"SSH-2.0-Slow_1.0\r\n"), "did not finish it within 0.5 s"),
    ],
    ids=["http", "garbage", "slow"],
)
def test_peers_that_are_no_ssh_server_are_told_and_nothing_is_written(
    git: Git, handle: Any, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "scan_host_keys", partial(ssh.scan_host_keys, timeout=0.5))
    with peer(handle) as running:
        done = git("commit", running.port, KEY.fingerprint)
    assert done.code == 4
    assert says in done.err
    git.require_nothing()


# --- smuggled


def claimed(key: Any = KEY) -> dict[str, Any]:
    """An entry that says of itself that somebody compared it."""
    record = {"kind": "fingerprint", "sha256": key.fingerprint, "by": "Ada", "date": "2020-01-01"}
    return {"host": HOST, "type": key.type, "key": key.key, "evidence": record}


@pytest.mark.parametrize("layer", ["preset", "extends"])
def test_a_preset_carries_no_evidence(
    git: Git, monkeypatch: pytest.MonkeyPatch, layer: str, tmp_path: Path
) -> None:
    """Shipped presets have no host keys; one that had some would be believed no more."""
    folder = tmp_path / "presets"
    shutil.copytree(TOP / "presets", folder)
    shipped = folder / "production.yaml"
    data = yaml.safe_load(shipped.read_text())
    data.setdefault("dags", {})["host_keys"] = [claimed()]
    shipped.write_text(yaml.safe_dump(data))
    child = {"title": "x", "description": "x", "extends": "production"}
    (folder / "mine.yaml").write_text(yaml.safe_dump(child))
    monkeypatch.setattr(presets, "files", lambda _: folder)
    name = "production" if layer == "preset" else "mine"
    assert presets.load_preset(name).answers["dags"]["host_keys"]
    answers_file(git.file, {"dags.repo": f"ssh://git@{HOST}/platform/dags.git"})
    done = git.aw("commit", "--preset", name, "--answers", str(git.file), "--yes")
    assert done.code == 4, done
    assert f"nothing proves that this key is the host's; its fingerprint is {KEY.fingerprint}" in (
        done.err
    )
    git.require_nothing()


def test_a_merge_carries_no_evidence(git: Git) -> None:
    """A branch whose answers claim another key, merged by git itself."""
    own = host_key(4)
    typed = ("--host-key-fingerprint", own.fingerprint)
    given = {"dags.repo": f"ssh://git@{HOST}/platform/dags.git", "dags.host_keys": [claimed(own)]}
    answers_file(git.file, given)
    git.aw.ok("commit", "--answers", str(git.file), "--yes", *typed)
    run, place = git.aw.git.git, git.aw.folder / ANSWERS
    run("switch", "-q", "-c", "theirs")
    text = place.read_text().replace(own.key, KEY.key).replace(own.fingerprint, KEY.fingerprint)
    git.aw.git.commit({ANSWERS: text}, "another key")
    run("switch", "-q", "main")
    git.aw.ok("set", "admin.email=ada@example.com", "--yes")
    run("merge", "-q", "--no-edit", "theirs")
    assert KEY.key in place.read_text()
    for command in (["plan"], ["check"], ["commit", "--yes"], ["set", "dags.depth=2", "--yes"]):
        done = git.aw(*command)
        assert done.code in {4, 5}, done
        assert KEY.fingerprint in done.out + done.err
    assert KEY.key not in run("show", f"HEAD:{VALUES}")


SWITCHES: Sequence[Mapping[str, str]] = [
    {"name": "GITSYNC_SSH_KNOWN_HOSTS", "value": "false"},
    {"name": "GIT_SYNC_KNOWN_HOSTS", "value": "0"},
    {"name": "GITSYNC_SSH_COMMAND", "value": "ssh -o StrictHostKeyChecking=no"},
]


@pytest.mark.parametrize("variable", SWITCHES, ids=lambda one: str(one["name"]))
def test_variables_that_switch_verification_off_are_refused(
    git: Git, variable: dict[str, str]
) -> None:
    given = {
        "dags.repo": f"ssh://git@{HOST}/platform/dags.git",
        "dags.host_keys": [claimed()],
        "values": {"dags": {"gitSync": {"env": [variable]}}},
    }
    answers_file(git.file, given)
    done = git.aw(
        "commit", "--answers", str(git.file), "--yes", "--host-key-fingerprint", KEY.fingerprint
    )
    assert done.code in {3, 4}, done
    assert "dags.gitSync.env" in done.out + done.err
    git.require_nothing()


MD5 = "f1:d0:fb:46:73:7a:70:92:5a:ab:5d:ef:43:e2:1c:35"


@pytest.mark.parametrize("text", [MD5, f"MD5:{MD5}", KEY.fingerprint[:20], KEY.fingerprint[7:-1]])
def test_part_of_a_fingerprint_is_refused_with_what_to_type(git: Git, text: str) -> None:
    given = {"dags.repo": f"ssh://git@{HOST}/platform/dags.git", "dags.host_keys": [claimed()]}
    answers_file(git.file, given)
    for command in (["plan"], ["commit", "--yes"]):
        done = git.aw(*command, "--answers", str(git.file), "--host-key-fingerprint", text)
        assert done.code == 3, done
        assert "sha256" in done.err.casefold()
    git.require_nothing()
