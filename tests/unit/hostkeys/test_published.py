"""The shipped list of host keys: nothing in it rests on anybody's memory."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import SHARED
from tests.tools import published_host_keys as generator
from wizard.hostkeys import published
from wizard.hostkeys.keys import HostKey, known_hosts_name
from wizard.hostkeys.published import published_keys, retired_reason

FACTS = SHARED / "facts"
DATA: dict[str, Any] = json.loads(generator.TARGET.read_text())
ENTRIES: list[dict[str, Any]] = DATA["published"]
IDS = [f"{entry['host']}:{entry['port']}-{entry['type']}" for entry in ENTRIES]

needs_facts = pytest.mark.skipif(
    not (FACTS / "host_keys.json").exists(), reason="../shared/facts/host_keys.json is missing"
)


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_every_key_hashes_to_its_fingerprint_and_names_its_sources(entry: dict[str, Any]) -> None:
    digest = hashlib.sha256(base64.b64decode(entry["key"], validate=True)).digest()
    assert entry["sha256"] == "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    key = HostKey(entry["type"], entry["key"])
    assert (key.fingerprint, key.type) == (entry["sha256"], entry["type"])
    assert key.bits >= (2048 if key.type == "ssh-rsa" else 256)
    assert entry["publisher"].startswith("https://")
    assert entry["also"]
    assert not retired_reason(key.fingerprint)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_ssh_keygen_reads_every_key_and_prints_the_same_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(
        "".join(
            HostKey(entry["type"], entry["key"]).known_hosts_line(entry["host"], entry["port"])
            + "\n"
            for entry in ENTRIES
        )
    )
    printed = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(path)], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert [line.split()[1] for line in printed] == [entry["sha256"] for entry in ENTRIES]


def test_the_hosts_are_exactly_those_with_a_publisher_and_a_second_source() -> None:
    assert {known_hosts_name(entry["host"], entry["port"]) for entry in ENTRIES} == {
        "[ssh.github.com]:443",
        "bitbucket.org",
        "git-codecommit.us-east-1.amazonaws.com",
        "github.com",
        "gitlab.com",
        "ssh.dev.azure.com",
        "vs-ssh.visualstudio.com",
    }
    for host, port in (
        ("altssh.gitlab.com", 443),
        ("codeberg.org", 22),
        ("git.sr.ht", 22),
        ("github.com", 443),
        ("ssh.github.com", 22),
        ("source.developers.google.com", 2022),
        ("not a host", 22),
    ):
        assert published_keys(host, port) == ()


def test_one_key_a_type_and_host() -> None:
    assert len({(e["host"], e["port"], e["type"]) for e in ENTRIES}) == len(ENTRIES)


def test_lookup_takes_any_spelling_of_the_host() -> None:
    keys = published_keys("GitHub.com.", 22)
    assert [entry.key.type for entry in keys] == ["ecdsa-sha2-nistp256", "ssh-ed25519", "ssh-rsa"]
    assert {entry.name for entry in keys} == {"github.com"}
    assert len(published_keys("ssh.github.com", 443)) == 3


def test_retired_keys_are_known_by_name_and_reason() -> None:
    github_rsa_of_2023 = "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"
    assert "replaced 2023-03-24" in retired_reason(github_rsa_of_2023)
    assert len(DATA["retired"]) == 5
    assert retired_reason(ENTRIES[0]["sha256"]) == ""


@needs_facts
def test_the_file_is_what_the_generator_writes() -> None:
    assert generator.render(FACTS) == generator.TARGET.read_text()


@needs_facts
def test_nothing_that_is_not_marked_for_automatic_trust_is_shipped() -> None:
    facts = json.loads((FACTS / "host_keys.json").read_text())
    wanted = {
        (*entry["known_hosts"].split(" "), entry["sha256"])
        for entries in facts["hosts"].values()
        for entry in entries
        if entry["auto_trust"]
    }
    shipped = {
        (known_hosts_name(e["host"], e["port"]), e["type"], e["key"], e["sha256"]) for e in ENTRIES
    }
    assert shipped == wanted
    retired = {entry["sha256"] for entry in facts["retired"]}
    assert retired <= {entry["sha256"] for entry in DATA["retired"]}


def test_a_swapped_key_in_the_file_does_not_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (
        e
        for e in ENTRIES
        if e["type"] == "ssh-ed25519" and e["host"] in {"github.com", "gitlab.com"}
    )
    changed = {**DATA, "published": [{**first, "key": second["key"]}]}
    path = tmp_path / "published_host_keys.json"
    path.write_text(json.dumps(changed))
    monkeypatch.setattr(published, "_DATA", path)
    with pytest.raises(ValueError, match="not the published one"):
        published._load.__wrapped__()


@needs_facts
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sha256": "SHA256:" + "A" * 43}, "does not hash"),
        ({"two_independent": False}, "without the evidence"),
        ({"official": []}, "without the evidence"),
        ({"bits": 255}, "without the evidence"),
    ],
)
def test_the_generator_stops_at_a_contradiction(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    facts = json.loads((FACTS / "host_keys.json").read_text())
    facts["hosts"]["gitlab.com"][1].update(change)
    (tmp_path / "host_keys.json").write_text(json.dumps(facts))
    shutil.copy(FACTS / "host_keys.md", tmp_path)
    with pytest.raises(ValueError, match=says):
        generator.render(tmp_path)
