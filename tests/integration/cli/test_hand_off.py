"""Secrets for a store that only somebody else may write to: sealed, handed over, taken once."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr
from pyrage import decrypt, x25519

from tests.integration.cli.test_secrets_command import (
    ALLOW,
    GENERATED,
    Bench,
    bench,
    requests,
    writes,
)
from tests.support.cli import aw
from tests.support.process import Finished
from tests.support.repository import GitFolder
from wizard.cli import secrets_seal
from wizard.clients import age
from wizard.errors import UsageError, WizardError
from wizard.provisioning.sealed_file import HandOff, write_new_file
from wizard.secrets.deploy_key import is_same_key

__all__ = ["aw", "bench", "requests"]

pytestmark = pytest.mark.integration


class Side:
    """Both people: the one who makes the file without a login, and the one who has both keys."""

    def __init__(self, bench: Bench, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.bench, self.folder, self._patch = bench, folder, patch
        self.file = folder / "handed.age"
        self.identity = x25519.Identity.generate()
        self.key = folder / "key.txt"
        self.key.write_text(f"# of the Vault team\n{self.identity}\n")
        self.to: tuple[str, ...] = ("--recipient", str(self.identity.to_public()))

    def make(self, *more: str, file: Path | None = None, code: int = 0) -> Finished:
        with self._patch.context() as patch:
            for name in ("VAULT_ADDR", "VAULT_CACERT", "VAULT_TOKEN"):
                patch.delenv(name)
            words = ("--hand-off", str(file or self.file), *self.to, "--yes", *ALLOW, *more)
            done = self.bench(*words, code=code)
        for value in self.values().values() if self.file.exists() else ():
            assert len(value) < 20 or value.strip() not in done.out + done.err
        return done

    def take(self, *more: str, file: Path | None = None, code: int = 0) -> Finished:
        given = ("--take", str(file or self.file), "--identity", str(self.key), "--yes", *more)
        return self.bench(*given, code=code)

    def payload(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(decrypt(self.file.read_bytes(), [self.identity]))
        return data

    def values(self) -> dict[str, str]:
        return dict(self.payload()["values"])

    def seal(self, **changes: Any) -> Path:
        """The file again, changed as only somebody who could read it can."""
        path = self.folder / "changed.age"
        text = json.dumps({**self.payload(), **changes}).encode()
        path.write_bytes(age.encrypt_bytes(text, [self.identity.to_public()]))
        return path


@pytest.fixture
def side(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Side:
    return Side(bench, tmp_path, monkeypatch)


def test_made_without_a_login_and_taken_by_somebody_with_one(
    side: Side, requests: list[tuple[str, str]]
) -> None:
    made = side.make()
    assert requests == []
    assert stat.S_IMODE(side.file.stat().st_mode) == 0o600
    assert side.file.read_bytes().startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    values, payload = side.values(), side.payload()
    assert set(values) == {*GENERATED, "databasePassword"}
    assert set(payload["generated"]) == GENERATED
    assert payload["store"]["path"] == "airflow-install/airflow/config"
    public = side.bench.public()
    assert public in made.out
    for key in values:
        assert key in made.out
    assert f"{side.bench.mount}/airflow-install/airflow/config" in made.out
    assert "--take FILE --identity KEYFILE" in made.err

    taken = side.take()
    assert taken.out.count("from the file") == len(values)
    assert " generated" not in taken.out
    assert side.bench.values() == values
    path = "airflow-install/airflow/config"
    assert writes(requests) == [
        f"{side.bench.mount}/{part}/{path}" for part in ("data", "metadata")
    ]
    assert public in taken.out
    # Both sides are told the same checksum.
    digest = next(word for word in made.err.split() if word.startswith("sha256:"))
    assert digest in taken.err
    side.bench.aw.ok("commit", "--answers", str(side.bench.file), "--yes")

    requests.clear()
    assert "nothing to write" in side.take().err
    assert "nothing to write" in side.bench("--yes").err
    assert writes(requests) == []
    assert side.bench.version == 1


def test_generated_once_whoever_asks_again(side: Side) -> None:
    side.make()
    before, public = side.file.read_bytes(), side.bench.public()
    other = side.folder / "other.age"
    again = side.make(file=other, code=5)
    assert "fernetKey" in again.err
    assert "--new-hand-off" in again.err
    # Nor into the store, while nobody has taken the file.
    assert "handed off on" in side.bench("--yes", *ALLOW, code=5).err
    assert side.bench.version == 0
    # Not even where this machine forgot: the deploy key is recorded.
    shutil.rmtree(Path(os.environ["XDG_STATE_HOME"]))
    assert "dags.key.public is SHA256:" in side.make(file=other, code=5).err
    assert not other.exists()
    assert (side.file.read_bytes(), side.bench.public()) == (before, public)

    side.file = other
    side.make("--new-hand-off")
    assert not is_same_key(side.bench.public(), public)
    side.take()
    assert side.bench.values() == side.values()


def test_what_earlier_answers_named_is_a_doubt_here_too(side: Side) -> None:
    """The values in use may be in the place before; this run does not read the store."""
    bench = side.bench
    bench.answers({"dags.source": "volume"})
    bench("--yes", *ALLOW)
    first = bench.values()
    bench.aw.ok("commit", "--yes", "--answers", str(bench.file))
    moved = "secrets.vault.path=airflow-install/other/config"
    bench.aw.ok("set", moved, "--yes", "--accept", "another-payload")
    bench.answers({"dags.source": "volume", "secrets.vault.path": moved.partition("=")[2]})
    refused = side.make(code=4)
    assert "--accept unchecked-use" in refused.err
    assert f"{bench.mount}/airflow-install/airflow/config, which earlier answers" in refused.err
    assert not side.file.exists()
    # Whoever takes a file that was made all the same does not store a second key.
    side.make("--accept", "unchecked-use")
    assert side.values()["fernetKey"] != first["fernetKey"]
    taken = side.take(code=5)
    assert "another place of the store has different values" in taken.err


def test_a_killed_run_is_continued(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    def written_and_killed(path: Path, data: bytes) -> None:
        write_new_file(path, data)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(secrets_seal, "write_new_file", killed)
        side.make(code=130)
    assert not side.file.exists()
    with monkeypatch.context() as patch:
        # The file stands, and nothing after it happened.
        patch.setattr(secrets_seal, "write_new_file", written_and_killed)
        side.make(code=130)
    made = side.file.read_bytes()
    assert "public" not in (yaml.safe_load(side.bench.file.read_text())["dags"].get("key") or {})
    done = side.make()
    assert "nothing is generated again" in done.err
    assert side.file.read_bytes() == made
    side.take()
    assert is_same_key(side.bench.public(), done.out.splitlines()[-1])


def test_what_the_store_holds_is_never_replaced(side: Side) -> None:
    side.make()
    theirs = "somebody-elses-redis-password"
    side.bench.put({"redisPassword": theirs, "their": "own"})
    done = side.take(code=5)
    assert "has different values than the file: redisPassword;" in done.err
    assert side.bench.values() == {"redisPassword": theirs, "their": "own"}
    # The same value there is no difference, and what belongs to others stays.
    side.bench.put({"redisPassword": side.values()["redisPassword"], "their": "own"})
    side.take()
    assert side.bench.values() == {**side.values(), "their": "own"}


def test_an_installation_that_lived_before_gets_nothing(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    side.make()
    with monkeypatch.context() as patch:
        patch.setattr(
            "wizard.cli.secrets_report.open_cluster",
            lambda *_: (lambda _n, names: [names[0]], "the test's cluster"),
        )
        assert "already ran" in side.take(code=4).err
        assert side.bench.version == 0
        shutil.rmtree(Path(os.environ["XDG_STATE_HOME"]))
        side.bench.answers()
        other = side.folder / "other.age"
        assert "already ran" in side.make(file=other, code=4).err
        assert not other.exists()


def test_files_that_are_not_meant_are_refused(side: Side) -> None:
    side.make()
    store = side.payload()["store"]
    cases: dict[str, dict[str, Any]] = {
        "is for installation other": {"installation": "other"},
        "is not a hand-off": {"kind": "else"},
        "newer version": {"schema": 2},
        "is damaged": {"values": {"fernetKey": 1}},
        "mount elsewhere": {"store": {**store, "mount": "elsewhere"}},
        "is not a Fernet key": {"values": {**side.values(), "fernetKey": "hunter2"}},
    }
    for words, changes in cases.items():
        assert words in side.take(file=side.seal(**changes), code=4).err, words
    cut = side.folder / "cut.age"
    cut.write_bytes(side.file.read_bytes()[:-80])
    assert "cannot be opened" in side.take(file=cut, code=4).err
    cut.write_bytes(b"no age file")
    assert "is not an age file" in side.take(file=cut, code=4).err
    side.key.write_text(f"{x25519.Identity.generate()}\n")
    assert "for other recipients" in side.take(code=4).err
    assert side.bench.version == 0


def test_a_deploy_key_that_is_not_the_recorded_one_is_a_conflict(side: Side) -> None:
    side.make()
    text = side.bench.file.read_text()
    side.bench.answers()
    shutil.rmtree(Path(os.environ["XDG_STATE_HOME"]))
    other = side.folder / "other.age"
    side.make(file=other)
    assert side.bench.file.read_text() != text
    assert "belongs to SHA256:" in side.take(code=5).err
    assert side.bench.version == 0


def ran(*words: str | Path, given: bytes = b"") -> bytes:
    return subprocess.run(words, input=given, capture_output=True, check=True).stdout


def test_age_itself_opens_it_and_makes_files_that_are_taken(side: Side, tmp_path: Path) -> None:
    if not (shutil.which("age") and shutil.which("age-keygen")):
        if os.environ.get("WIZARD_REQUIRE_ALL"):
            pytest.fail("needs the program age (Debian: age)")
        pytest.skip("needs the program age (Debian: age)")
    key, ssh = tmp_path / "made-by-age", tmp_path / "ssh"
    key.write_bytes(ran("age-keygen"))
    ran("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "vault team", "-f", ssh)
    side.to = (
        *side.to,
        *("--recipient", ran("age-keygen", "-y", key).decode().strip()),
        *("--recipients-file", str(tmp_path / "team")),
    )
    public = ssh.with_suffix(".pub").read_text()
    (tmp_path / "team").write_text(f"# the Vault team\n\n{public}{side.identity.to_public()}\n")
    assert "its 3 recipients" in side.make().err
    plain = ran("age", "-d", "-i", key, side.file)
    assert json.loads(plain)["values"] == side.values()
    assert ran("age", "-d", "-i", ssh, side.file) == plain

    # Sealed again by age, for the same person: binary, and with an SSH key.
    side.key, resealed = ssh, tmp_path / "resealed.age"
    ran("age", "-e", "-R", ssh.with_suffix(".pub"), "-o", resealed, given=plain)
    side.take(file=resealed)
    assert side.bench.values() == side.values()


# --- where it may lie, and who may open it


def test_git_never_gets_hold_of_the_file(side: Side, tmp_path: Path) -> None:
    GitFolder.init(tmp_path / "other")
    (tmp_path / "other/below").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "other/below", target_is_directory=True)
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "bare"], check=True)
    (tmp_path / "there").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for place, words in {
        "config/x.age": "is in the Git repository",
        "config/.git/x.age": "is in the Git repository",
        "other/below/x.age": "is in the Git repository",
        "linked/x.age": "is in the Git repository",
        "bare/x.age": "is in the Git repository",
        "there": "exists already",
        "dangling": "exists already",
        "missing/x.age": "No such file or directory",
    }.items():
        assert words in side.make(file=tmp_path / place, code=64).err, place
    assert "give a file name" in side.make(file=Path("-"), code=64).err
    assert "key" not in yaml.safe_load(side.bench.file.read_text())["dags"]


def test_a_file_that_came_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.age"
    path.write_text("theirs")
    with pytest.raises(UsageError, match="File exists"):
        write_new_file(path, b"ours")
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_stick_without_hard_links_takes_the_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_paths: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    path = tmp_path / "x.age"
    write_new_file(path, b"ours")
    assert path.read_bytes() == b"ours"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(UsageError, match="File exists"):
        write_new_file(path, b"again")
    assert path.read_bytes() == b"ours"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "neither an age nor"),
        ("age1qqqq", "is not a readable public key"),
        ("age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9", "keys in plugins"),
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAA", "neither an age nor"),
        ("ssh-ed25519 AAAA", "is not a readable public key"),
        ("AGE-SECRET-KEY-1QQQQ", "this is a private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "this is a private key"),
    ],
)
def test_who_may_open_it_is_named_by_public_keys(text: str, says: str) -> None:
    good = str(x25519.Identity.generate().to_public())
    with pytest.raises(UsageError) as error:
        age.read_recipients([good, text])
    assert says in error.value.message
    assert "the second one" in error.value.message
    assert not text or text not in error.value.message + error.value.hint


def test_a_file_of_recipients_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "team"
    path.write_text(f"# us\n{x25519.Identity.generate()}\n")
    with pytest.raises(UsageError, match="line 2: this is a private key"):
        age.read_recipients([], [path])
    path.write_text("# nobody yet\n")
    with pytest.raises(UsageError, match="at least one recipient"):
        age.read_recipients([], [path])


def test_identities_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    ran("ssh-keygen", "-q", "-t", "ed25519", "-N", "hunter2", "-f", locked)
    ecdsa = tmp_path / "ecdsa"
    ran("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", ecdsa)
    empty = tmp_path / "empty"
    empty.write_text("# nothing\n")
    for path, words in {
        locked: "has a passphrase",
        ecdsa: "is not a usable private key",
        empty: "is not a usable private key",
        tmp_path / "missing": "No such file",
        Path("/dev/zero"): "is not a regular file",
    }.items():
        with pytest.raises(UsageError, match=words):
            age.read_identities([path])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--hand-off", "x.age"), "needs at least one recipient"),
        (("--recipient", "age1"), "is for --hand-off"),
        (("--new-hand-off",), "is for --hand-off"),
        (("--identity", "x"), "is for --take"),
        (("--take", "x"), "needs a private key"),
        (("--take", "x", "--hand-off", "y"), "run one command for each"),
        (("--take", "x", "--identity", "y", "--prove"), "--take cannot be used with --prove"),
    ],
)
def test_options_that_do_not_go_together(bench: Bench, words: tuple[str, ...], says: str) -> None:
    done = bench("--yes", *words, code=64)
    assert says in done.err


def test_nothing_shows_the_values() -> None:
    handed = HandOff("airflow", {}, {"fernetKey": SecretStr("hunter2")}, ("fernetKey",))
    assert "hunter2" not in repr(handed)
    with pytest.raises(WizardError) as error:
        age.decrypt_text(b"-----BEGIN AGE ENCRYPTED FILE-----\nhunter2", [], "x")
    assert "hunter2" not in str(error.value)
